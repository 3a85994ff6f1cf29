//! Iteration of a nest as runs: one run is one execution of the innermost loop.

use super::LoopNest;

/// A cursor over the runs of a nest. Within a run, operand `k` is at `at()[k] + i * inner_steps()[k]`.
#[derive(Clone, Debug)]
pub struct Runs<'a> {
    nest: &'a LoopNest,
    /// Iteration number per loop; the innermost stays 0.
    counter: Vec<usize>,
    /// Iterations per loop under the present outer counters.
    extent: Vec<usize>,
    /// Indices of its axis that each loop goes through under them.
    range: Vec<usize>,
    at: Vec<i64>,
    started: bool,
    /// Iterations of the present block's loops.
    block: Vec<usize>,
}

impl<'a> Runs<'a> {
    pub(super) fn new(nest: &'a LoopNest) -> Self {
        let loops = nest.loops().len();
        let at = nest.operands().iter().map(|operand| operand.start).collect();
        let zeros = vec![0; loops];
        Self {
            nest,
            counter: zeros.clone(),
            extent: zeros.clone(),
            range: zeros,
            at,
            started: false,
            block: Vec::new(),
        }
    }

    /// Byte offset of each operand at the first element of the present run.
    #[must_use]
    pub fn at(&self) -> &[i64] {
        &self.at
    }

    /// Moves to the next run and returns its length; `None` after the last. A nest without loops is one run of 1.
    pub fn advance(&mut self) -> Option<usize> {
        self.step(1).then(|| self.extent.last().copied().unwrap_or(1))
    }

    /// Moves to the next block: as many of the innermost loops, but no more than `most`, as have the same iterations wherever those
    /// around them are. Returns how many each has, the outermost first; of that one those that are left and alike: where tiles end
    /// in a smaller one it is a block of its own. A kernel thus keeps several loops in registers. Do not mix with
    /// [`Runs::advance`].
    pub fn advance_block(&mut self, most: usize) -> Option<&[usize]> {
        let loops = self.extent.len();
        if let Some(&count) = self.block.first() {
            let outermost = loops - self.block.len();
            self.counter[outermost] += count - 1;
            self.shift(outermost, i64::try_from(count - 1).unwrap_or(i64::MAX));
        }
        if !self.step(self.block.len().saturating_sub(1)) {
            return None;
        }
        let fewest = loops - most.min(loops);
        self.block.clear();
        if let Some(outermost) = (fewest..loops).find(|&depth| (depth + 1..loops).all(|inner| self.is_even(inner))) {
            let alike = if self.is_cut(outermost) {
                self.range[outermost] / self.nest.loops()[outermost].block
            } else {
                self.extent[outermost]
            };
            self.block.push(alike.saturating_sub(self.counter[outermost]).max(1));
            self.block.extend_from_slice(&self.extent[outermost + 1..]);
        }
        Some(&self.block)
    }

    /// Whether a loop is at its beginning and its iterations are alike.
    fn is_even(&self, depth: usize) -> bool {
        self.counter[depth] == 0 && (self.extent[depth] <= 1 || !self.is_cut(depth))
    }

    /// Whether a loop ends in a smaller tile.
    fn is_cut(&self, depth: usize) -> bool {
        let loops = self.nest.loops();
        let is_tiled = loops[depth + 1..].iter().any(|inner| inner.axis == loops[depth].axis);
        is_tiled && !self.range[depth].is_multiple_of(loops[depth].block)
    }

    /// Moves the counters of all but the `inner` innermost loops by one; `false` after the last.
    fn step(&mut self, inner: usize) -> bool {
        if !self.started {
            self.started = true;
            if self.nest.steps() > 0 {
                self.measure_from(0);
            }
            return self.nest.steps() > 0;
        }
        for depth in (0..self.counter.len().saturating_sub(inner)).rev() {
            if self.counter[depth] + 1 < self.extent[depth] {
                self.counter[depth] += 1;
                self.shift(depth, 1);
                self.measure_from(depth + 1);
                return true;
            }
            let back = i64::try_from(self.counter[depth]).unwrap_or(i64::MAX);
            self.shift(depth, -back);
            self.counter[depth] = 0;
        }
        false
    }

    fn shift(&mut self, depth: usize, iterations: i64) {
        for (operand, at) in self.at.iter_mut().enumerate() {
            *at = at.wrapping_add(self.nest.loop_step(operand, depth).wrapping_mul(iterations));
        }
    }

