//! Reads what others wrote: bounded, strict, and trusting nothing that can be recomputed.

use super::check;
use super::model::{Bundle, CaseRecord, End, Header, PairRecord, Record, Skipped};
use super::remark::{self, Remark, Unknown};
use super::{BundleError, lean, plain, strict};
use rustc_hash::FxHashMap;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::cell::Cell;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Bytes of a file at most.
const MOST_BYTES: u64 = 64 << 20;
/// Bytes of a line at most.
const MOST_LINE: usize = 1 << 20;

/// Whether a run that was cut off is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Partial {
    /// A bundle must have its end.
    Refused,
    /// Whole lines count; the last one may be cut.
    Allowed,
}

/// The bundle files that a path names: itself, or those in a folder.
///
/// # Errors
/// A path that is not there, or a folder without a bundle.
pub fn files(path: &Path) -> Result<Vec<PathBuf>, BundleError> {
    let io = |source| BundleError::Io { path: path.to_owned(), source };
    if !std::fs::metadata(path).map_err(io)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path).map_err(io)? {
        let entry = entry.map_err(io)?;
        let name = entry.file_name();
        let number = name.to_str().and_then(bundle_number);
        // Neither links nor pipes: a folder may come from elsewhere.
        if let Some(number) = number.filter(|_| entry.file_type().is_ok_and(|kind| kind.is_file())) {
            found.push((number, entry.path()));
        }
    }
    found.sort();
    if found.is_empty() {
        let what = "no bundle.jsonl in this folder".to_owned();
        return Err(BundleError::File { path: path.to_owned(), what });
    }
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

/// `bundle.jsonl` is 1, `bundle-2.jsonl` 2.
pub(super) fn bundle_number(name: &str) -> Option<u32> {
    let middle = name.strip_prefix("bundle")?.strip_suffix(".jsonl")?;
    if middle.is_empty() { Some(1) } else { middle.strip_prefix('-')?.parse().ok().filter(|&n| n > 1) }
}

/// Reads one file.
///
/// # Errors
/// The line and field at fault; without [`Partial::Allowed`] also a file without its end.
pub fn read(path: &Path, partial: Partial) -> Result<Bundle, BundleError> {
    let mut bytes = KEPT.take();
    let bundle = fill(path, &mut bytes).and_then(|()| parse(path, &bytes, partial));
    if bytes.capacity() <= MOST_KEPT {
        KEPT.set(bytes);
    }
    bundle
}

thread_local! {
    /// What the last file was read into: a fresh buffer of that size costs more than what is read into it.
    static KEPT: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}
/// Bytes of a buffer that is kept.
const MOST_KEPT: usize = 4 << 20;

fn fill(path: &Path, bytes: &mut Vec<u8>) -> Result<(), BundleError> {
    regular(path)?;
    let opened = File::open(path).map_err(|source| BundleError::Io { path: path.to_owned(), source })?;
    fill_of(path, &opened, bytes)
}

/// Asked before a file is opened: opening a pipe waits for its other end.
pub(super) fn regular(path: &Path) -> Result<(), BundleError> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_file() => Ok(()),
        Ok(_) => Err(BundleError::File { path: path.to_owned(), what: "not a regular file".to_owned() }),
        Err(source) => Err(BundleError::Io { path: path.to_owned(), source }),
    }
}

/// What is in an opened file, if it is no more than is read and has not the first bytes of something else.
pub(super) fn bytes_of(path: &Path, opened: &File) -> Result<Vec<u8>, BundleError> {
    let mut bytes = Vec::new();
    fill_of(path, opened, &mut bytes)?;
    Ok(bytes)
}

fn fill_of(path: &Path, opened: &File, bytes: &mut Vec<u8>) -> Result<(), BundleError> {
    let io = |source| BundleError::Io { path: path.to_owned(), source };
    let file = |what: &str| BundleError::File { path: path.to_owned(), what: what.to_owned() };
    bytes.clear();
    opened.take(MOST_BYTES + 1).read_to_end(bytes).map_err(io)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(file("larger than 64 MiB, the most that is read"));
    }
    // Where a format has its sign, and what is said of it.
    let magic: [(usize, &[u8], &str); 9] = [
        (0, b"\x1f\x8b", "compressed with gzip: unpack it first"),
        (0, b"\x28\xb5\x2f\xfd", "compressed with zstd: unpack it first"),
        (0, b"PK\x03\x04", "a zip archive: unpack it first"),
        (257, b"ustar", "a tar archive: unpack it first"),
        (0, b"\xff\xfe", "UTF-16: expected UTF-8"),
        (0, b"\xfe\xff", "UTF-16: expected UTF-8"),
        (0, b"{\0", "UTF-16: expected UTF-8"),
        (0, b"\0{", "UTF-16: expected UTF-8"),
        (0, b"\xef\xbb\xbf", "begins with a byte order mark: expected plain UTF-8"),
    ];
    let sign = |at: usize, sign: &[u8]| bytes.get(at..).is_some_and(|rest| rest.starts_with(sign));
    match magic.iter().find(|(at, bytes, _)| sign(*at, bytes)) {
        Some((.., what)) => Err(file(what)),
        None => Ok(()),
    }
}

