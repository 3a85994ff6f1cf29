//! Which sets of each cache one run of the innermost loop reaches.

use super::super::exit::Failure;
use crate::chart::{SetLoad, Theme, set_pressure};
use crate::nest::LoopNest;
use crate::simulate::Level;
use crate::units::count;
use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

/// Characters of a strip at most.
const STRIP: usize = 64;
/// Steps of a run that are looked at, at most.
const STEPS: usize = 1 << 20;
/// Width of a PNG in pixels.
const PIXELS: u32 = 1920;

/// The sets that the first run of the innermost loop reaches.
#[derive(Clone, Serialize)]
pub(super) struct SetsReached {
    level: String,
    reached: u64,
    of: u32,
    /// Lines per set at most.
    most_lines: u64,
    #[serde(skip)]
    load: SetLoad,
}

impl SetsReached {
    /// The first run of the innermost loop, operand by operand.
    pub(super) fn of(nest: &LoopNest, bases: &[u64], level: &Level) -> Self {
        let mut lines = BTreeSet::new();
        let mut runs = nest.runs();
        if let Some(length) = runs.advance() {
            for ((operand, step), &at) in nest.operands().iter().zip(nest.inner_steps()).zip(runs.at()) {
                for i in 0..length.min(STEPS) as i64 {
                    let address = bases[operand.buffer].wrapping_add_signed(at + i * step);
                    lines.insert(address / u64::from(level.line));
                }
            }
        }
        let mut counts = vec![0_u64; level.sets as usize];
        for line in &lines {
            counts[usize::try_from(line % u64::from(level.sets)).unwrap_or(0)] += 1;
        }
        Self {
            level: level.name.clone(),
            reached: counts.iter().filter(|&&n| n > 0).count() as u64,
            of: level.sets,
            most_lines: counts.iter().copied().max().unwrap_or(0),
            load: SetLoad { level: level.name.clone(), ways: level.ways, lines: counts },
        }
    }

    /// One character stands for some sets: how full the fullest of them is, in ways.
    fn strip(&self) -> String {
        let ways = u64::from(self.load.ways);
        let group = self.load.lines.len().div_ceil(STRIP).max(1);
        let fullest = self.load.lines.chunks(group).map(|sets| sets.iter().max().copied().unwrap_or(0));
        let character = |lines| match lines {
            0 => '·',
            n if n * 2 <= ways => '░',
            n if n <= ways => '▒',
            _ => '█',
        };
        fullest.map(character).collect()
    }
}

/// The strips of all levels and what their characters mean.
pub(super) fn push<'a>(text: &mut String, all: impl Iterator<Item = &'a SetsReached>) {
    let mut some = false;
    for sets in all {
        let SetsReached { level, reached, of, most_lines, .. } = sets;
        let (reached, of) = (count(*reached), count((*of).into()));
        let _ = writeln!(
            text,
            "\n{level}: one run of the innermost loop reaches {reached} of {of} sets, up to {most_lines} lines in one"
        );
        let _ = writeln!(text, "  {}", sets.strip());
        some = true;
    }
    if some {
        text.push_str("  · no line  ░ up to half the ways  ▒ up to all ways  █ more lines than ways\n");
    }
}

/// The chart of one machine's levels.
pub(super) fn write(path: &Path, what: &str, cpu: &str, sets: &[SetsReached]) -> Result<(), Failure> {
    let loads = sets.iter().map(|sets| sets.load.clone()).collect();
    let picture = set_pressure(what, cpu, loads).map_err(|error| Failure::usage(format!("--sets: {error}")))?;
    let png = path.extension().is_some_and(|end| end.eq_ignore_ascii_case("png"));
    let bytes = if png {
        picture.png(Theme::Light, PIXELS).map_err(|error| Failure::usage(format!("--sets: {error}")))?
    } else {
        picture.svg(Theme::Light, "sets").into_bytes()
    };
    super::super::plot::write(path, "--sets", &bytes)
}