    /// Sets the extents of the loops from `depth` inwards, whose counters are 0.
    fn measure_from(&mut self, depth: usize) {
        let loops = self.nest.loops();
        for inner in depth..loops.len() {
            let axis = loops[inner].axis;
            // Every coarser block ends the finer ones, also where sizes do not divide each other.
            let (mut start, mut end) = (0, self.nest.axes()[axis]);
            for (l, count) in loops[..inner].iter().zip(&self.counter).filter(|(l, _)| l.axis == axis) {
                start += l.block * count;
                end = end.min(start.saturating_add(l.block));
            }
            self.range[inner] = end - start;
            self.extent[inner] = self.range[inner].div_ceil(loops[inner].block);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::layout::{Layout, Order};
    use crate::nest::{Loop, LoopNest, LoopOrder, NestError, Operand, Role};
    use proptest::prelude::*;

    fn visited(nest: &LoopNest) -> Vec<Vec<i64>> {
        let (mut runs, steps) = (nest.runs(), nest.inner_steps());
        let mut seen = Vec::new();
        while let Some(length) = runs.advance() {
            for i in 0..i64::try_from(length).unwrap() {
                seen.push(runs.at().iter().zip(&steps).map(|(at, step)| at + i * step).collect());
            }
        }
        seen
    }

    /// The same of one operand by blocks of at most so many loops.
    fn in_blocks(nest: &LoopNest, most: usize) -> Vec<i64> {
        let depth = nest.loops().len();
        let (mut runs, mut seen) = (nest.runs(), Vec::new());
        while let Some(extents) = runs.advance_block(most).map(<[usize]>::to_vec) {
            assert!(extents.len() <= most);
            let mut block = vec![runs.at()[0]];
            for (number, &extent) in extents.iter().enumerate() {
                let step = nest.loop_step(0, depth - extents.len() + number);
                let along = |at: i64| (0..i64::try_from(extent).unwrap()).map(move |i| at + i * step);
                block = block.into_iter().flat_map(along).collect();
            }
            seen.extend(block);
        }
        seen
    }

    fn read(shape: &[usize], order: Order, loops: &str) -> LoopNest {
        let layout = Layout::contiguous(shape, 1, order).unwrap();
        LoopNest::of_layouts(&[(&layout, Role::Read)], &loops.parse().unwrap()).unwrap()
    }

    #[test]
    fn rows_then_columns() {
        let flat = |nest| visited(&nest).concat();
        assert_eq!(flat(read(&[2, 3], Order::C, "0,1")), [0, 1, 2, 3, 4, 5]);
        assert_eq!(flat(read(&[2, 3], Order::C, "1,0")), [0, 3, 1, 4, 2, 5]);
        assert_eq!(flat(read(&[2, 3], Order::F, "1,0")), [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn tiles_keep_their_remainders() {
        let nest = read(&[3, 5], Order::C, "0,1").tiled(&[(0, 2), (1, 2)]).unwrap();
        let offsets: Vec<i64> = nest.offsets(0).map(|at| i64::try_from(at).unwrap()).collect();
        assert_eq!(offsets, visited(&nest).concat());
        assert_eq!(nest.offsets(1).count(), 0);
        assert_eq!(visited(&nest).concat(), [0, 1, 5, 6, 2, 3, 7, 8, 4, 9, 10, 11, 12, 13, 14]);
    }

    #[test]
    fn a_block_has_all_iterations_that_are_alike() {
        let blocks = |shape: &[usize], tiles: &[(usize, usize)], most| {
            let nest = read(shape, Order::C, "0,1").tiled(tiles).unwrap();
            let mut runs = nest.runs();
            std::iter::from_fn(|| runs.advance_block(most).map(<[usize]>::to_vec)).collect::<Vec<_>>()
        };
        assert_eq!(blocks(&[6, 8], &[], 4), [[6, 8]]);
        assert_eq!(blocks(&[6, 8], &[], 1), vec![[8]; 6]);
        assert_eq!(blocks(&[6, 8], &[(0, 2), (1, 4)], 4), [[3, 2, 2, 4]]);
        assert_eq!(blocks(&[6, 8], &[(0, 2), (1, 4)], 3), vec![[2, 2, 4]; 3]);
        // Rows end in a smaller tile, columns do not.
        assert_eq!(blocks(&[5, 8], &[(0, 2), (1, 4)], 4), [[2, 2, 2, 4], [1, 2, 1, 4]]);
        // Columns do, so that what comes between two tiles of rows is cut off.
        assert_eq!(blocks(&[4, 9], &[(0, 2), (1, 4)], 4), [[2, 2, 4], [1, 2, 1], [2, 2, 4], [1, 2, 1]]);
    }

    #[test]
    fn odd_nests_are_one_run_or_none() {
        assert_eq!(visited(&read(&[], Order::C, "")), [[0]]);
        assert!(visited(&read(&[4, 0], Order::C, "0,1")).is_empty());
    }

    #[test]
    fn nests_that_would_skip_or_leave_are_refused() {
        let nest = read(&[4, 4], Order::C, "0,1");
        let loops = |pairs: &[(usize, usize)]| pairs.iter().map(|&(axis, block)| Loop { axis, block }).collect();
        for wrong in [&[(0, 1), (0, 1)][..], &[(0, 2), (1, 1)], &[(0, 1), (0, 2), (1, 1)], &[(0, 1), (1, 1), (2, 1)]] {
            assert!(matches!(nest.with_loops(loops(wrong)), Err(NestError::NotAPermutation(_))), "{wrong:?}");
        }
        assert!(matches!(nest.tiled(&[(0, 0)]), Err(NestError::BadTile { .. })));
        let operand = |start, steps| Operand { role: Role::Read, buffer: 0, itemsize: 8, start, steps };
        let build = |operand| LoopNest::new(vec![3], vec![operand], vec![24], &LoopOrder::identity(1));
        assert!(build(operand(0, vec![8])).is_ok());
        assert!(build(operand(16, vec![-8])).is_ok());
        for wrong in [operand(1, vec![8]), operand(0, vec![9]), operand(8, vec![-8]), operand(0, vec![i64::MAX])] {
            assert!(matches!(build(wrong), Err(NestError::OutOfBounds { .. })));
        }
    }

    #[test]
    fn hoisted_operands_are_visited_once_per_run() {
        let operand = |role, steps: [i64; 2]| Operand { role, buffer: 0, itemsize: 8, start: 0, steps: steps.to_vec() };
        // A sum over each row into a vector.
        let operands = vec![operand(Role::Read, [40, 8]), operand(Role::Update, [8, 0])];
        let plain = LoopNest::new(vec![3, 5], operands, vec![120], &LoopOrder::identity(2)).unwrap();
        assert_eq!((plain.accesses(), plain.bytes_read_written()), (45, (240, 120)));
        let nest = plain.clone().hoisting();
        assert_eq!([nest.is_hoisted(0), nest.is_hoisted(1)], [false, true]);
        assert_eq!((nest.accesses(), nest.bytes_read_written()), (21, (144, 24)));
        // Tiles of 2: every row is three runs.
        let tiled = nest.tiled(&[(1, 2)]).unwrap();
        assert_eq!((tiled.run_count(), tiled.accesses()), (9, 33));
        let columns = plain.with_loops(vec![Loop { axis: 1, block: 1 }, Loop { axis: 0, block: 1 }]).unwrap();
        assert_eq!(columns.hoisting().accesses(), 45);
    }

    proptest! {
        #[test]
        fn any_tiling_visits_every_index_once(
            shape in proptest::collection::vec(1_usize..9, 1..4),
            tiles in proptest::collection::vec(1_usize..10, 3),
            finer in 1_usize..4,
            most in 1_usize..6,
            seed in any::<u64>(),
        ) {
            let mut order: Vec<usize> = (0..shape.len()).collect();
            crate::units::Rng::new(seed).shuffle(&mut order);
            let layout = Layout::contiguous(&shape, 1, Order::C).unwrap();
            let plain = LoopNest::of_layouts(&[(&layout, Role::Read)], &LoopOrder::new(order).unwrap()).unwrap();
            let once = plain.tiled(&shape.iter().enumerate().map(|(a, _)| (a, tiles[a])).collect::<Vec<_>>()).unwrap();
            // A second level of tiles inside the first.
            let mut loops = once.loops().to_vec();
            if let Some(inner) = loops.iter().position(|l| l.block == 1 && tiles[l.axis] > finer && finer > 1) {
                loops.insert(inner, Loop { axis: loops[inner].axis, block: finer });
            }
            let Ok(twice) = once.with_loops(loops) else { return Ok(()) };
            let mut runs = twice.runs();
            prop_assert_eq!(std::iter::from_fn(|| runs.advance()).count() as u64, twice.run_count());
            prop_assert_eq!(in_blocks(&twice, most), visited(&twice).concat());
            let mut seen = visited(&twice).concat();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..i64::try_from(plain.steps()).unwrap()).collect::<Vec<_>>());
        }
    }
}
