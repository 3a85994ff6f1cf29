//! Bundles of a comparison: found, read on all CPUs, reduced one by one, and missed where they were expected.

use super::super::exit::{Exit, Failure};
use super::super::warned::Warned;
use crate::bundle::{self, Partial};
use crate::compare::{Brief, Change, Identities, Run, Tally};
use crate::report;
use crate::suite::Filter;
use rayon::prelude::*;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Names of a list that are told; the rest is a number.
const MOST_NAMES: usize = 12;
/// Bundles that a page shows in full.
const MOST_ON_PAGE: usize = 8;

/// How files are read.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    pub(super) partial: Partial,
    pub(super) most: usize,
    pub(super) filter: Option<&'a Filter>,
}

/// What paths held.
pub(super) struct Found<T> {
    /// The runs, reduced.
    pub(super) runs: T,
    /// All files, in order.
    pub(super) files: Vec<PathBuf>,
    /// Files of runs that were cut off, and how far they came.
    cut: Vec<String>,
    /// Whole bundles, each counted once.
    whole: usize,
    /// Cases left by the filter, over all bundles.
    pub(super) cases: usize,
}

/// What a thread has read.
struct Part<T> {
    runs: T,
    cut: Vec<String>,
    whole: usize,
    cases: usize,
    errors: Vec<Failure>,
}

pub(super) fn tally(paths: &[PathBuf], reading: Reading<'_>) -> Result<Found<Tally>, Failure> {
    read(paths, reading, |tally: &mut Tally, run| tally.add(&run), Tally::merged)
}

pub(super) fn briefs(paths: &[PathBuf], reading: Reading<'_>) -> Result<Found<Vec<Brief>>, Failure> {
    let add = |runs: &mut Vec<Brief>, run: Run| runs.push(Brief::of(&run));
    read(paths, reading, add, |mut a, b| {
        a.extend(b);
        a
    })
}

/// Reads every file once, on all CPUs; nothing but the sums outlives its file.
fn read<T: Default + Send>(
    paths: &[PathBuf],
    reading: Reading<'_>,
    add: impl Fn(&mut T, Run) + Sync,
    merge: impl Fn(T, T) -> T + Sync + Send,
) -> Result<Found<T>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        match tree(path) {
            Ok(found) => files.extend(found),
            // Where shards are expected, a folder that a failed task left empty is one that is missing.
            Err(error) if reading.partial == Partial::Refused || !path.is_dir() => return Err(error),
            Err(_) => {}
        }
    }
    if files.len() > reading.most {
        return Err(Failure::usage(format!("--max-bundles {}: {} bundles were given", reading.most, files.len())));
    }
    let (identities, warned) = (Identities::default(), Warned::default());
    let empty = || Part { runs: T::default(), cut: Vec::new(), whole: 0, cases: 0, errors: Vec::new() };
    let one = |mut part: Part<T>, file: &PathBuf| {
        let read = bundle::read(file, reading.partial).inspect(|bundle| warned.of(file, bundle));
        let run = read.map(|bundle| Run::of(&bundle)).map_err(Failure::from);
        let claimed = run.and_then(|run| match identities.claim(&run) {
            Ok(new) => Ok((run, new)),
            Err(conflict) => Err(Failure::new(Exit::Invalid, conflict)),
        });
        match claimed {
            Ok((mut run, true)) => {
                if let Some(filter) = reading.filter {
                    run.cells.retain(|id, _| filter.keeps_id(id));
                }
                part.cases += run.cells.len();
                if run.whole {
                    part.whole += 1;
                } else {
                    part.cut.push(format!("{} ({} of {} cases)", file.display(), run.planned[1], run.planned[0]));
                }
                add(&mut part.runs, run);
            }
            Ok((_, false)) => {}
            Err(error) => part.errors.push(error),
        }
        part
    };
    let both = |mut a: Part<T>, b: Part<T>| {
        a.cut.extend(b.cut);
        a.errors.extend(b.errors);
        Part { runs: merge(a.runs, b.runs), whole: a.whole + b.whole, cases: a.cases + b.cases, ..a }
    };
    let mut part = files.par_iter().fold(empty, one).reduce(empty, both);
    warned.print();
    // Of several errors always the same one is told.
    if let Some(error) = part.errors.into_iter().min_by_key(ToString::to_string) {
        return Err(error);
    }
    part.cut.sort();
    Ok(Found { runs: part.runs, files, cut: part.cut, whole: part.whole, cases: part.cases })
}

impl<T> Found<T> {
    /// What is missing of `expected` whole bundles, in a sentence; nothing if nothing is.
    pub(super) fn missing(&self, expected: Option<usize>) -> Option<String> {
        missing(expected, self.whole, &self.files, &self.cut)
    }
}

