//! What bounds the cases of several threads and of stores past the caches, in sentences.

use crate::bundle::{Bundle, Member, PairRecord, rate, shown};
use crate::units::{bytes_long, ratio};

/// Share of the ideal from which work is said to scale.
const SCALES: f64 = 0.9;

/// A sentence for each pair of the families `threads` and `write` whose limit is known.
pub(super) fn sentences(bundle: &Bundle) -> Vec<String> {
    let pairs = bundle.pairs.iter().filter(|pair| !pair.null);
    pairs.filter_map(|pair| scaling(bundle, pair).or_else(|| sharing(pair)).or_else(|| writing(bundle, pair))).collect()
}

/// The last data cache's name and bytes.
fn last_cache(bundle: &Bundle) -> Option<(String, u64)> {
    bundle.data_caches().into_iter().last().map(|(name, bytes)| (shown(&name), bytes))
}

/// Streams of several threads against one: how far it scales, and what ends it.
fn scaling(bundle: &Bundle, pair: &PairRecord) -> Option<String> {
    let case = &pair.contender;
    let streams = case.options.get("walk").is_some_and(|walk| walk == "stream");
    if case.family != "threads" || !streams || pair.baseline.threads != 1 {
        return None;
    }
    let (threads, gain) = (f64::from(case.threads), 1.0 / pair.penalty()?.run.estimate);
    let reached = rate(case, pair.per_step(Member::Contender)?.median)?;
    let alone = rate(&pair.baseline, pair.per_step(Member::Baseline)?.median)?;
    let (name, bytes) = last_cache(bundle)?;
    let place = if case.footprint_bytes > bytes { "memory" } else { name.as_str() };
    let limit = if gain >= SCALES * threads {
        "no limit is reached".to_owned()
    } else {
        format!("the limit is the bandwidth of {place}, which they share")
    };
    let (kernel, size) = (shown(&case.kernel), bytes_long(case.footprint_bytes));
    Some(format!(
        "{threads} threads {kernel} {size} at {reached:.1} GB/s, {} of one thread's {alone:.1} GB/s: {limit}.",
        ratio(gain)
    ))
}

/// Accumulators in one line against padded ones.
fn sharing(pair: &PairRecord) -> Option<String> {
    let case = &pair.contender;
    if case.family != "threads" || !case.options.contains_key("repeat") || case.options.contains_key("pad") {
        return None;
    }
    let apart = pair.baseline.strides.first()?;
    Some(format!(
        "{} threads that each update an accumulator of their own take {} as long where these lie {} bytes apart, in one line, \
         as where they lie {apart} bytes apart.",
        case.threads,
        ratio(pair.penalty()?.run.estimate),
        case.strides.first()?
    ))
}

/// Non-temporal stores of whole lines: the bytes that move by rule, and the time.
fn writing(bundle: &Bundle, pair: &PairRecord) -> Option<String> {
    let case = &pair.contender;
    let whole = case.options.get("walk").is_some_and(|walk| walk == "stream" || walk == "line");
    if case.family != "write" || !whole || case.footprint_bytes <= last_cache(bundle)?.1 {
        return None;
    }
    // A plain store reads its line before it changes it, unless the program has read it already; later it is written back.
    let updates = case.bytes_read > 0 && case.bytes_read + case.bytes_written == 2 * case.footprint_bytes;
    let allocated = if updates { 0 } else { case.bytes_written };
    let plain = case.bytes_read + case.bytes_written + allocated;
    let past = case.bytes_read + case.bytes_written;
    let size = bytes_long(case.footprint_bytes);
    Some(format!(
        "{} {size} by {} stores past the caches takes {} of the time of plain stores; by rule {} instead of {} move, since \
         a plain store reads its line before it is written back.",
        shown(&case.kernel),
        case.options.get("walk").map_or_else(String::new, |walk| shown(walk)),
        ratio(pair.penalty()?.run.estimate),
        bytes_long(past),
        bytes_long(plain)
    ))
}
