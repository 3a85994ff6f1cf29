//! Cases that were read before. Bundles of a fleet have the same ones, word for word: each is parsed and checked once per
//! thread, and shared by all the lines that have it.

use super::check::{Checked, expect, hexadecimal};
use super::model::CaseInfo;
use super::strict::LARGEST;
use crate::suite::{Case, agree, share_arrays};
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

thread_local! {
    /// By id.
    static KNOWN: RefCell<FxHashMap<String, Rc<Known>>> = RefCell::default();
}
/// Cases that are remembered.
const MOST_KNOWN: usize = 4096;
/// Bytes of the text of a case that is remembered.
const MOST_TEXT: usize = 1024;

/// A case and what a line has to say of it.
pub(super) struct Known {
    case: Case,
    fields: CaseInfo,
    /// The baseline that it was last seen with.
    beside: RefCell<Option<(String, Beside)>>,
    /// How it was last written, and what that was read as and found right.
    written: RefCell<Option<(String, Arc<CaseInfo>)>>,
}

/// What a contender has in common with its baseline.
#[derive(Clone, Copy)]
pub(super) struct Beside {
    /// Whether both must give the same result.
    pub(super) agree: bool,
    /// Whether both walk the same arrays.
    pub(super) share_arrays: bool,
}

impl Known {
    pub(super) fn beside(&self, baseline: &Self) -> Beside {
        let mut last = self.beside.borrow_mut();
        match &*last {
            Some((id, beside)) if *id == baseline.fields.id => *beside,
            _ => {
                let agree = agree(&baseline.case, &self.case);
                let beside = Beside { agree, share_arrays: share_arrays(&baseline.case, &self.case) };
                *last = Some((baseline.fields.id.clone(), beside));
                beside
            }
        }
    }
}

/// What an id stands for; parsed once.
fn by_id(id: &str, at: &str) -> Result<Rc<Known>, String> {
    if let Some(known) = KNOWN.with_borrow(|known| known.get(id).cloned()) {
        return Ok(known);
    }
    let case: Case = id.parse().map_err(|error| format!("{at}.id: {error}"))?;
    let walked = case.walked().map_err(|error| format!("{at}.shape: {error}"))?;
    case.footprint().map_err(|error| format!("{at}.shape: {error}"))?;
    let fields = CaseInfo::of(&case, &walked, String::new());
    let found = Rc::new(Known { case, fields, beside: RefCell::default(), written: RefCell::default() });
    KNOWN.with_borrow_mut(|known| {
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert(id.to_owned(), Rc::clone(&found));
    });
    Ok(found)
}

/// The case of a line, if its id is the one that the fields spell, and the fields are those that follow from it.
///
/// # Errors
/// The field at fault, of the member `at`.
pub(super) fn checked(info: &Arc<CaseInfo>, at: &str) -> Result<Rc<Known>, String> {
    let known = by_id(&info.id, at)?;
    let is_right = known.written.borrow().as_ref().is_some_and(|(_, right)| Arc::ptr_eq(right, info));
    if !is_right {
        follows(info, &known.fields, at)?;
    }
    Ok(known)
}

fn follows(info: &CaseInfo, expected: &CaseInfo, at: &str) -> Checked {
    expect(hexadecimal(&info.checksum, 32), || format!("{at}.checksum: expected 32 hexadecimal digits"))?;
    let fields: [(&str, bool); 14] = [
        ("family", info.family == expected.family),
        ("kernel", info.kernel == expected.kernel),
        ("dtype", info.dtype == expected.dtype),
        ("itemsize", info.itemsize == expected.itemsize),
        ("shape", info.shape == expected.shape),
        ("order", info.order == expected.order),
        ("loop", info.loop_order == expected.loop_order),
        ("options", info.options == expected.options),
        ("strides", info.strides == expected.strides),
        ("threads", info.threads == expected.threads),
        ("footprint_bytes", info.footprint_bytes == expected.footprint_bytes),
        ("steps", info.steps == expected.steps),
        ("accesses", info.accesses == expected.accesses),
        (
            "bytes_read and bytes_written",
            (info.bytes_read, info.bytes_written) == (expected.bytes_read, expected.bytes_written),
        ),
    ];
    let wrong = fields.into_iter().find(|(_, equal)| !equal);
    wrong.map_or(Ok(()), |(field, _)| Err(format!("{at}.{field}: does not follow from the id")))?;
    let exact = [info.footprint_bytes, info.accesses, info.bytes_read, info.bytes_written];
    expect(exact.iter().all(|&n| n <= LARGEST), || format!("{at}: a figure is above 2^53"))
}

/// The id of a case, which stands first where `run` wrote it.
fn id_of(text: &str) -> Option<&str> {
    text.strip_prefix("{\"id\":\"")?.split('"').next()
}

/// The case that a text begins with and how many bytes it takes, if it was [`read`] before, word for word.
pub(super) fn first(text: &str) -> Option<(usize, Arc<CaseInfo>)> {
    let id = id_of(text)?;
    KNOWN.with_borrow(|known| {
        let written = known.get(id)?.written.borrow();
        let (written, info) = written.as_ref()?;
        text.starts_with(written.as_str()).then(|| (written.len(), Arc::clone(info)))
    })
}

/// The case that is written here, in JSON without a second meaning; `None` if it is not right.
pub(super) fn read(text: &str) -> Option<Arc<CaseInfo>> {
    let known = by_id(id_of(text)?, "").ok()?;
    let info: Arc<CaseInfo> = Arc::new(serde_json::from_str(text).ok()?);
    if info.id != known.fields.id {
        return None;
    }
    follows(&info, &known.fields, "").ok()?;
    if text.len() <= MOST_TEXT {
        *known.written.borrow_mut() = Some((text.to_owned(), Arc::clone(&info)));
    }
    Some(info)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(checksum: &str) -> String {
        let case: Case = "order/sum/f8/64x64/C/1,0".parse().unwrap();
        let info = CaseInfo::of(&case, &case.walked().unwrap(), checksum.to_owned());
        serde_json::to_string(&info).unwrap()
    }

    #[test]
    fn the_same_text_is_one_value_and_another_is_not() {
        let (one, two) = ("0".repeat(32), "1".repeat(32));
        let zeros = read(&text(&one)).unwrap();
        let (length, again) = first(&(text(&one) + ",\"blocks\":[]")).unwrap();
        assert_eq!(length, text(&one).len());
        assert!(Arc::ptr_eq(&zeros, &again));
        assert_eq!(first(&text(&two)), None);
        let ones = read(&text(&two)).unwrap();
        assert_eq!((zeros.checksum.as_str(), ones.checksum.as_str()), (one.as_str(), two.as_str()));
        assert!(checked(&zeros, "baseline").is_ok() && checked(&ones, "baseline").is_ok());
    }

    #[test]
    fn what_is_wrong_stays_wrong_however_often_it_is_read() {
        let right = text(&"0".repeat(32));
        assert!(read(&right).is_some());
        let wrong = right.replace("\"steps\":4096", "\"steps\":4097");
        assert_ne!(right, wrong);
        for _ in 0..2 {
            assert_eq!(read(&wrong), None);
            let info: CaseInfo = serde_json::from_str(&wrong).unwrap();
            let error = checked(&Arc::new(info), "contender").map(|_| ()).unwrap_err();
            assert_eq!(error, "contender.steps: does not follow from the id");
        }
        assert_eq!(read(&text("short")), None);
        assert_eq!(read(&right.replace("sum/f8", "sum/f4")), None);
    }
}
