//! What may be changed about a loop, what each change will bring, and which is best.

use super::measured::Measured;
use super::model::{Costs, Prediction};
use crate::kernel::{Kernel, Walk};
use crate::layout::Order;
use crate::memory::PagePolicy;
use crate::nest::LoopOrder;
use crate::suite::{Case, Edges, Form};
use std::collections::HashMap;

/// Tile edges that are tried.
const TILES: [usize; 5] = [16, 32, 64, 128, 256];
/// Paddings that are tried, bytes: a line, and nine, which also leaves the sets of farther caches.
const PADS: [u64; 2] = [64, 576];
/// Tile edge of a copy to the other order.
const COPY_TILE: usize = 32;
/// Times this near to the best one are as good: the least work then goes first. Five per cent was right less often.
pub const AS_GOOD: f64 = 1.03;
/// Arrays below this have no use for huge pages.
const HUGE: u64 = 2 << 20;
/// Axes up to which every loop order is tried.
const EVERY_ORDER: usize = 3;

/// A change to a loop.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// Keep it.
    Nothing,
    /// Another order of the loops.
    Loops(LoopOrder),
    /// Tiles of this edge.
    Tile(usize),
    /// Bytes behind every run of the fastest axis.
    Pad(u64),
    /// Huge pages.
    Huge,
    /// Both.
    PadAndHuge(u64),
    /// A copy in the other storage order before the first pass.
    Copy(Order),
    /// A dense array of a view's windows before the first pass.
    Materialise,
    /// An array of its own for the field that is used, before the first pass.
    Split,
}

/// A change with what it will bring.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// What is changed.
    pub change: Change,
    /// The case afterwards.
    pub case: Case,
    /// A step of a pass afterwards.
    pub prediction: Prediction,
    /// Steps of a pass.
    pub steps: u64,
    /// Nanoseconds before the first pass.
    pub once: f64,
    /// Bytes that it takes beside the array.
    pub memory: u64,
    /// Nanoseconds of all passes together with what goes before.
    pub total: f64,
    /// Passes from which on it pays; `None` if it costs nothing before the first one, or never pays.
    pub break_even: Option<u64>,
}

/// Ranked changes, the best first.
#[derive(Clone, Debug, PartialEq)]
pub struct Advice {
    /// Every change that was considered, the best first.
    pub choices: Vec<Choice>,
    /// The present loop.
    pub present: Choice,
    /// The same array with its smallest stride innermost: what penalties are against.
    pub baseline: Prediction,
}

/// Predicts with the costs of one bundle; what was simulated once is kept.
pub struct Adviser<'a> {
    measured: &'a Measured,
    costs: Costs,
    known: HashMap<String, Prediction>,
}

impl<'a> Adviser<'a> {
    /// With the costs of all curves.
    #[must_use]
    pub fn new(measured: &'a Measured) -> Self {
        Self::with(measured, measured.costs(&[]))
    }

    /// With given costs.
    #[must_use]
    pub fn with(measured: &'a Measured, costs: Costs) -> Self {
        Self { measured, costs, known: HashMap::new() }
    }

    /// The costs.
    #[must_use]
    pub fn costs(&self) -> &Costs {
        &self.costs
    }

    /// A step of a case; `None` if it walks no nest.
    pub fn predict(&mut self, case: &Case) -> Option<Prediction> {
        let name = case.to_string();
        if let Some(known) = self.known.get(&name) {
            return Some(known.clone());
        }
        let found = self.measured.predicted(&self.costs, case)?;
        self.known.insert(name, found.clone());
        Some(found)
    }

    /// Nanoseconds of a pass.
    pub fn pass(&mut self, case: &Case) -> Option<f64> {
        Some(self.predict(case)?.ns.estimate * case.nest().ok()?.steps() as f64)
    }

    /// Ranks what may be changed about `case` if it is walked `passes` times.
    ///
    /// # Errors
    /// A case that walks no nest.
    pub fn advise(&mut self, case: &Case, passes: u64) -> Result<Advice, String> {
        let none = || format!("{case}: walks no loop nest, so there is nothing to change");
        let present = self.choice(Change::Nothing, case.clone(), None, passes).ok_or_else(none)?;
        let baseline = self.predict(&case.baseline()).ok_or_else(none)?;
        let mut choices = vec![present.clone()];
        // Of several sizes of one change only the best is offered.
        for group in groups(case) {
            let tried =
                group.into_iter().filter_map(|(change, case, before)| self.choice(change, case, before, passes));
            choices.extend(tried.min_by(|a, b| a.total.total_cmp(&b.total)));
        }
        for choice in &mut choices {
            choice.break_even = break_even(choice, &present);
        }
        rank(&mut choices);
        Ok(Advice { choices, present, baseline })
    }

