//! Stores past the caches: buffers gather lines, and each that is given up is on its way to memory.
//!
//! Measured on an AMD EPYC 7003 (2026-11-30, AVX2), per line: 3.4 ns for whole lines in order, and for those that are apart, if
//! their numbers have 32 last digits and more of 64; 5.9 if they have 16, and 10.6 with eight and fewer, as columns of pages have. Not
//! so if neighbours follow shortly: of columns of one digit each, one beside the other, those of 32 rows take 3.4, of 64 6.0, of 128
//! 8.6 and of 1,024 10.5. A line that comes in halves, since eight others are begun before it is whole, takes 13 each.

use super::lines::{SETS, Shares};
use std::collections::VecDeque;

/// Lines that are gathered at once: of blocks of four rows all are whole, of eight mostly not.
pub const LINES_BEGUN: usize = 4;
/// Lines that are on their way: a neighbour of one of them follows it.
const ON_THE_WAY: usize = 48;
/// Lines that are looked at together for their last digits.
const TOGETHER: u32 = 64;
/// Share of them with one last digit from which on they wait for each other, and from which on they do so wholly.
const FEW_PLACES: [f64; 2] = [1.0 / 32.0, 1.0 / 8.0];

/// A line that is gathered, and the bytes that it has.
struct Gathered {
    line: u64,
    bytes: u64,
}

/// Lines that stores past the caches write.
pub(super) struct Past {
    /// Bytes of a line.
    line_bytes: u64,
    /// The most recent first.
    gathered: VecDeque<Gathered>,
    /// The most recent first.
    on_the_way: VecDeque<u64>,
    /// Lines that follow none, since the last time that they were told apart.
    waiting: u32,
    places: Shares<SETS>,
    /// Whole lines that follow others or are spread, and others.
    pub(super) counts: [f64; 2],
}

impl Past {
    pub(super) fn new(line_bytes: u64) -> Self {
        Self {
            line_bytes,
            gathered: VecDeque::new(),
            on_the_way: VecDeque::new(),
            waiting: 0,
            places: Shares::default(),
            counts: [0.0; 2],
        }
    }

    /// Counts anew.
    pub(super) fn begin(&mut self) {
        self.counts = [0.0; 2];
    }

    /// Stores so many bytes of a line.
    pub(super) fn store(&mut self, line: u64, bytes: u64) {
        let known = self.gathered.iter().position(|gathered| gathered.line == line);
        let had = known.and_then(|at| self.gathered.remove(at)).map_or(0, |gathered| gathered.bytes);
        self.gathered.push_front(Gathered { line, bytes: had + bytes });
        if self.gathered.len() > LINES_BEGUN
            && let Some(given_up) = self.gathered.pop_back()
        {
            self.give_up(&given_up);
        }
    }

    fn give_up(&mut self, &Gathered { line, bytes }: &Gathered) {
        if bytes < self.line_bytes {
            self.counts[1] += 1.0;
            return;
        }
        let follows = self.on_the_way.iter().any(|&other| line.abs_diff(other) == 1);
        self.on_the_way.push_front(line);
        self.on_the_way.truncate(ON_THE_WAY);
        if follows {
            self.counts[0] += 1.0;
            return;
        }
        self.places.add(line);
        self.waiting += 1;
        if self.waiting >= TOGETHER {
            self.tell_apart();
        }
    }

    /// Of the lines that follow none those wait that are in few places.
    pub(super) fn tell_apart(&mut self) {
        let few = std::mem::take(&mut self.places).between(FEW_PLACES);
        let waiting = f64::from(std::mem::take(&mut self.waiting));
        self.counts[0] += waiting * (1.0 - few);
        self.counts[1] += waiting * few;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(stores: impl Iterator<Item = (u64, u64)>) -> [f64; 2] {
        let mut past = Past::new(64);
        stores.for_each(|(line, bytes)| past.store(line, bytes));
        past.tell_apart();
        past.counts
    }

    /// Columns of so many rows that are so many lines apart, one beside the other.
    fn columns(rows: u64, pitch: u64) -> [f64; 2] {
        let columns = (0..4096 / rows).flat_map(move |column| (0..rows).map(move |row| row * pitch + column));
        let [whole, others] = counts(columns.map(|line| (line, 64)));
        // The last ones are still gathered.
        assert!((whole + others - (4096 - LINES_BEGUN as u64) as f64).abs() < 1e-9);
        [whole, others].map(|count| count / (whole + others))
    }

    #[test]
    fn lines_are_gathered_until_others_are_begun() {
        let halves = |rows: u64| {
            counts(
                (0..512)
                    .flat_map(move |block| (0..2).flat_map(move |_| (0..rows).map(move |row| (row * 129 + block, 32)))),
            )
        };
        assert!(halves(4)[1] < 1e-9, "{:?}", halves(4));
        let [whole, others] = halves(8);
        assert!(whole < 1e-9 && others > 8000.0, "{whole} {others}");
    }

    #[test]
    fn lines_of_few_places_wait_unless_neighbours_follow() {
        let close = |rows: u64, pitch: u64, expected: f64| {
            let [_, others] = columns(rows, pitch);
            assert!((others - expected).abs() < 0.03, "{rows} {pitch}: {others}");
        };
        // In order.
        close(1, 1, 0.0);
        // Far apart: 64 places, 32, 16, eight and one.
        for (pitch, others) in [(129, 0.0), (130, 0.0), (132, 1.0 / 3.0), (136, 1.0), (128, 1.0)] {
            close(1024, pitch, others);
        }
        close(32, 128, 0.0);
        close(128, 128, 1.0);
    }
}
