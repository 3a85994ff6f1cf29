//! The items of a run in turns: a placement of each, then the next of each.
//!
//! What a shared cache holds for this machine, and what memory gives it, drifts over seconds. An item whose placements
//! follow each other sees one moment of that, another run sees another. Placements that are spread over the run see the same mixture every time.
//! Items are taken in groups, so that a run that is cut off has kept all but some of the group it was in.

use super::rounds::{Pacing, paired, solo};
use super::samples::{Block, SoloBlock};
use super::session::{Members, Shots, gather};
use super::{Error, Measured, Observer, Session};
use crate::suite::{Item, Machine, Pace, estimate_ns};
use crate::units::Rng;
use std::ops::Range;
use std::time::Duration;

/// A group's time at most, nanoseconds; and how many groups share a shorter run.
const LONGEST_GROUP: u64 = 20_000_000_000;
const LEAST_GROUPS: u64 = 4;

/// Items that take turns: neighbours in the plan, as many as a group's time holds and one at least.
fn groups(items: &[Item], machine: &Machine, pace: Pace) -> Vec<Range<usize>> {
    let times: Vec<u64> = items.iter().map(|item| estimate_ns(std::slice::from_ref(item), machine, pace)).collect();
    let most = (times.iter().sum::<u64>() / LEAST_GROUPS).min(LONGEST_GROUP);
    let (mut groups, mut first, mut used) = (Vec::new(), 0, 0);
    for (at, time) in times.iter().enumerate() {
        if at > first && used + time > most {
            groups.push(first..at);
            (first, used) = (at, 0);
        }
        used += time;
    }
    if first < items.len() {
        groups.push(first..items.len());
    }
    groups
}

/// An item that has some of its placements.
struct Going<'i> {
    item: &'i Item,
    id: String,
    blocks: Vec<Block>,
    solos: Vec<SoloBlock>,
    shots: Option<Shots>,
    /// Why nothing is measured of it.
    failed: Option<String>,
}

impl<'i> Going<'i> {
    fn new(item: &'i Item) -> Self {
        let failed = item.skipped().map(str::to_owned);
        Self { item, id: item.id(), blocks: Vec::new(), solos: Vec::new(), shots: None, failed }
    }

    fn measured(self) -> Measured {
        let members: Result<Members, String> = match (self.failed, self.shots) {
            (None, Some(shots)) => Ok(gather(self.item, shots, self.blocks, self.solos)),
            (failed, _) => Err(failed.unwrap_or_else(|| "not measured".to_owned())),
        };
        Measured { id: self.id, members }
    }
}

impl Session<'_> {
    /// Measures items in groups; returns whether all were, and not stopped.
    ///
    /// # Errors
    /// Results that differ between loop orders, or an observer that could not keep one.
    pub fn run(&mut self, items: &[Item], observer: &mut dyn Observer) -> Result<bool, Error> {
        for group in groups(items, self.machine(), self.settings().pace) {
            if !self.group(&items[group.clone()], group.start, observer)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn group(&mut self, items: &[Item], first: usize, observer: &mut dyn Observer) -> Result<bool, Error> {
        let mut going: Vec<Going<'_>> = items.iter().map(Going::new).collect();
        let placements = self.settings().pace.placements.max(1);
        let mut visits = 0;
        for placement in 0..placements {
            let last = placement + 1 == placements;
            for (at, one) in going.iter_mut().enumerate() {
                observer.started(first + visits / placements as usize, &one.id);
                visits += 1;
                if one.failed.is_none() {
                    match self.place(one, placement, last) {
                        Ok(()) => {}
                        Err(Error::Case { why, .. }) => one.failed = Some(why),
                        Err(error) => return Err(error),
                    }
                    if self.watch().stopped() {
                        return Ok(false);
                    }
                }
                if last {
                    // It is kept before the next item is touched: nothing finished is lost.
                    let done = std::mem::replace(one, Going::new(one.item));
                    observer.finished(first + at, done.measured())?;
                }
            }
        }
        Ok(true)
    }

    /// One placement of one item; the last also tells what is not timed: by then the run has time for simulating.
    fn place(&mut self, one: &mut Going<'_>, placement: u32, last: bool) -> Result<(), Error> {
        let pace = self.settings().pace;
        let pacing = Pacing {
            placement: Duration::from_nanos(pace.placement_of(one.item)),
            sample: Duration::from_nanos(pace.sample_ns),
            least_rounds: pace.least_rounds,
            priming: pace.settling_of(one.item, self.machine()),
        };
        let mut arms = self.arms(one.item)?;
        if last {
            one.shots = Some(self.shots(one.item, &mut arms)?);
        }
        let mut rng = Rng::new(self.next_u64());
        let watch = self.watch();
        if one.item.baseline().is_some() {
            one.blocks.push(paired(&mut arms, pacing, placement, &watch, &mut rng));
        } else {
            one.solos.push(solo(&mut arms, pacing, placement, &watch));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::Level;

    #[test]
    fn groups_cover_a_plan_in_order_and_a_short_run_has_some() {
        let machine = Machine { caches: vec![32 << 10, 1 << 20], memory: None, huge_pages: false, cpus: 1 };
        let pace = Pace { placements: 6, placement_ns: 50_000_000, ..Level::Quick.pace() };
        let items: Vec<Item> =
            (1..=40).map(|n| Item::against_baseline(format!("order/sum/f8/{n}x64/C/1,0").parse().unwrap())).collect();
        let found = groups(&items, &machine, pace);
        assert!(found.len() >= 4, "{found:?}");
        assert!(found.iter().any(|group| group.len() > 1));
        let all: Vec<usize> = found.into_iter().flatten().collect();
        assert_eq!(all, (0..40).collect::<Vec<_>>());
        assert_eq!(groups(&items[..1], &machine, pace), vec![0..1]);
        assert!(groups(&[], &machine, pace).is_empty());
    }
}
