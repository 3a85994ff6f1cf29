//! What a loop order costs in lines, pages and sets: arithmetic on a layout, no simulation.

use super::Layout;
use super::overlap::gcd;

/// A cache as far as sets matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sets {
    /// `L1d`.
    pub name: String,
    /// Bytes of a line.
    pub line: u64,
    /// Number of sets.
    pub sets: u64,
    /// Ways.
    pub ways: u64,
}

/// What one level sees of an inner sweep.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetsReached {
    /// `L1d`.
    pub name: String,
    /// Sets that the sweep reaches.
    pub reached: u64,
    /// Sets there are.
    pub of: u64,
    /// Lines of the sweep that fit: reached sets times ways.
    pub room: u64,
}

/// One loop order over a layout.
#[derive(Clone, Debug, PartialEq)]
pub struct Locality {
    /// Byte step per loop, outermost first.
    pub steps: Vec<i64>,
    /// Byte step of the innermost loop.
    pub inner_step: i64,
    /// Bytes between the end of one element and the start of the next of the innermost loop; 0 if they touch or overlap.
    pub skipped: u64,
    /// Elements of one inner sweep.
    pub elements: u64,
    /// Distinct lines of one inner sweep.
    pub lines: u64,
    /// Distinct pages of one inner sweep.
    pub pages: u64,
    /// Lines per element of one inner sweep.
    pub lines_per_element: f64,
    /// Bytes fetched in whole lines / bytes used.
    pub amplification: f64,
    /// Sets reached per level.
    pub sets: Vec<SetsReached>,
}

/// Distinct units of `unit` bytes that `n` elements of `size` bytes at `step` from `start` touch.
fn units(start: i128, step: i64, n: u64, size: u64, unit: u64) -> u64 {
    let (size, unit, step) = (i128::from(size), i128::from(unit), i128::from(step).abs());
    if n == 0 {
        return 0;
    }
    let last = (i128::from(n) - 1) * step;
    if step <= unit.max(size) {
        // No unit between the first and the last is left out.
        let touched = (start + last + size - 1).div_euclid(unit) - start.div_euclid(unit) + 1;
        return u64::try_from(touched).unwrap_or(u64::MAX);
    }
    // Elements further apart than a unit share none, unless they straddle: the residues repeat with this period.
    let period = unit / gcd(step, unit);
    let per = |i: i128| {
        let at = start + i * step;
        (at + size - 1).div_euclid(unit) - at.div_euclid(unit) + 1
    };
    let shared = |i: i128| {
        let (at, next) = (start + i * step, start + (i + 1) * step);
        i128::from((at + size - 1).div_euclid(unit) == next.div_euclid(unit))
    };
    let sum = |from: i128, to: i128, f: &dyn Fn(i128) -> i128| (from..to).map(f).sum::<i128>();
    let repeated = |count: i128, f: &dyn Fn(i128) -> i128| {
        if count <= period { sum(0, count, f) } else { count / period * sum(0, period, f) + sum(0, count % period, f) }
    };
    let touched = repeated(i128::from(n), &per) - repeated(i128::from(n) - 1, &shared);
    u64::try_from(touched).unwrap_or(u64::MAX)
}

/// Sets that `n` elements at `step` reach, from the lines that they touch.
fn sets_reached(start: i128, step: i64, n: u64, size: u64, cache: &Sets) -> u64 {
    let (line, sets) = (i128::from(cache.line), i128::from(cache.sets));
    let step = i128::from(step).abs();
    // Addresses modulo the span of all sets repeat after this many elements.
    let span = line * sets;
    let period = if step == 0 { 1 } else { span / gcd(step % span, span).max(1) };
    let mut reached = vec![false; usize::try_from(cache.sets).unwrap_or(0)];
    for i in 0..i128::from(n).min(period) {
        let at = start + i * step;
        for one in at.div_euclid(line)..=(at + i128::from(size) - 1).div_euclid(line) {
            if let Some(set) = reached.get_mut(usize::try_from(one.rem_euclid(sets)).unwrap_or(usize::MAX)) {
                *set = true;
            }
        }
    }
    reached.into_iter().filter(|set| *set).count() as u64
}

