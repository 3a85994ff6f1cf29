//! What is measured together, and what its members have in common.

use super::{Case, Machine};
use crate::kernel::Walk;

/// What is measured together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::large_enum_variant, reason = "a plan has some hundreds of items")]
pub enum Item {
    /// Two cases in turn.
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
    /// A case that cannot be measured here.
    Skip {
        /// It.
        case: Case,
        /// What is missing.
        why: String,
    },
}

impl Item {
    /// A case against the same array with its smallest stride innermost; by itself if it is that.
    #[must_use]
    pub fn against_baseline(contender: Case) -> Self {
        let baseline = contender.baseline();
        if contender == baseline { Self::Solo { case: contender } } else { Self::Pair { baseline, contender } }
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
            Self::Null { case } | Self::Solo { case } | Self::Skip { case, .. } => case,
        }
    }

    /// The case that the other is divided by; `None` for a case by itself.
    #[must_use]
    pub fn baseline(&self) -> Option<&Case> {
        match self {
            Self::Pair { baseline, .. } => Some(baseline),
            Self::Null { case } => Some(case),
            Self::Solo { .. } | Self::Skip { .. } => None,
        }
    }

    /// Why it cannot be measured here.
    #[must_use]
    pub fn skipped(&self) -> Option<&str> {
        match self {
            Self::Skip { why, .. } => Some(why),
            _ => None,
        }
    }

    /// Bytes that are mapped at once: of both members where each has arrays of its own. The largest number for a case
    /// that cannot be walked.
    #[must_use]
    pub fn footprint(&self) -> u64 {
        let of = |case: &Case| case.footprint().unwrap_or(u64::MAX);
        match self {
            Self::Pair { baseline, contender } if !share_arrays(baseline, contender) => {
                of(baseline).saturating_add(of(contender))
            }
            _ => of(self.contender()),
        }
    }

    /// Untimed passes before a sample of a member that follows one of the other: see [`Machine::priming`].
    #[must_use]
    pub fn priming(&self, machine: &Machine) -> u32 {
        let members = self.baseline().into_iter().chain([self.contender()]);
        members.map(|case| machine.priming(case.footprint().unwrap_or(u64::MAX))).max().unwrap_or(0)
    }
}

/// Whether two cases can be measured on the same arrays: equal sizes, elements, pages and place in a page.
#[must_use]
pub fn share_arrays(one: &Case, other: &Case) -> bool {
    let place = |case: &Case| (case.dtype, case.options.pages, case.options.base);
    let (Ok(a), Ok(b)) = (one.walked(), other.walked()) else { return false };
    // The nodes of a chase hold its cycle.
    let alike = a == b || (a.nest().is_some() && b.nest().is_some());
    place(one) == place(other) && a.buffers() == b.buffers() && alike
}

/// Whether two cases must give one result, bit by bit: one kernel over the same elements of arrays that hold the same,
/// in whatever order. Members of a pair that differ in padding, in the order of an array, or in what they pick from it
/// need not.
#[must_use]
pub fn agree(one: &Case, other: &Case) -> bool {
    // Blocks that are turned in registers hold the elements of the plain copy.
    let plain =
        |case: &Case| case.clone().with(|o| o.walk = if o.walk == Walk::Block { Walk::Element } else { o.walk });
    let (Ok(a), Ok(b)) = (plain(one).walked(), plain(other).walked()) else { return false };
    (one.kernel, one.dtype) == (other.kernel, other.dtype) && a.elements() == b.elements()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(id: &str) -> Case {
        id.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn one_result_is_asked_for_only_where_the_same_is_computed() {
        let both = |one, other| (share_arrays(&case(one), &case(other)), agree(&case(one), &case(other)));
        let columns = "order/sum/f8/64x32/C/1,0";
        assert_eq!(both(columns, "order/sum/f8/64x32/C/0,1"), (true, true));
        assert_eq!(both(columns, "order/sum/f8/64x32/C/0,1/tile=8"), (true, true));
        assert_eq!(both(columns, "order/sum/f8/64x32/C/0,1/leaf=8"), (true, true));
        assert_eq!(both(columns, "stride/sum/f8/1x2048/C/0,1"), (true, true));
        assert_eq!(both(columns, "order/sum/f8/64x32/C/1,0/pages=huge"), (false, true));
        assert_eq!(both(columns, "order/sum/f8/64x32/C/1,0/pad=64"), (false, false));
        assert_eq!(both(columns, "order/sum/f8/64x32/C/0,1/only=8"), (true, false));
        assert_eq!(both(columns, "order/sum/f4/64x64/C/0,1"), (false, false));
        assert_eq!(both("t/copy/f8/8x8/C/0,1", "t/copy/f8/8x8/C/0,1/dest=F"), (true, false));
        assert_eq!(both("t/copy/f8/8x8/C/1,0/dest=F", "t/copy/f8/8x8/C/0,1/dest=F"), (true, true));
        assert_eq!(both("t/copy/f8/8x8/C/0,1/dest=F", "t/copy/f8/8x8/C/0,1/dest=F/walk=block"), (true, true));
        let windows = "w/sum/f8/100/C/0,1/window=4";
        assert_eq!(both(windows, "w/sum/f8/100/C/0,1/form=dense/window=4"), (false, false));
        let chase = "l/chase/f8/64/C/0";
        assert_eq!(both(chase, "l/chase/f8/64/C/0/pages=huge"), (false, true));
        assert_eq!(both(chase, "l/chase/f8/32/C/0/pitch=128"), (false, false));
        assert_eq!(both(chase, "o/sum/f8/512/C/0"), (false, false));
    }

    #[test]
    fn arrays_of_both_members_count_where_they_are_not_shared() {
        let pair = |baseline, contender| Item::Pair { baseline: case(baseline), contender: case(contender) };
        assert_eq!(pair("o/sum/f8/64/C/0", "o/sum/f8/64/C/0/walk=line").footprint(), 512);
        assert_eq!(pair("o/sum/f8/64/C/0", "o/sum/f8/64/C/0/pages=huge").footprint(), 1024);
    }
}
