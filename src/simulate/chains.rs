//! The caches and the TLBs of a nest, each by itself: by the shortcut where it holds, or else walked.
//!
//! Levels are left out of the walk from the first one on that *fits*: no set is given more different lines in a pass
//! than it has ways, so nothing ever leaves it. It misses every line once in the first pass and none later, has nothing
//! to write back, and so the levels behind it see every line once.

use super::cache::{Search, Tag};
use super::engine::Machine;
use super::footprint::Footprint;
use super::geometry::Geometry;
use super::raw::Vectors;
use super::report::{LevelCounts, Pass, Report, TlbCounts};
use super::shortcut::{self, Budget, Found};
use super::warp::{Effort, Plan};
use super::{Accesses, Engine, Error, Options, repeat, touches, within};
use crate::nest::LoopNest;

/// A nest at addresses that the tags can tell apart.
pub(super) fn nest<T: Tag>(
    nest: &LoopNest,
    bases: &[u64],
    geometry: &Geometry,
    options: &Options,
) -> Result<Report, Error>
where
    Vectors: Search<T>,
{
    let budget = match options.engine {
        Engine::Automatic => Budget::of(nest),
        Engine::Shortcut => Some(Budget::ANY),
        Engine::Direct | Engine::Plain => None,
    };
    let find = |budget| shortcut::find::<T>(nest, bases, geometry, budget);
    let [lines, pages] = budget.filter(|_| !options.classify).map_or([None, None], find);
    let chains = split(geometry);
    let left = [&lines, &pages].into_iter().zip(&chains).any(|(found, chain)| found.is_none() && !chain.is_empty());
    if left {
        within(touches(nest, geometry.line()), options)?;
    }
    let accesses = Accesses::Nest { nest, bases };
    let footprint = Footprint::of(nest, bases, geometry.line());
    let walk = |chain: &Geometry| walk::<T>(&accesses, chain, options, &footprint);
    let caches = lines.map_or_else(|| walk(&chains[0]), |found| found_levels(&chains[0], &found));
    let tlbs = pages.map_or_else(|| walk(&chains[1]), |found| found_tlbs(&chains[1], &found));
    let mut report = together(&accesses, options, caches, tlbs);
    (report.cold.lines, report.warm.lines) = (footprint.distinct, footprint.distinct);
    Ok(report)
}

/// A chase at addresses that the tags can tell apart.
pub(super) fn chase<T: Tag>(
    accesses: &Accesses<'_>,
    touches: u64,
    geometry: &Geometry,
    options: &Options,
) -> Result<Report, Error>
where
    Vectors: Search<T>,
{
    within(touches, options)?;
    let [caches, tlbs] = split(geometry).map(|chain| walk::<T>(accesses, &chain, options, &Footprint::default()));
    Ok(together(accesses, options, caches, tlbs))
}

/// The caches without TLBs, and the TLBs without caches.
fn split(geometry: &Geometry) -> [Geometry; 2] {
    let mut chains = [geometry.clone(), geometry.clone()];
    chains[0].tlbs.clear();
    chains[1].levels.clear();
    chains
}

fn together(accesses: &Accesses<'_>, options: &Options, caches: [Pass; 2], tlbs: [Pass; 2]) -> Report {
    let [cold, warm] = [0, 1].map(|pass| Pass {
        accesses: accesses.count(),
        levels: caches[pass].levels.clone(),
        tlb: tlbs[pass].tlb.clone(),
        page_walks: tlbs[pass].page_walks,
        ..Pass::default()
    });
    Report { policy: options.model.to_string(), cold, warm }
}

/// One chain walked, its first and its steady pass.
fn walk<T: Tag>(accesses: &Accesses<'_>, chain: &Geometry, options: &Options, lines: &Footprint) -> [Pass; 2]
where
    Vectors: Search<T>,
{
    if chain.is_empty() {
        return [Pass::default(), Pass::default()];
    }
    let exact_only = options.classify || options.engine == Engine::Direct;
    let sets = chain.sets();
    let fitting = match accesses {
        Accesses::Nest { nest, bases } if !exact_only && chain.levels.is_empty() => {
            Footprint::dense(nest, bases, chain.page).and_then(|pages| pages.fitting(&sets))
        }
        Accesses::Nest { .. } if !exact_only => lines.fitting(&sets),
        _ => None,
    };
    let walked = chain.first(fitting.map_or(sets.len(), |(level, _)| level.max(1)));
    let plan = match accesses {
        Accesses::Nest { nest, bases } if !exact_only => {
            let effort = if options.engine == Engine::Shortcut { Effort::Any } else { Effort::Little };
            let numbers: Vec<u64> = walked.sets().iter().map(|[sets, _]| *sets).collect();
            Plan::of(nest, bases, walked.unit(), &numbers, effort)
        }
        _ => None,
    };
    let mut machine = Machine::<T>::new(&walked, options.classify);
    let most = sets.len() + 2;
    // A level that was left out misses in the first pass and no more.
    let differ = fitting.is_some_and(|(_, distinct)| distinct > 0);
    let mut passes = repeat([most, most], differ, || machine.pass(accesses, plan.as_ref()));
    if let Some((_, distinct)) = fitting {
        complete(&mut passes, chain, distinct);
    }
    passes
}

/// Adds the levels that were left out: the first of them, or the one before it, holds every line once it was there.
fn complete(passes: &mut [Pass; 2], chain: &Geometry, distinct: u64) {
    for (pass, misses) in passes.iter_mut().zip([distinct, 0]) {
        for level in chain.levels.iter().skip(pass.levels.len()) {
            let accesses = pass.levels.last().map_or(0, |before| before.misses);
            let name = level.name.clone();
            pass.levels.push(LevelCounts { name, accesses, hits: accesses - misses, misses, ..LevelCounts::default() });
        }
        for tlb in chain.tlbs.iter().skip(pass.tlb.len()) {
            let accesses = pass.tlb.last().map_or(0, |before| before.misses);
            pass.tlb.push(TlbCounts { name: tlb.name.clone(), accesses, hits: accesses - misses, misses });
        }
        pass.page_walks = pass.tlb.last().map(|tlb| tlb.misses);
    }
}

fn found_levels(chain: &Geometry, found: &Found) -> [Pass; 2] {
    [0, 1].map(|number| {
        let mut pass = Pass::default();
        pass.set_levels(chain.levels.iter().map(|level| level.name.clone()), found.touches, &found.misses[number]);
        pass
    })
}

fn found_tlbs(chain: &Geometry, found: &Found) -> [Pass; 2] {
    [0, 1].map(|number| {
        let mut pass = Pass::default();
        pass.set_tlbs(chain.tlbs.iter().map(|tlb| tlb.name.clone()), found.touches, &found.misses[number]);
        pass
    })
}