/// What is missing of `expected` bundles where `whole` are, and some may have been cut off; nothing if nothing is.
pub(in super::super) fn missing(
    expected: Option<usize>,
    whole: usize,
    files: &[PathBuf],
    cut: &[String],
) -> Option<String> {
    let expected = expected.filter(|&expected| expected != whole)?;
    let mut text = format!("{whole} of {expected} expected bundles are there and whole");
    let gaps = gaps(files, expected);
    for (what, names) in [("missing", gaps.as_slice()), ("cut off", cut)] {
        if !names.is_empty() {
            text.push_str(&format!("; {what}: {}", listed(names)));
        }
    }
    Some(text)
}

/// The first of many names.
fn listed(names: &[String]) -> String {
    let mut text = names.iter().take(MOST_NAMES).cloned().collect::<Vec<_>>().join(", ");
    if names.len() > MOST_NAMES {
        text.push_str(&format!(" and {} more", names.len() - MOST_NAMES));
    }
    text
}

/// `shard-7` of `shard-7/bundle.jsonl` or `shard-7.jsonl`, parted before its number.
fn numbered(file: &Path) -> Option<(String, usize)> {
    let stem = file.file_stem()?.to_str()?;
    let name = if stem == "bundle" { file.parent()?.file_name()?.to_str()? } else { stem };
    let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let (prefix, number) = name.split_at(name.len() - digits);
    Some((prefix.to_owned(), number.parse().ok()?))
}

/// Names that are missing in a row of `expected` numbered files or folders; none if they are not numbered.
fn gaps(files: &[PathBuf], expected: usize) -> Vec<String> {
    let numbers: Option<BTreeSet<(String, usize)>> = files.iter().map(|file| numbered(file)).collect();
    let Some(numbers) = numbers else { return Vec::new() };
    let Some((prefix, least)) = numbers.first() else { return Vec::new() };
    if numbers.iter().any(|(other, _)| other != prefix) || expected > 100_000 {
        return Vec::new();
    }
    let most = numbers.last().map_or(0, |(_, number)| *number);
    // Counted from 0 unless the numbers only fit a row from 1.
    let first = usize::from(*least > 0 && most >= expected);
    let wanted = (first..first + expected).map(|number| (prefix.clone(), number));
    wanted.filter(|one| !numbers.contains(one)).map(|(prefix, number)| format!("{prefix}{number}")).collect()
}

/// The bundles of a path: a file, a result folder, or a folder of such at any depth; links are not followed.
pub(in super::super) fn tree(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let is_folder = std::fs::metadata(path).is_ok_and(|meta| meta.is_dir());
    match bundle::files(path) {
        Ok(files) if !is_folder => return Ok(files),
        Err(error) if !is_folder => return Err(error.into()),
        _ => {}
    }
    let (mut found, mut folders) = (Vec::new(), vec![path.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() && entry.path().extension().is_some_and(|end| end == "jsonl") {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    if found.is_empty() {
        let text = format!("{}: no bundle (*.jsonl) in this folder", path.display());
        return Err(Failure::new(Exit::Invalid, text));
    }
    Ok(found)
}

/// The report page of the bundles, a verdict before it; of many bundles the first and the last are shown.
pub(super) fn page(
    files: &[PathBuf],
    headline: &str,
    about: String,
    notes: &[String],
    changes: Option<&[Change]>,
) -> Result<String, Failure> {
    let mut notes = notes.to_vec();
    let half = MOST_ON_PAGE / 2;
    let shown: Vec<&PathBuf> = if files.len() <= MOST_ON_PAGE {
        files.iter().collect()
    } else {
        notes.push(format!("{} bundles were compared; below are the first and the last {half}", files.len()));
        files[..half].iter().chain(&files[files.len() - half..]).collect()
    };
    let mut bundles = Vec::new();
    for file in shown {
        bundles.push(bundle::read(file, Partial::Allowed)?);
    }
    let verdict = report::Comparison { headline: headline.to_owned(), about, notes, changes: changes.unwrap_or(&[]) };
    Ok(report::page_of_comparison(&bundles, &verdict, &report::nonce()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_in_a_row_are_named() {
        let files = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        let shards = files(&["out/shard-0/bundle.jsonl", "out/shard-2/bundle.jsonl"]);
        assert_eq!(gaps(&shards, 4), ["shard-1", "shard-3"]);
        assert_eq!(gaps(&files(&["a1.jsonl", "a3.jsonl"]), 3), ["a2"]);
        assert_eq!(gaps(&files(&["ubuntu/bundle.jsonl"]), 2), [] as [String; 0]);
        assert_eq!(gaps(&files(&["a-1.jsonl", "b-2.jsonl"]), 3), [] as [String; 0]);
        let names: Vec<String> = (0..20).map(|n| n.to_string()).collect();
        assert!(listed(&names).ends_with("11 and 8 more"));
    }
}
