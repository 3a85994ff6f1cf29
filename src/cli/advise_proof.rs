//! Measures the present loop and the best changes in turn.

use super::exit::{Exit, Failure};
use crate::advise::{Advice, Change};
use crate::bundle::{Member, Record};
use crate::host::Host;
use crate::kernel::Isa;
use crate::measure::{Measured, Session, Settings};
use crate::stats::Interval;
use crate::suite::{Item, Pace, SETTLING_PASSES};
use std::sync::atomic::AtomicBool;

/// Changes that are measured at most.
const MOST: usize = 4;
/// Seed of the rounds' order.
const SEED: u64 = 1;
/// Four placements of a third of a second per change.
const PACE: Pace =
    Pace { placements: 4, placement_ns: 350_000_000, sample_ns: 1_000_000, least_rounds: 4, settling: SETTLING_PASSES };

/// A change that was measured against the present loop.
pub(super) struct Proof {
    pub(super) change: Change,
    /// Nanoseconds per step after the change.
    pub(super) ns: f64,
    /// The present loop's, in the same rounds.
    pub(super) present_ns: f64,
    /// Present time / time after the change, of one pass.
    pub(super) gain: Interval,
}

/// The best changes against the present loop, in rounds that take turns.
pub(super) fn prove(host: &Host, advice: &Advice) -> Result<Vec<Proof>, Failure> {
    let best: Vec<_> = advice.choices.iter().filter(|choice| choice.change != Change::Nothing).take(MOST).collect();
    let items: Vec<Item> = best
        .iter()
        .map(|choice| Item::Pair { baseline: choice.case.clone(), contender: advice.present.case.clone() })
        .collect();
    let stop = AtomicBool::new(false);
    let settings = Settings::of_host(host, SEED, PACE, None, Isa::best());
    let failed = |error: crate::measure::Error| Failure::new(Exit::Internal, format!("--prove: {error}"));
    let mut session = Session::new(settings, host, &stop).map_err(failed)?;
    let mut found = Vec::new();
    session.run(&items, &mut found).map_err(failed)?;
    let proof = |(choice, measured): (&&crate::advise::Choice, Measured)| {
        let Record::Pair(pair) = Record::of(measured) else { return None };
        Some(Proof {
            change: choice.change.clone(),
            ns: pair.per_step(Member::Baseline)?.median,
            present_ns: pair.per_step(Member::Contender)?.median,
            gain: pair.penalty()?.run,
        })
    };
    Ok(best.iter().zip(found).filter_map(proof).collect())
}
