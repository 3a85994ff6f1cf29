//! How a nest is walked, how results are written, and how workers share it.

use std::fmt;
use std::str::FromStr;

/// How a nest is walked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Walk {
    /// The code as written: one element per step, several independent chains.
    #[default]
    Element,
    /// What the memory system does: one whole line of 64 bytes per step.
    Line,
    /// The roof: vectors along contiguous innermost loops.
    Stream,
    /// A copy to the other order: blocks of a line by a line, turned in registers. The innermost loop counts the lines of
    /// a block, which are all loaded before the first is stored.
    Block,
}

/// How results are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stores {
    /// Through the caches.
    #[default]
    Plain,
    /// Past the caches; only for whole lines.
    NonTemporal,
}

/// What each worker of a team gets of a nest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Split {
    /// A share of the outermost loop: rows where rows are walked.
    #[default]
    Outer,
    /// A share of the innermost loop: columns where rows are walked.
    Inner,
    /// Blocks: as many across and down as there are workers, dealt along the diagonals.
    Blocks,
}

macro_rules! named {
    ($type:ident, $what:literal, $($variant:ident $name:literal),*) => {
        impl $type {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The name in case ids and bundles.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.name())
            }
        }

        impl FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                Self::ALL.iter().copied().find(|one| one.name() == text).ok_or_else(|| {
                    crate::units::unknown($what, text, &[$($name),*])
                })
            }
        }
    };
}

named!(Walk, "walk", Element "element", Line "line", Stream "stream", Block "block");
named!(Stores, "kind of stores", Plain "plain", NonTemporal "nt");
named!(Split, "split", Outer "outer", Inner "inner", Blocks "blocks");
