//! What the charts take from bundles.

use crate::bundle::{Bundle, Member, PairRecord, shown};
use crate::units::bytes_long;

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

/// Simulated misses of the first cache: contender / baseline; `None` where the baseline has next to none.
pub(super) fn miss_ratio(pair: &PairRecord) -> Option<f64> {
    let [one, other] = [Member::Baseline, Member::Contender].map(|member| pair.simulated_misses(member, 0));
    let (one, other) = (one?, other?);
    (one > 1e-4 && other > 0.0).then(|| other / one)
}

/// CPU, rounds, kind of interval: under every picture.
pub(super) fn caption(bundles: &[Bundle], rounds: usize, interval: &str) -> String {
    let cpus: Vec<String> = bundles.iter().map(|bundle| shown(&bundle.cpu_name())).collect();
    let mut names = cpus.clone();
    names.dedup();
    let who = match names.as_slice() {
        [one] => one.clone(),
        some if some.len() <= 3 => some.join(", "),
        some => format!("{} CPUs", some.len()),
    };
    let class = match bundles {
        [one] => format!(", class {}", one.header.class_id),
        _ => String::new(),
    };
    let debug = if bundles.iter().any(|bundle| bundle.header.tool.debug) { " DEBUG BUILD" } else { "" };
    format!("{who}{class}; {rounds} rounds; {interval}; measured by stridewise{debug}")
}

/// Caches of the one machine, or of the first: name with size, bytes.
pub(super) fn caches(bundles: &[Bundle]) -> Vec<(String, f64)> {
    let caches = bundles.first().map(Bundle::data_caches).unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "a cache has less than 2^50 bytes")]
    caches.into_iter().map(|(name, bytes)| (format!("{name} {}", bytes_long(bytes)), bytes as f64)).collect()
}

#[expect(clippy::cast_precision_loss, reason = "footprints are below 2^53")]
pub(super) fn footprint(pair: &PairRecord) -> f64 {
    pair.contender.footprint_bytes as f64
}
