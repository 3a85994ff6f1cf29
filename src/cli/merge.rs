//! `stridewise merge`: shards of one run on one class of machine become one bundle.

use super::exit::{Exit, Failure};
use super::warned::Warned;
use crate::bundle::{self, Bundle, Header, PairRecord, Partial, Record, Unknown, Writer, plan_hash};
use crate::compare;
use clap::Args;
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Shards of one run on one class of machine into one bundle
#[derive(Args, Debug)]
pub(super) struct MergeArgs {
    /// Files or folders of bundles
    #[arg(value_name = "BUNDLE", required = true)]
    bundles: Vec<PathBuf>,
    /// File to write; must not be there
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// End with exit code 21 unless there are this many whole bundles; what is there is merged
    #[arg(long, value_name = "N")]
    expect: Option<usize>,
    /// Read runs that were cut off
    #[arg(long)]
    allow_partial: bool,
}

pub(super) fn run(args: &MergeArgs) -> Result<Exit, Failure> {
    let (bundles, missing) = shards(args)?;
    let first = bundles.first().ok_or_else(|| Failure::usage("no bundle was given"))?;
    check_alike(&bundles)?;
    let measured = measured_once(&bundles)?;
    let header = header(&first.header, &bundles);
    let written = write(&args.out, &header, &bundles, &measured)?;
    let text =
        format!("{}: {written} of {} cases of {} shards", args.out.display(), header.plan.ids.len(), bundles.len());
    anstream::stdout().write_all(super::output::escaped(&text).as_bytes())?;
    anstream::stdout().write_all(b"\n")?;
    match missing {
        Some(missing) => Err(Failure::new(Exit::Missing, format!("--expect: {missing}; the others were merged"))),
        None => Ok(Exit::Fine),
    }
}

/// The bundles, each once, the earliest first; and what `--expect` misses.
fn shards(args: &MergeArgs) -> Result<(Vec<Bundle>, Option<String>), Failure> {
    let partial = if args.allow_partial { Partial::Allowed } else { Partial::Refused };
    let partial = if args.expect.is_some() { Partial::Allowed } else { partial };
    let (mut bundles, mut files): (Vec<Bundle>, Vec<PathBuf>) = (Vec::new(), Vec::new());
    let (mut cut, warned) = (Vec::new(), Warned::default());
    for path in &args.bundles {
        for file in super::compare::tree(path)? {
            let bundle = bundle::read(&file, partial)?;
            warned.note(&file, &bundle, "kept as they are");
            if bundle.end.is_none() {
                cut.push(file.display().to_string());
            }
            bundles.push(bundle);
            files.push(file);
        }
    }
    warned.print();
    bundles.sort_by(|a, b| (&a.header.created, &a.header.bundle_id).cmp(&(&b.header.created, &b.header.bundle_id)));
    bundles.dedup();
    let whole = bundles.iter().filter(|bundle| bundle.end.is_some()).count();
    let missing = super::compare::missing(args.expect, whole, &files, &cut);
    Ok((bundles, missing))
}

/// One class of machine and one build.
fn check_alike(bundles: &[Bundle]) -> Result<(), Failure> {
    let Some((first, others)) = bundles.split_first() else { return Ok(()) };
    if let Some(other) = others.iter().find(|bundle| bundle.header.class_id != first.header.class_id) {
        let fields = compare::differing_fields(&first.header.machine, &other.header.machine);
        let fields: Vec<String> = fields.iter().map(|(name, a, b)| format!("{name} {a} / {b}")).collect();
        let runs = format!("{} and {}", first.header.run_id, other.header.run_id);
        let text = format!("shards {runs} are of different classes of machine: {}", fields.join(", "));
        return Err(Failure::new(Exit::NotComparable, text));
    }
    if let Some(other) = others.iter().find(|bundle| bundle.header.tool != first.header.tool) {
        let text =
            format!("shards {} and {} were measured by different builds", first.header.run_id, other.header.run_id);
        return Err(Failure::new(Exit::NotComparable, text));
    }
    Ok(())
}

