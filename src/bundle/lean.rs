//! Lines of pairs and cases, as `run` writes them, read field by field: a case that was read before is not read again. What
//! this does not know is read the usual way, which also says what is wrong.

use super::known;
use super::model::{CaseInfo, CaseRecord, PairRecord};
use super::plain::Field;
use serde::de::DeserializeOwned;
use std::sync::Arc;

fn find<'a, 'b>(fields: &'b [Field<'a>], name: &str) -> Option<&'b Field<'a>> {
    fields.iter().find(|field| field.name == name)
}

/// A case.
fn info(fields: &[Field<'_>], name: &str) -> Option<Arc<CaseInfo>> {
    let field = find(fields, name)?;
    field.case.clone().or_else(|| known::read(field.text))
}

/// A field that must be there.
fn field<T: DeserializeOwned>(fields: &[Field<'_>], name: &str) -> Option<T> {
    serde_json::from_str(find(fields, name)?.text).ok()
}

/// A field that may be absent, then it is what its type has for nothing.
fn or_default<T: DeserializeOwned + Default>(fields: &[Field<'_>], name: &str) -> Option<T> {
    find(fields, name).map_or_else(|| Some(T::default()), |field| serde_json::from_str(field.text).ok())
}

pub(super) fn pair(fields: &[Field<'_>]) -> Option<PairRecord> {
    Some(PairRecord {
        id: field(fields, "id")?,
        baseline: info(fields, "baseline")?,
        contender: info(fields, "contender")?,
        null: or_default(fields, "null")?,
        blocks: field(fields, "blocks")?,
        simulated: or_default(fields, "simulated")?,
        simulated_absent: or_default(fields, "simulated_absent")?,
        counted: or_default(fields, "counted")?,
        counted_absent: or_default(fields, "counted_absent")?,
    })
}

pub(super) fn case(fields: &[Field<'_>]) -> Option<CaseRecord> {
    Some(CaseRecord {
        case: info(fields, "case")?,
        blocks: field(fields, "blocks")?,
        simulated: or_default(fields, "simulated")?,
        simulated_absent: or_default(fields, "simulated_absent")?,
        counted: or_default(fields, "counted")?,
        counted_absent: or_default(fields, "counted_absent")?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::plain;
    use super::*;
    use crate::units::Rng;

    fn member(id: &str) -> String {
        let case: crate::suite::Case = id.parse().unwrap();
        serde_json::to_string(&CaseInfo::of(&case, &case.walked().unwrap(), "0".repeat(32))).unwrap()
    }

    fn pages() -> &'static str {
        r#"{"policy":"base","base_bytes":8192,"huge_bytes":0}"#
    }

    fn lines() -> [String; 2] {
        let [rows, columns] = ["order/sum/f8/64x64/C/0,1", "order/sum/f8/64x64/C/1,0"];
        let (one, other, pages) = (member(rows), member(columns), pages());
        let blocks = format!(
            r#"[{{"placement":0,"at_ms":1,"passes":9,"orders":"01","baseline_ns":[1,2,3,4],"contender_ns":[5,6,7,8],"disturbed":{{"1":"steal"}},"pages":{pages}}}]"#
        );
        let figures = r#"{"baseline":{"levels":[{"misses":4}]},"contender":{"levels":[]}}"#;
        let solo = format!(r#"[{{"placement":0,"at_ms":1,"passes":9,"ns":[1,2],"pages":{pages}}}]"#);
        [
            format!(
                r#"{{"kind":"pair","id":"{columns}","baseline":{one},"contender":{other},"blocks":{blocks},"simulated":{figures},"counted":null,"counted_absent":"no PMU"}}"#
            ),
            format!(
                r#"{{"kind":"case","case":{one},"blocks":{solo},"simulated":null,"simulated_absent":"no","counted":{{"a":1}}}}"#
            ),
        ]
    }

    #[test]
    fn lines_as_they_are_written_are_read() {
        let [a, b] = lines();
        assert_eq!(pair(&plain::of(&a).unwrap().fields), Some(serde_json::from_str(&a).unwrap()));
        assert_eq!(case(&plain::of(&b).unwrap().fields), Some(serde_json::from_str(&b).unwrap()));
    }

    /// Lines with bytes changed, left out, doubled: whatever is read is what the usual reading gives.
    #[test]
    fn nothing_is_read_otherwise_than_the_usual_way() {
        let (mut rng, mut read, bytes) = (Rng::new(11), [0; 2], b"{}[]\",:\\0123456789.-abcdefnulltrue ");
        let lines = lines();
        for turn in 0..40_000 {
            let kind = turn % 2;
            let mut line = lines[kind].clone().into_bytes();
            let at = usize::try_from(rng.below(line.len() as u64)).unwrap();
            let byte = bytes[usize::try_from(rng.below(bytes.len() as u64)).unwrap()];
            match rng.below(3) {
                0 => line[at] = byte,
                1 => drop(line.remove(at)),
                _ => line.insert(at, byte),
            }
            let line = String::from_utf8(line).unwrap();
            let Some(plain) = plain::of(&line) else { continue };
            let same = match kind {
                0 => pair(&plain.fields)
                    .map(|found| serde_json::from_str(&line).is_ok_and(|usual: PairRecord| usual == found)),
                _ => case(&plain.fields)
                    .map(|found| serde_json::from_str(&line).is_ok_and(|usual: CaseRecord| usual == found)),
            };
            if let Some(same) = same {
                read[kind] += 1;
                assert!(same, "{line}");
            }
        }
        assert!(read.iter().all(|&n| n > 100), "{read:?}");
    }
}
