//! How much of the catalogue is measured, and for how long.

use super::Pace;
use super::machine::SETTLING_PASSES;
use std::fmt;
use std::str::FromStr;

/// How much of the catalogue is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// At most a minute on two cores.
    Quick,
    /// At most five minutes.
    Standard,
    /// At most half an hour.
    Full,
}

impl Level {
    /// Every level, shortest first.
    pub const ALL: [Self; 3] = [Self::Quick, Self::Standard, Self::Full];

    /// The name of the suite.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Quick => "quick",
            Self::Standard => "standard",
            Self::Full => "full",
        }
    }

    /// What the suite may take, nanoseconds: the promise less what simulation, counting and charts take, in the shorter ones a
    /// quarter of a second per pair.
    #[must_use]
    pub const fn budget_ns(self) -> u64 {
        match self {
            Self::Quick => 33_200_000_000,
            Self::Standard => 171_000_000_000,
            Self::Full => 1_620_000_000_000,
        }
    }

    /// Bytes of a last cache that the suite's sizes follow, so that its time is kept: four times as much is beyond most.
    /// Servers name last caches of hundreds of megabytes, shared and far away; the shorter suites do not get beyond these.
    #[must_use]
    pub const fn follows(self, last: u64) -> u64 {
        match self {
            Self::Quick if last > Self::HUGE_CACHE => 8 << 20,
            Self::Quick | Self::Standard if last > Self::FOLLOWED => Self::FOLLOWED,
            Self::Quick | Self::Standard | Self::Full => last,
        }
    }

    /// What they follow at most. With 32 MiB, and arrays of 128, standard took ten minutes where a line from memory takes 10 ns
    /// (AMD EPYC 7003 in a virtual machine, 2026-11-30).
    const FOLLOWED: u64 = 16 << 20;

    /// Bytes beyond which a last cache is such a one.
    pub(super) const HUGE_CACHE: u64 = 64 << 20;

    /// How its items are paced; the placement length is the longest one.
    #[must_use]
    pub const fn pace(self) -> Pace {
        // A verdict takes eight rounds: nine, ten and twelve are enough.
        // Nothing is predicted from a quick run: its rows may have come back in part.
        let (placements, placement_ns, least_rounds, settling) = match self {
            Self::Quick => (3, 400_000_000, 3, SETTLING_PASSES / 5),
            Self::Standard => (5, 600_000_000, 2, SETTLING_PASSES),
            Self::Full => (6, 600_000_000, 2, SETTLING_PASSES),
        };
        Pace { placements, placement_ns, sample_ns: 1_000_000, least_rounds, settling }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|level| level.name() == text);
        found.ok_or_else(|| format!("unknown suite {text:?}: expected quick, standard or full"))
    }
}