/// The ids of all that was measured. What one shard planned and skipped or never reached may be in another; what is
/// measured twice is not, but for the null controls, which every shard has of what it measures.
fn measured_once(bundles: &[Bundle]) -> Result<BTreeSet<String>, Failure> {
    let mut seen = BTreeSet::new();
    for bundle in bundles {
        let pairs = bundle.pairs.iter().filter(|pair| !pair.null).map(|pair| &pair.id);
        for id in pairs.chain(bundle.cases.iter().map(|case| &case.case.id)) {
            if !seen.insert(id.clone()) {
                let text = format!("case {id} is in two shards; runs of the same cases are compared, not merged");
                return Err(Failure::new(Exit::Invalid, text));
            }
        }
    }
    seen.extend(bundles.iter().flat_map(|bundle| &bundle.pairs).map(|pair| pair.id.clone()));
    Ok(seen)
}

/// The first shard's header with the plan of all.
fn header(first: &Header, bundles: &[Bundle]) -> Header {
    let mut header = first.clone();
    // What is kept of a newer version is found again only in a file that says so.
    let minor = bundles.iter().map(|bundle| bundle.header.schema_version[1]).max();
    header.schema_version[1] = minor.unwrap_or(header.schema_version[1]);
    let mut planned = BTreeSet::new();
    let all = bundles.iter().flat_map(|bundle| bundle.header.plan.ids.iter());
    header.plan.ids = all.filter(|id| planned.insert((*id).clone())).cloned().collect();
    header.plan.hash = plan_hash(&header.plan.ids);
    if bundles.iter().any(|bundle| bundle.header.plan.suite != header.plan.suite) {
        "custom".clone_into(&mut header.plan.suite);
    }
    // The same shards give the same identity.
    let mut digest = Sha256::new();
    bundles.iter().for_each(|bundle| digest.update(&bundle.header.bundle_id));
    header.bundle_id = digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let name: String = first.run_id.chars().take(57).collect();
    header.run_id = format!("{name}-merged");
    header
}

/// Writes a line per planned case that a shard has something of; how many there are.
fn write(out: &Path, header: &Header, bundles: &[Bundle], measured: &BTreeSet<String>) -> Result<usize, Failure> {
    // Of a field of the header that several shards have, the first one's value stays, as of the fields that are known.
    let unknown: Vec<Unknown> = bundles.iter().flat_map(Bundle::unknown_of_header).cloned().collect();
    let mut writer = Writer::create_file(out, header.clone(), &unknown)?;
    let unknown: Vec<_> = bundles.iter().map(Bundle::unknown_of_items).collect();
    let mut lines = HashMap::new();
    for (bundle, unknown) in bundles.iter().zip(&unknown) {
        for pair in &bundle.pairs {
            match lines.get(&pair.id) {
                // Of a control in several shards the worst is kept, so that no calm shard hides a disturbed one.
                Some((Record::Pair(known), _)) if off(known) >= off(pair) => {}
                _ => drop(lines.insert(pair.id.clone(), (Record::Pair(pair.clone()), unknown))),
            }
        }
        let skipped = bundle.skipped.iter().filter(|one| !measured.contains(&one.id));
        lines.extend(skipped.map(|one| (one.id.clone(), (Record::Skipped(one.clone()), unknown))));
        lines.extend(bundle.cases.iter().map(|case| (case.case.id.clone(), (Record::Case(case.clone()), unknown))));
    }
    let mut written = 0;
    for id in &header.plan.ids {
        if let Some((line, unknown)) = lines.get(id) {
            writer.push_with(line, unknown.get(id.as_str()).copied().unwrap_or_default())?;
            written += 1;
        }
    }
    let last = bundles.iter().rev().find(|bundle| bundle.end.is_some());
    let noise = last.and_then(|bundle| bundle.end.as_ref()).map(|end| end.noise.clone());
    writer.finish_with(noise.unwrap_or_default(), last.map_or(&[], Bundle::unknown_of_end))?;
    Ok(written)
}

/// How far a control is from 1.
fn off(pair: &PairRecord) -> f64 {
    pair.penalty().map_or(f64::INFINITY, |penalty| penalty.rounds.estimate.ln().abs())
}
