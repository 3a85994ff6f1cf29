//! What is said of bundles that were read: fields of a newer version that were read past, text that is not what it seems.

use super::output::escaped;
use crate::bundle::{Bundle, SCHEMA_VERSION};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Files that are told by name; of the rest the number is.
const MOST_FILES: usize = 5;
/// Fields that are named of each.
const MOST_FIELDS: usize = 4;

/// Files with a warning; threads that read may share it.
#[derive(Debug, Default)]
pub(super) struct Warned(Mutex<Vec<(PathBuf, String)>>);

/// The warnings of a bundle; none of an ordinary one.
pub(super) fn warnings(bundle: &Bundle, dropped: &str) -> Vec<String> {
    let mut said = Vec::new();
    let [major, minor] = bundle.header.schema_version;
    if minor > SCHEMA_VERSION[1] {
        let [ours, least] = SCHEMA_VERSION;
        let fields =
            bundle.remarks.iter().flat_map(|remark| remark.unknown.iter().map(|field| (remark.line, &field.at)));
        let named = listed(fields.map(|(line, at)| format!("line {line}: {at}")));
        let fields =
            if named.is_empty() { "no field is new".to_owned() } else { format!("not known and {dropped}: {named}") };
        said.push(format!(
            "format {major}.{minor} is newer than {ours}.{least}, which this stridewise reads; {fields}"
        ));
    }
    let hiding = bundle.remarks.iter().flat_map(|remark| remark.hiding.iter().map(|at| (remark.line, at)));
    let named = listed(hiding.map(|(line, at)| format!("line {line}: {at}")));
    if !named.is_empty() {
        said.push(format!("text with characters that are not seen or turn it, shown as escapes: {named}"));
    }
    said
}

/// The first of some fields, and how many more there are.
fn listed(fields: impl Iterator<Item = String>) -> String {
    let (mut named, mut more) = (Vec::new(), 0);
    for field in fields {
        if named.len() < MOST_FIELDS { named.push(field) } else { more += 1 }
    }
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    named.join(", ") + &more
}

impl Warned {
    /// Keeps what there is to say of a bundle whose unknown fields are left out of what is made of it.
    pub(super) fn of(&self, file: &Path, bundle: &Bundle) {
        self.note(file, bundle, "not used");
    }

    /// As [`Warned::of`], where unknown fields are `dropped` or what else happens to them.
    pub(super) fn note(&self, file: &Path, bundle: &Bundle, dropped: &str) {
        let said = warnings(bundle, dropped);
        if !said.is_empty() {
            let mut files = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            files.push((file.to_owned(), said.join("; ")));
        }
    }

    /// One line per file, in the order of their names.
    #[expect(clippy::print_stderr, reason = "warnings go where errors go, and leave standard output to the result")]
    pub(super) fn print(self) {
        let mut files = self.0.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        files.sort();
        for (file, said) in files.iter().take(MOST_FILES) {
            eprintln!("stridewise: warning: {}: {}", escaped(&file.to_string_lossy()), escaped(said));
        }
        if let Some(more) = files.len().checked_sub(MOST_FILES).filter(|&more| more > 0) {
            eprintln!(
                "stridewise: warning: {more} more files like these; stridewise validate --format json names each"
            );
        }
    }
}
