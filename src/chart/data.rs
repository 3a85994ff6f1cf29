//! What the charts take from bundles.

use super::picture::Cell;
use crate::bundle::{Bundle, CaseInfo, Member, PairRecord, PerStep, shown};
use crate::units::{bytes_long, several};

/// Pairs of the plain walk over C-order arrays by columns: `sum f8`, two axes, base pages, nothing else special.
pub(super) fn plain<'a>(bundle: &'a Bundle, walk: Option<&'a str>) -> impl Iterator<Item = &'a PairRecord> {
    bundle.pairs.iter().filter(move |pair| {
        let case = &pair.contender;
        let options = usize::from(walk.is_some());
        !pair.null
            && case.family == "order"
            && (case.kernel.as_str(), case.dtype.as_str(), case.order.as_str()) == ("sum", "f8", "C")
            && case.loop_order == [1, 0]
            && case.options.len() == options
            && walk.is_none_or(|walk| case.options.get("walk").is_some_and(|value| value == walk))
    })
}

/// Squares in steps whose side is a power of two: R × R elements, or R × 8R for whole lines.
pub(super) fn squares<'a>(bundle: &'a Bundle, walk: Option<&'a str>) -> Vec<&'a PairRecord> {
    let square = |pair: &&PairRecord| {
        let [rows, columns] = pair.contender.shape[..] else { return false };
        let across = if walk.is_some() { 8 } else { 1 };
        rows.is_power_of_two() && rows.checked_mul(across) == Some(columns)
    };
    let mut pairs: Vec<&PairRecord> = plain(bundle, walk).filter(square).collect();
    pairs.sort_by_key(|pair| pair.contender.footprint_bytes);
    pairs
}

/// One case of a family: what was measured of it, by itself or as the contender of a pair.
pub(super) struct Sampled<'a> {
    pub(super) info: &'a CaseInfo,
    /// Nanoseconds per step.
    pub(super) step: PerStep,
    /// Samples behind it: rounds of a pair, or samples of a case.
    pub(super) samples: usize,
    /// What it is divided by, if it was measured in a pair.
    pub(super) baseline: Option<(&'a CaseInfo, f64)>,
}

/// The cases of a family.
///
/// # Errors
/// If there are none.
pub(super) fn family<'a>(bundle: &'a Bundle, family: &str) -> Result<Vec<Sampled<'a>>, String> {
    let mut found = Vec::new();
    for pair in bundle.pairs.iter().filter(|pair| !pair.null && pair.contender.family == family) {
        let (Some(step), Some(penalty)) = (pair.per_step(Member::Contender), pair.penalty()) else { continue };
        let baseline = Some((&*pair.baseline, penalty.run.estimate));
        found.push(Sampled { info: &pair.contender, step, samples: pair.rounds(), baseline });
    }
    for case in bundle.cases.iter().filter(|case| case.case.family == family) {
        let Some(step) = case.per_step() else { continue };
        let samples = case.blocks.iter().map(|block| block.ns.len()).sum();
        found.push(Sampled { info: &case.case, step, samples, baseline: None });
    }
    if found.is_empty() { Err(format!("no case of the family {family} was measured")) } else { Ok(found) }
}

/// Simulated misses of the first cache: contender / baseline; `None` where the baseline has next to none.
pub(super) fn miss_ratio(pair: &PairRecord) -> Option<f64> {
    let [one, other] = [Member::Baseline, Member::Contender].map(|member| pair.simulated_misses(member, 0));
    let (one, other) = (one?, other?);
    (one > 1e-4 && other > 0.0).then(|| other / one)
}

/// What sellers write around the name of a CPU.
const NOISE: [&str; 7] = ["(R)", "(TM)", "(r)", "(tm)", " CPU", " Processor", " processor"];

/// The CPU's name without what every name has.
pub(super) fn cpu(bundle: &Bundle) -> String {
    let mut name = shown(&bundle.cpu_name());
    for noise in NOISE {
        name = name.replace(noise, "");
    }
    let name = name.split(" @ ").next().unwrap_or_default().split(" with ").next().unwrap_or_default();
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    if name.is_empty() { format!("{} CPU", shown(&bundle.header.machine.arch)) } else { name }
}

/// A name for each bundle; those of one name are numbered.
#[must_use]
pub fn names(bundles: &[Bundle]) -> Vec<String> {
    let plain: Vec<String> = bundles.iter().map(cpu).collect();
    let numbered = |(index, name): (usize, &String)| {
        let number = plain[..index].iter().filter(|other| *other == name).count() + 1;
        let alone = plain.iter().filter(|other| *other == name).count() == 1;
        if alone { name.clone() } else { format!("{name} #{number}") }
    };
    plain.iter().enumerate().map(numbered).collect()
}

/// CPU, samples, kind of interval: under every picture.
pub(super) fn caption(bundles: &[&Bundle], samples: &str, interval: &str) -> String {
    let mut names: Vec<String> = bundles.iter().map(|bundle| cpu(bundle)).collect();
    names.dedup();
    let who = match names.as_slice() {
        [one] => one.clone(),
        some if some.len() <= 3 => some.join(", "),
        some => format!("{} CPUs", some.len()),
    };
    let class = match bundles {
        [one] => format!(", class {}", shown(&one.header.class_id)),
        _ => String::new(),
    };
    let debug = if bundles.iter().any(|bundle| bundle.header.tool.debug) { "; DEBUG BUILD" } else { "" };
    let failed: usize = bundles.iter().map(|bundle| bundle.noisy_nulls()).sum();
    let noisy = if failed > 0 {
        format!("; NOISY: {} FAILED", several(failed, "null control").to_uppercase())
    } else {
        String::new()
    };
    let samples = if samples.is_empty() { String::new() } else { format!("; {samples}") };
    format!("{who}{class}{samples}; {interval}; by stridewise{debug}{noisy}")
}

/// Caches of a machine: name with size, bytes.
#[expect(clippy::cast_precision_loss, reason = "a cache has less than 2^50 bytes")]
pub(super) fn caches(bundle: &Bundle) -> Vec<(String, f64)> {
    let named = |(name, bytes): (String, u64)| (format!("{} {}", shown(&name), bytes_long(bytes)), bytes as f64);
    bundle.data_caches().into_iter().map(named).collect()
}

#[expect(clippy::cast_precision_loss, reason = "footprints are below 2^53")]
pub(super) fn footprint(info: &CaseInfo) -> f64 {
    info.footprint_bytes as f64
}

/// A number among a case's options.
pub(super) fn option(info: &CaseInfo, key: &str) -> Option<f64> {
    info.options.get(key)?.parse::<u32>().ok().map(f64::from)
}

/// `256x1000`.
pub(super) fn shape(info: &CaseInfo) -> Cell {
    Cell::from(info.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join("x"))
}