/// Reads the bytes of a file named `path`.
///
/// # Errors
/// As [`read`].
pub fn parse(path: &Path, bytes: &[u8], partial: Partial) -> Result<Bundle, BundleError> {
    let file = |what: String| BundleError::File { path: path.to_owned(), what };
    let (mut reader, mut digest, mut line) = (Reader::default(), Sha256::new(), 0);
    let mut begin = 0;
    while begin < bytes.len() {
        let end = memchr::memchr(b'\n', &bytes[begin..]).map_or(bytes.len(), |length| begin + length + 1);
        let text = &bytes[begin..end];
        begin = end;
        line += 1;
        let whole = text.ends_with(b"\n");
        match reader.line(line, text, &digest) {
            Ok(()) => {}
            // What was being written when the run was cut off.
            Err(_) if !whole && partial == Partial::Allowed && reader.header.is_some() => break,
            Err(what) => return Err(BundleError::Line { path: path.to_owned(), line, what }),
        }
        digest.update(text);
    }
    let Some(header) = reader.header else { return Err(file("empty: no header".to_owned())) };
    if reader.end.is_none() && partial == Partial::Refused {
        let done = format!("{} of {} cases", reader.plan.done, header.plan.ids.len());
        return Err(file(format!(
            "cut off: {done} and no end; --allow-partial reads it, stridewise run --resume goes on with it"
        )));
    }
    if reader.pairs.is_empty() && reader.cases.is_empty() && partial == Partial::Refused {
        return Err(file("no cases: nothing was measured".to_owned()));
    }
    let Reader { pairs, cases, skipped, end, remarks, .. } = reader;
    Ok(Bundle { header, pairs, cases, skipped, end, remarks })
}

#[derive(Default)]
struct Reader {
    header: Option<Header>,
    plan: Planned,
    pairs: Vec<PairRecord>,
    cases: Vec<CaseRecord>,
    skipped: Vec<Skipped>,
    end: Option<End>,
    /// Whether a newer minor version wrote the file.
    newer: bool,
    remarks: Vec<Remark>,
}

impl Reader {
    fn line(&mut self, number: usize, bytes: &[u8], before: &Sha256) -> Result<(), String> {
        if bytes.len() > MOST_LINE {
            return Err("longer than 1 MiB, the most that is read".to_owned());
        }
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let before = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
            strict::within(before, &format!("not UTF-8 at byte {}", before.len()))
        })?;
        let text = text.strip_suffix('\n').unwrap_or(text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        let plain = plain::of(text);
        let kind = match &plain {
            Some(plain) => plain.kind.map(Cow::Borrowed),
            None => strict::kind(text)?.map(Cow::Owned),
        };
        let fields = plain.map(|plain| plain.fields);
        if self.end.is_some() {
            return Err("stands after the end".to_owned());
        }
        let kind = kind.ok_or("kind: expected bundle, pair, case, skipped or end")?;
        if self.header.is_none() && kind != "bundle" {
            return Err(format!("kind: the first line is the header, kind \"bundle\", not {kind:?}"));
        }
        match &*kind {
            "bundle" if self.header.is_some() => Err("kind: a second header".to_owned()),
            "bundle" => {
                self.header(text)?;
                self.remark::<Header>(number, |_| None, text)
            }
            "pair" => {
                let pair =
                    fields.and_then(|fields| lean::pair(&fields)).map_or_else(|| typed::<PairRecord>(text), Ok)?;
                check::pair(&pair)?;
                self.once(&pair.id)?;
                self.pairs.push(pair);
                self.remark::<PairRecord>(number, |all| Some(all.pairs.last()?.id.clone()), text)
            }
            "case" => {
                let case =
                    fields.and_then(|fields| lean::case(&fields)).map_or_else(|| typed::<CaseRecord>(text), Ok)?;
                check::solo(&case)?;
                self.once(&case.case.id)?;
                self.cases.push(case);
                self.remark::<CaseRecord>(number, |all| Some(all.cases.last()?.case.id.clone()), text)
            }
            "skipped" => {
                let skipped: Skipped = typed(text)?;
                self.once(&skipped.id)?;
                self.skipped.push(skipped);
                self.remark::<Skipped>(number, |all| Some(all.skipped.last()?.id.clone()), text)
            }
            "end" => {
                self.end(typed(text)?, before)?;
                self.remark::<End>(number, |_| None, text)
            }
            other => Err(format!("kind: expected bundle, pair, case, skipped or end, not {other:?}")),
        }
    }

    fn header(&mut self, text: &str) -> Result<(), String> {
        let ours =
            |header: &Header| header.schema == super::SCHEMA && header.schema_version[0] == super::SCHEMA_VERSION[0];
        let header: Header = match serde_json::from_str(text) {
            Ok(header) if ours(&header) => header,
            // What kind of file it is comes before what is wrong with it.
            _ => {
                kind_of_file(text)?;
                typed(text)?
            }
        };
        check::header(&header)?;
        self.pairs.reserve(header.plan.ids.len());
        self.plan.had = vec![false; header.plan.ids.len()];
        self.newer = header.schema_version[1] > super::SCHEMA_VERSION[1];
        self.header = Some(header);
        Ok(())
    }

    /// Once a line is accepted as a `T`.
    fn remark<T: DeserializeOwned>(
        &mut self,
        line: usize,
        id: impl Fn(&Self) -> Option<String>,
        text: &str,
    ) -> Result<(), String> {
        if let Some(found) = remark::of::<T>(text, self.newer)? {
            self.remarks.push(Remark { line, id: id(self), ..found });
        }
        Ok(())
    }

    fn once(&mut self, id: &str) -> Result<(), String> {
        let ids = self.header.as_ref().map_or(&[] as &[String], |header| &header.plan.ids);
        self.plan.once(ids, id)
    }

    fn end(&mut self, end: End, before: &Sha256) -> Result<(), String> {
        if end.lines != self.plan.done as u64 {
            return Err(format!("lines: expected {}, the file has {}", end.lines, self.plan.done));
        }
        if end.sha256 != check::hex(&before.clone().finalize()) {
            return Err("sha256: is not that of the lines before; the file was changed".to_owned());
        }
        self.end = Some(end);
        Ok(())
    }
}

