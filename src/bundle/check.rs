//! Whether a line says what it may: everything that can be recomputed is.

use super::known::{self, Beside};
use super::model::{CaseRecord, Header, PairRecord, SCHEMA, SCHEMA_VERSION};
use crate::measure::{Block, Obtained, SoloBlock};
use crate::suite::Case;
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt::Write;

/// Cases of a bundle at most.
pub(super) const MOST_CASES: usize = 20_000;
/// Samples of a case at most.
const MOST_SAMPLES: usize = 10_000;

pub(super) type Checked = Result<(), String>;

pub(super) fn expect(kept: bool, what: impl FnOnce() -> String) -> Checked {
    if kept { Ok(()) } else { Err(what()) }
}

pub(super) fn hexadecimal(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Lower-case hexadecimal digits of bytes.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// SHA-256 of the ids, one per line.
#[must_use]
pub fn plan_hash(ids: &[String]) -> String {
    let mut digest = Sha256::new();
    for id in ids {
        digest.update(id.as_bytes());
        digest.update(b"\n");
    }
    hex(&digest.finalize())
}

/// `[A-Za-z0-9._-]{1,64}`, not beginning with a dot or dash nor ending with a dot, and no device of Windows: it names a
/// folder on every system.
#[must_use]
pub fn is_run_id(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    let stem = text.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let numbered = stem.strip_prefix("com").or(stem.strip_prefix("lpt"));
    let device = ["con", "prn", "aux", "nul"].contains(&stem.as_str())
        || numbered.is_some_and(|number| number.len() == 1 && number.bytes().all(|b| b.is_ascii_digit()));
    (1..=64).contains(&text.len())
        && text.bytes().all(allowed)
        && !text.starts_with(['.', '-'])
        && !text.ends_with('.')
        && !device
}

/// `2026-11-24T08:15:30Z`.
fn is_time(text: &str) -> bool {
    let pattern = b"0000-00-00T00:00:00Z";
    text.len() == pattern.len()
        && text.bytes().zip(pattern).all(|(b, &p)| if p == b'0' { b.is_ascii_digit() } else { b == p })
}

pub(super) fn header(header: &Header) -> Checked {
    expect(header.schema == SCHEMA, || format!("schema: expected {SCHEMA:?}"))?;
    let [major, minor] = header.schema_version;
    expect(major == SCHEMA_VERSION[0], || {
        format!(
            "schema_version: {major}.{minor} was written by a newer stridewise; this one ({}) reads {}.x",
            env!("CARGO_PKG_VERSION"),
            SCHEMA_VERSION[0]
        )
    })?;
    expect(hexadecimal(&header.bundle_id, 32), || "bundle_id: expected 32 hexadecimal digits".to_owned())?;
    expect(is_run_id(&header.run_id), || {
        "run_id: expected 1 to 64 of A-Z a-z 0-9 . _ -, beginning with a letter or digit".to_owned()
    })?;
    expect(is_time(&header.created), || "created: expected UTC such as 2026-11-24T08:15:30Z".to_owned())?;
    let tool = &header.tool;
    expect(tool.commit.as_ref().is_none_or(|commit| hexadecimal(commit, 40)), || {
        "tool.commit: expected 40 hexadecimal digits".to_owned()
    })?;
    plan(header)?;
    expect(matches!(header.config.engine.as_str(), "paired" | "criterion"), || {
        "config.engine: expected paired or criterion".to_owned()
    })?;
    expect(matches!(header.config.data.as_deref(), None | Some("file")), || {
        "config.data: expected file, or nothing".to_owned()
    })?;
    machine(header)
}

thread_local! {
    /// Hashes of plans whose ids were parsed: bundles of a fleet have the same ones.
    static PLANS: RefCell<Vec<String>> = RefCell::default();
}
/// Plans that are remembered.
const MOST_PLANS: usize = 16;

fn plan(header: &Header) -> Checked {
    let ids = &header.plan.ids;
    expect(ids.len() <= MOST_CASES, || format!("plan.ids: {} cases, at most {MOST_CASES} are read", ids.len()))?;
    let hash = plan_hash(ids);
    let seen = PLANS.with_borrow(|plans| plans.contains(&hash));
    if !seen {
        let mut seen = HashSet::new();
        for id in ids {
            case_id(id).map_err(|error| format!("plan.ids: {error}"))?;
            expect(seen.insert(id), || format!("plan.ids: {id} stands twice"))?;
        }
    }
    expect(header.plan.hash == hash, || "plan.hash: is not that of plan.ids".to_owned())?;
    if !seen {
        PLANS.with_borrow_mut(|plans| {
            plans.truncate(MOST_PLANS - 1);
            plans.insert(0, hash);
        });
    }
    Ok(())
}

fn case_id(id: &str) -> Checked {
    id.parse::<Case>().map(|_| ())
}

fn machine(header: &Header) -> Checked {
    let class = &header.machine;
    expect(class.caches.len() <= 64, || "machine.caches: more than 64".to_owned())?;
    for (index, cache) in class.caches.iter().enumerate() {
        let at = |what: &str| format!("machine.caches[{index}].{what}");
        expect((1..1 << 50).contains(&cache.bytes), || at("bytes: expected 1 to 2^50"))?;
        expect(cache.line.is_none_or(|line| line.is_power_of_two() && line <= 4096), || {
            at("line: expected a power of two up to 4096")
        })?;
        expect(cache.ways != Some(0), || at("ways: expected 1 or more"))?;
        expect(cache.sets != Some(0), || at("sets: expected 1 or more"))?;
        if let (Some(line), Some(ways), Some(sets)) = (cache.line, cache.ways, cache.sets) {
            let product = u64::from(line).saturating_mul(ways.into()).saturating_mul(sets.into());
            expect(product == cache.bytes, || at("bytes: expected line * ways * sets"))?;
        }
    }
    expect(header.class_id == class.id(), || "class_id: is not that of machine".to_owned())
}

pub(super) fn pair(pair: &PairRecord) -> Checked {
    let (baseline, contender) =
        (known::checked(&pair.baseline, "baseline")?, known::checked(&pair.contender, "contender")?);
    expect(pair.id == pair.contender.id, || "id: expected the contender's".to_owned())?;
    expect(pair.null == pair.id.starts_with("null/"), || "null: does not follow from the id".to_owned())?;
    expect(!pair.null || pair.baseline.id == pair.contender.id, || "baseline.id: expected the contender's".to_owned())?;
    expect(pair.baseline.steps == pair.contender.steps, || "baseline.steps: expected the contender's".to_owned())?;
    let same = pair.baseline.checksum == pair.contender.checksum;
    let Beside { agree, share_arrays, .. } = contender.beside(&baseline);
    expect(same || !agree, || "contender.checksum: differs from the baseline's".to_owned())?;
    let apart = !share_arrays;
    let of_one = pair.blocks.iter().position(|block| block.baseline_pages.is_some() && !apart);
    expect(of_one.is_none(), || format!("blocks[{}].baseline_pages: both have the same arrays", of_one.unwrap_or(0)))?;
    let samples = pair.blocks.iter().map(|block| block.baseline_ns.len()).sum();
    blocks(pair.blocks.len(), samples)?;
    pair.blocks.iter().enumerate().try_for_each(|(index, block)| self::block(index, block))
}

pub(super) fn solo(record: &CaseRecord) -> Checked {
    known::checked(&record.case, "case")?;
    blocks(record.blocks.len(), record.blocks.iter().map(|block| block.ns.len()).sum())?;
    record.blocks.iter().enumerate().try_for_each(|(index, block)| solo_block(index, block))
}

fn blocks(count: usize, samples: usize) -> Checked {
    expect(count > 0 && samples > 0, || "blocks: no samples".to_owned())?;
    expect(samples <= MOST_SAMPLES, || format!("blocks: {samples} samples, at most {MOST_SAMPLES} are read"))
}

fn block(index: usize, block: &Block) -> Checked {
    let at = |what: &str| format!("blocks[{index}].{what}");
    let rounds = block.orders.len();
    expect(block.orders.bytes().all(|b| matches!(b, b'0' | b'1')), || at("orders: expected digits 0 and 1"))?;
    expect(block.baseline_ns.len() == 2 * rounds, || at("baseline_ns: expected two samples per round"))?;
    expect(block.contender_ns.len() == 2 * rounds, || at("contender_ns: expected two samples per round"))?;
    expect(rounds > 0, || at("orders: no rounds"))?;
    times(&block.baseline_ns).map_err(|what| at(&format!("baseline_ns: {what}")))?;
    times(&block.contender_ns).map_err(|what| at(&format!("contender_ns: {what}")))?;
    let known = |round: &u32| (*round as usize) < rounds;
    expect(block.disturbed.keys().all(known), || at("disturbed: names a round that is not there"))?;
    for (name, values) in block.counts.iter().flat_map(|counts| counts.baseline.iter().chain(&counts.contender)) {
        expect(name.len() <= 64 && !name.is_empty(), || at("counts: an event's name has 1 to 64 characters"))?;
        expect(values.len() == 2 * rounds, || at(&format!("counts: {name:?}: expected one value per sample")))?;
    }
    block.baseline_pages.iter().try_for_each(|pages| policy(index, "baseline_pages", pages))?;
    common(index, block.placement, block.passes, &block.pages)
}

fn solo_block(index: usize, block: &SoloBlock) -> Checked {
    let at = |what: &str| format!("blocks[{index}].{what}");
    expect(!block.ns.is_empty(), || at("ns: no samples"))?;
    times(&block.ns).map_err(|what| at(&format!("ns: {what}")))?;
    common(index, block.placement, block.passes, &block.pages)
}

fn common(index: usize, placement: u32, passes: u64, pages: &Obtained) -> Checked {
    let at = |what: &str| format!("blocks[{index}].{what}");
    expect(placement as usize == index, || at("placement: expected the blocks' number"))?;
    expect(passes > 0, || at("passes: expected 1 or more"))?;
    policy(index, "pages", pages)
}

fn policy(index: usize, field: &str, pages: &Obtained) -> Checked {
    let known = matches!(pages.policy.as_str(), "base" | "huge");
    expect(known, || format!("blocks[{index}].{field}.policy: expected base or huge"))
}

/// A sample of 0 ns or of an hour was not measured.
fn times(samples: &[u64]) -> Checked {
    expect(samples.iter().all(|ns| (1..3_600_000_000_000).contains(ns)), || "expected 1 ns to an hour".to_owned())
}