    fn choice(&mut self, change: Change, case: Case, before: Option<Case>, passes: u64) -> Option<Choice> {
        let prediction = self.predict(&case)?;
        let steps = case.nest().ok()?.steps();
        let once = before.map_or(Some(0.0), |copy| self.pass(&copy))?;
        let total = once + passes as f64 * steps as f64 * prediction.ns.estimate;
        let memory = memory(&change, &case);
        Some(Choice { change, case, prediction, steps, once, memory, total, break_even: None })
    }
}

/// The first pass at which a change that costs something before is ahead.
fn break_even(choice: &Choice, present: &Choice) -> Option<u64> {
    let saved = (present.prediction.ns.estimate - choice.prediction.ns.estimate) * present.steps as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of passes")]
    (choice.once > 0.0 && saved > 0.0).then(|| (choice.once / saved).ceil().max(1.0) as u64)
}

/// The best first; of those that are as good as the best, the one that takes the least work.
fn rank(choices: &mut [Choice]) {
    choices.sort_by(|a, b| a.total.total_cmp(&b.total));
    let limit = choices.first().map_or(0.0, |best| best.total * AS_GOOD);
    let near = choices.iter().take_while(|choice| choice.total <= limit).count();
    choices[..near].sort_by_key(|choice| effort(&choice.change));
}

/// How much work a change is, the least first.
fn effort(change: &Change) -> u8 {
    match change {
        Change::Nothing => 0,
        Change::Loops(_) => 1,
        Change::Huge => 2,
        Change::Tile(_) => 3,
        Change::Pad(_) => 4,
        Change::PadAndHuge(_) => 5,
        Change::Copy(_) | Change::Materialise | Change::Split => 6,
    }
}

/// Bytes beside the array as it is.
fn memory(change: &Change, case: &Case) -> u64 {
    let bytes = case.footprint().unwrap_or(0);
    let unpadded = || case.clone().with(|options| options.pad = 0).footprint().unwrap_or(bytes);
    let rounding = || bytes.next_multiple_of(HUGE) - bytes;
    match change {
        Change::Nothing | Change::Loops(_) | Change::Tile(_) => 0,
        Change::Pad(_) => bytes - unpadded(),
        Change::Huge => rounding(),
        Change::PadAndHuge(_) => bytes - unpadded() + rounding(),
        // What is copied stays where it was.
        Change::Copy(_) | Change::Materialise | Change::Split => bytes,
    }
}

type Tried = (Change, Case, Option<Case>);

/// Every change that fits the case, in groups of which only the best member is offered.
fn groups(case: &Case) -> Vec<Vec<Tried>> {
    let mut groups: Vec<Vec<Tried>> = orders(case)
        .into_iter()
        .map(|loops| vec![(Change::Loops(loops.clone()), reordered(case, loops), None)])
        .collect();
    let options = &case.options;
    let plain = |change: Change, changed: Case| (change, changed, None);
    if options.tile == Edges::default()
        && options.leaf == 0
        && case.axes() > 1
        && case.nest().is_ok_and(|n| n.steps() > 1)
    {
        let tile = |&edge: &usize| plain(Change::Tile(edge), case.clone().with(|o| o.tile = Edges::from(edge)));
        let fits = |edge: &&usize| case.shape.iter().any(|length| length > *edge);
        groups.push(TILES.iter().filter(fits).map(tile).collect());
    }
    let padded = |pad: u64| case.clone().with(|options| options.pad = pad);
    let huge = |case: Case| case.with(|options| options.pages = PagePolicy::Huge);
    let pads = options.pad == 0 && case.shape.len() > 1 && options.form == Form::View && options.only == 0;
    let pages = options.pages == PagePolicy::Base && case.footprint().is_ok_and(|bytes| bytes >= HUGE);
    if pads {
        groups.push(PADS.iter().map(|&pad| plain(Change::Pad(pad), padded(pad))).collect());
    }
    if pages {
        groups.push(vec![plain(Change::Huge, huge(case.clone()))]);
    }
    if pads && pages {
        groups.push(PADS.iter().map(|&pad| plain(Change::PadAndHuge(pad), huge(padded(pad)))).collect());
    }
    groups.extend([copied(case), materialised(case), split(case)].into_iter().flatten().map(|one| vec![one]));
    groups.retain(|group| !group.is_empty());
    groups
}

