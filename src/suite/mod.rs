//! The catalogue of cases and families, sized relative to the host's caches, and its filters.

mod case;
mod catalogue;
mod estimate;
mod filter;
mod machine;

pub use case::{Case, CaseError, LONGEST_ID, MOST_AXES, Options};
pub use catalogue::{FAMILIES, Family, Level, custom, items};
pub use estimate::{Pace, estimate_ns, fit_placement, pass_ns, set_up_ns};
pub use filter::Filter;
pub use machine::{Machine, SizeClass};

/// What is measured together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Item {
    /// Two cases in turn on the same arrays.
    Pair {
        /// What the other is divided by.
        baseline: Case,
        /// Whose cost is asked for.
        contender: Case,
    },
    /// One case against itself: what it shows is noise.
    Null {
        /// Both members.
        case: Case,
    },
    /// One case by itself.
    Solo {
        /// It.
        case: Case,
    },
}

impl Item {
    /// A case against its baseline.
    #[must_use]
    pub fn against_baseline(contender: Case) -> Self {
        Self::Pair { baseline: contender.baseline(), contender }
    }

    /// The id under which it stands in a plan: the contender's.
    #[must_use]
    pub fn id(&self) -> String {
        self.contender().to_string()
    }

    /// The case whose cost is asked for.
    #[must_use]
    pub fn contender(&self) -> &Case {
        match self {
            Self::Pair { contender, .. } => contender,
            Self::Null { case } | Self::Solo { case } => case,
        }
    }

    /// The case that the other is divided by; `None` for a case by itself.
    #[must_use]
    pub fn baseline(&self) -> Option<&Case> {
        match self {
            Self::Pair { baseline, .. } => Some(baseline),
            Self::Null { case } => Some(case),
            Self::Solo { .. } => None,
        }
    }
}