impl Layout {
    /// What walking the axes in `order` (outermost first) means for lines of `line` bytes, pages of `page` bytes and the
    /// given caches. The buffer begins on a page. `None` for an empty array, one without axes, or another number of axes.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
    pub fn locality(&self, order: &[usize], line: u64, page: u64, caches: &[Sets]) -> Option<Locality> {
        if self.size() == 0 || order.len() != self.ndim() {
            return None;
        }
        let inner = *order.last()?;
        let (n, step, size) = (self.shape[inner] as u64, self.strides[inner], self.itemsize as u64);
        // Backwards touches what forwards touches.
        let reach = (i128::from(n) - 1) * i128::from(step);
        let start = i128::from(self.offset) + reach.min(0);
        let lines = units(start, step, n, size, line);
        // A step of 0 uses one element, whatever the trip count.
        let used = if step == 0 { size } else { n.saturating_mul(size) };
        let sets = caches.iter().map(|cache| {
            let reached = sets_reached(start, step, n, size, cache);
            SetsReached { name: cache.name.clone(), reached, of: cache.sets, room: reached * cache.ways }
        });
        Some(Locality {
            steps: order.iter().map(|&axis| self.strides[axis]).collect(),
            inner_step: step,
            skipped: step.unsigned_abs().saturating_sub(size),
            elements: n,
            lines,
            pages: units(start, step, n, size, page),
            lines_per_element: lines as f64 / n as f64,
            amplification: lines as f64 * line as f64 / used as f64,
            sets: sets.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Order;
    use crate::units::Rng;
    use std::collections::BTreeSet;

    #[test]
    fn columns_of_a_power_of_two() {
        let array = Layout::contiguous(&[4096, 4096], 8, Order::C).unwrap();
        let l1 = Sets { name: "L1d".into(), line: 64, sets: 64, ways: 8 };
        let columns = array.locality(&[1, 0], 64, 4096, std::slice::from_ref(&l1)).unwrap();
        assert_eq!((columns.inner_step, columns.lines, columns.pages, columns.skipped), (32_768, 4096, 4096, 32_760));
        assert!((columns.lines_per_element - 1.0).abs() < 1e-12 && (columns.amplification - 8.0).abs() < 1e-12);
        assert_eq!((columns.sets[0].reached, columns.sets[0].room), (1, 8));
        let rows = array.locality(&[0, 1], 64, 4096, &[l1]).unwrap();
        assert_eq!((rows.lines, rows.pages, rows.skipped, rows.sets[0].reached), (512, 8, 0, 64));
    }

    #[test]
    fn lines_and_sets_equal_those_of_every_element() {
        let mut rng = Rng::new(4);
        for _ in 0..3000 {
            let (n, size) = (1 + rng.below(50), [1, 4, 8, 16, 100][usize::try_from(rng.below(5)).unwrap()]);
            let step = rng.below(600).cast_signed() - 300;
            let start = i128::from(rng.below(10_000));
            let cache = Sets { name: "x".into(), line: 64, sets: 1 + rng.below(40), ways: 2 };
            let mut lines = BTreeSet::new();
            for i in 0..i128::from(n) {
                let at = start + i * i128::from(step).abs();
                lines.extend(at.div_euclid(64)..=(at + i128::from(size) - 1).div_euclid(64));
            }
            let sets: BTreeSet<i128> = lines.iter().map(|line| line.rem_euclid(i128::from(cache.sets))).collect();
            let expected = (lines.len() as u64, sets.len() as u64);
            let found = (units(start, step, n, size, 64), sets_reached(start, step, n, size, &cache));
            assert_eq!(found, expected, "{n} of {size} at {step} from {start}, {} sets", cache.sets);
        }
    }
}