/// Loop orders that are tried: all up to three axes; beyond, for each axis that may be innermost the others by falling
/// stride.
fn orders(case: &Case) -> Vec<LoopOrder> {
    let (axes, strides) = (case.axes(), case.strides().unwrap_or_default());
    let all = if axes <= EVERY_ORDER {
        LoopOrder::all(axes)
    } else {
        let with_inner = |inner: usize| {
            let mut order: Vec<usize> = (0..axes).filter(|&axis| axis != inner).collect();
            order.sort_by_key(|&axis| std::cmp::Reverse(strides.get(axis).map_or(0, |stride| stride.unsigned_abs())));
            order.push(inner);
            LoopOrder::new(order).ok()
        };
        (0..axes).filter_map(with_inner).collect()
    };
    all.into_iter().filter(|loops| *loops != case.loops).collect()
}

fn reordered(case: &Case, loops: LoopOrder) -> Case {
    Case { loops, ..case.clone() }
}

/// The same loops over a copy in the other storage order, which is made tile by tile.
fn copied(case: &Case) -> Option<Tried> {
    let options = &case.options;
    let special =
        options.dest.is_some() || !options.window.is_none() || options.only > 0 || options.walk != Walk::Element;
    if case.shape.len() < 2 || special || case.kernel.writes() {
        return None;
    }
    let order = if case.order == Order::C { Order::F } else { Order::C };
    let copy = Case { kernel: Kernel::Copy, ..case.baseline() }.with(|options| {
        options.dest = Some(order);
        options.tile = Edges::from(COPY_TILE);
    });
    Some((Change::Copy(order), Case { order, ..case.clone() }, Some(copy)))
}

/// Windows written out one behind the other.
fn materialised(case: &Case) -> Option<Tried> {
    if case.options.window.is_none() || case.options.form != Form::View || case.kernel.writes() {
        return None;
    }
    let copy = Case { kernel: Kernel::Copy, ..case.baseline() };
    Some((Change::Materialise, case.clone().with(|options| options.form = Form::Dense), Some(copy)))
}

/// The field that is used as an array of its own.
fn split(case: &Case) -> Option<Tried> {
    let only = Some(case.options.only).filter(|&only| only > 0 && !case.kernel.writes())?;
    let fast = if case.order == Order::C { case.shape.len() - 1 } else { 0 };
    let mut dense = case.clone().with(|options| options.only = 0);
    dense.shape[fast] = only;
    let copy = Case { kernel: Kernel::Copy, ..case.clone() };
    Some((Change::Split, dense, Some(copy)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(id: &str) -> Case {
        id.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn every_change_gives_a_case_that_can_be_walked() {
        for id in [
            "order/sum/f8/4096x4096/C/1,0",
            "order/copy/f8/512x512/C/1,0",
            "order/sum/f8/4x64x64/F/0,1,2",
            "order/sum/f8/4x8x8x64/C/3,2,1,0",
            "record/sum/f8/100000x3/C/0,1/only=1",
            "window/sum/f8/3000x300/C/0,1,2,3/window=3",
        ] {
            for (change, changed, before) in groups(&case(id)).into_iter().flatten() {
                assert!(changed.nest().is_ok(), "{id} {change:?}: {:?}", changed.nest());
                if let Some(before) = before {
                    assert!(before.nest().is_ok(), "{id} {change:?}: {:?}", before.nest());
                }
                assert_eq!(changed.nest().unwrap().steps(), case(id).nest().unwrap().steps(), "{id} {change:?}");
            }
        }
        let changes: Vec<Change> =
            groups(&case("order/sum/f8/4096x4096/C/1,0")).into_iter().flatten().map(|tried| tried.0).collect();
        for wanted in [Change::Tile(64), Change::Pad(64), Change::Huge, Change::PadAndHuge(64), Change::Copy(Order::F)]
        {
            assert!(changes.contains(&wanted), "{wanted:?}");
        }
    }

    #[test]
    fn memory_is_what_stands_beside_the_array() {
        let padded = case("order/sum/f8/4096x4096/C/1,0/pad=64");
        assert_eq!(memory(&Change::Pad(64), &padded), 4096 * 64);
        assert_eq!(memory(&Change::Copy(Order::F), &case("order/sum/f8/64x64/F/1,0")), 64 * 64 * 8);
        assert_eq!(memory(&Change::Tile(16), &padded), 0);
    }
}