/// Which ids of a plan had their line.
#[derive(Default)]
struct Planned {
    /// In the order of the plan.
    had: Vec<bool>,
    done: usize,
    /// Where each id stands, once a line does not come in the order of the plan.
    places: Option<FxHashMap<String, usize>>,
}

impl Planned {
    fn once(&mut self, ids: &[String], id: &str) -> Result<(), String> {
        let next = ids.get(self.done).filter(|next| *next == id && !self.had[self.done]).map(|_| self.done);
        let place = next.or_else(|| {
            let all = || ids.iter().enumerate().map(|(place, id)| (id.clone(), place)).collect();
            self.places.get_or_insert_with(all).get(id).copied()
        });
        let Some(place) = place else {
            return Err(format!("id: {:?} is not in the plan", super::shown(id)));
        };
        if std::mem::replace(&mut self.had[place], true) {
            return Err(format!("id: {id} stands twice"));
        }
        self.done += 1;
        Ok(())
    }
}

/// What the header says of the file itself.
#[derive(Deserialize)]
struct First {
    #[serde(default)]
    schema: Value,
    #[serde(default)]
    schema_version: Value,
}

/// Refuses what is no bundle, or one of a version that is not read.
fn kind_of_file(text: &str) -> Result<(), String> {
    let first: First = typed(text)?;
    if first.schema != super::SCHEMA {
        return Err(format!("schema: expected {:?}", super::SCHEMA));
    }
    if let Some([major, _]) = first.schema_version.as_array().map(Vec::as_slice)
        && major.as_u64().is_some_and(|major| major != u64::from(super::SCHEMA_VERSION[0]))
    {
        return Err(format!(
            "schema_version: major {major} is not read by stridewise {}, which reads {}; use the version that wrote it",
            env!("CARGO_PKG_VERSION"),
            super::SCHEMA_VERSION[0]
        ));
    }
    Ok(())
}

/// The field at fault is part of the message; looking for it takes a second reading.
fn typed<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    if let Ok(found) = serde_json::from_str(text) {
        return Ok(found);
    }
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        if path == "." { error.inner().to_string() } else { format!("{path}: {}", error.inner()) }
    })
}

impl Record {
    /// The line as it stands in a file, with its newline.
    ///
    /// # Errors
    /// Only if a number is not finite.
    pub fn line(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string(self)? + "\n")
    }

    /// The same with fields of a newer version.
    pub(super) fn line_with(&self, unknown: &[Unknown]) -> Result<String, serde_json::Error> {
        if unknown.is_empty() {
            return self.line();
        }
        let mut line = serde_json::to_value(self)?;
        unknown.iter().for_each(|unknown| unknown.put(&mut line));
        Ok(line.to_string() + "\n")
    }
}
