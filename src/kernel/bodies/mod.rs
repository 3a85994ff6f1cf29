//! The registry of kernels: a new one is a file here and one line in `registry!`.

mod chase;
mod copy;
mod fill;
mod product;
mod reduce;
mod scale;
mod stencil;
mod sum;
mod triad;

use crate::nest::Role;
use std::fmt;
use std::str::FromStr;

/// Arithmetic on as many elements as one load brings: one element, a vector or a line.
///
/// Integers wrap. The few operations are exact for the small whole numbers of [`super::prepare`], in `f4` too, so that
/// no order of the additions changes a result.
pub(super) trait Lanes: Copy {
    /// Zero in every lane.
    fn zero() -> Self;
    /// The number three in every lane: what `fill` writes. Not zero, because processors treat zero specially.
    fn three() -> Self;
    /// Lane by lane.
    fn plus(self, other: Self) -> Self;
    /// Lane by lane.
    fn minus(self, other: Self) -> Self;
    /// Lane by lane; of complex numbers only where a lane is one.
    fn times(self, other: Self) -> Self;
}

/// Most operands that a step reads.
pub(super) const READS: usize = 7;

/// What a step has read, in the order of the operands; those that a kernel does not have are zero.
pub(super) type Read<V> = [V; READS];

/// What one step does. The read operands come first; a kernel writes at most its last operand.
pub(super) trait Body {
    /// The operands, in the order in which a step touches them.
    const ROLES: &'static [Role];
    /// Whether the result is the accumulator.
    const REDUCES: bool = false;
    /// Whether an operand that stands still in the innermost loop may be kept in a register. What is written must then
    /// be the old value plus something, so that it can be added up in parts.
    const HOISTS: bool = false;
    /// Whether all operands take the same steps, so that one index serves them all.
    const ALIKE: bool = false;
    /// Whether it has loops of vectors. What is `false` here and below keeps loops from being compiled.
    const VECTORS: bool = true;
    /// Whether it has loops of whole lines, and stores that go past the caches if it writes.
    const LINES: bool = Self::VECTORS && !Self::HOISTS && !Self::ALIKE;
    /// Whether stores may go past the caches.
    const PAST: bool = Self::LINES && !Self::REDUCES;
    /// Whether the third operand may be kept in a register.
    const HOISTS_THIRD: bool = Self::HOISTS && Self::ROLES.len() > 2;

    /// Takes the accumulator and what was read; gives the accumulator and what to write.
    fn step<V: Lanes>(total: V, read: Read<V>) -> (V, V);
}

/// Does something with a kernel's type.
pub(super) trait Visitor {
    /// What comes of it.
    type Out;
    /// Called with the kernel's type.
    fn visit<B: Body>(self) -> Self::Out;
}

macro_rules! registry {
    (elementwise { $($kernel:ident $name:literal $body:path, $description:literal;)* }
     others { $($other:ident $other_name:literal $other_body:path, $other_description:literal;)* }) => {
        /// What is done per element.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kernel {
            // In quotes, or rustdoc takes `a[i]` for a link.
            $(#[doc = concat!("`", $description, "`")] $kernel,)*
            $(#[doc = concat!("`", $other_description, "`")] $other,)*
        }

        impl Kernel {
            /// Every kernel.
            pub const ALL: &'static [Self] = &[$(Self::$kernel,)* $(Self::$other,)*];

            /// Those that do one thing per element, all of whose operands have the array's shape.
            pub const ELEMENTWISE: &'static [Self] = &[$(Self::$kernel),*];

            /// The name in case ids: `sum`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kernel => $name,)* $(Self::$other => $other_name,)* }
            }

            /// What it computes, in one line.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$kernel => $description,)* $(Self::$other => $other_description,)* }
            }

            pub(super) fn visit<V: Visitor>(self, visitor: V) -> V::Out {
                match self {
                    $(Self::$kernel => visitor.visit::<$body>(),)*
                    $(Self::$other => visitor.visit::<$other_body>(),)*
                }
            }
        }
    };
}

registry! {
    elementwise {
        Sum "sum" sum::Sum, "s += a[i]: reads";
        Fill "fill" fill::Fill, "a[i] = 3: writes";
        Scale "scale" scale::Scale, "a[i] = -a[i]: reads and writes back";
        Copy "copy" copy::Copy, "b[i] = a[i]: reads one array, writes another";
        Triad "triad" triad::Triad, "c[i] = a[i] + 2 b[i]: reads two arrays, writes a third";
    }
    others {
        Chase "chase" chase::Chase, "i = a[i]: each load gives the address of the next";
        Reduce "reduce" reduce::Reduce, "b[j] += a[i, j]: adds up along one axis";
        Product "matmul" product::Product, "c[i, j] += a[i, k] b[k, j]: a matrix product";
        Stencil5 "stencil5" stencil::Stencil5, "b[i] = 4 a[i] minus its 4 neighbours in a plane";
        Stencil7 "stencil7" stencil::Stencil7, "b[i] = 6 a[i] minus its 6 neighbours in space";
    }
}

/// What the kernels' types say, as values.
struct Facts;

impl Visitor for Facts {
    /// The roles, whether it keeps an operand in a register, whether one index serves all operands, whether it has loops
    /// of lines, whether stores may go past the caches.
    type Out = (&'static [Role], bool, bool, bool, bool);

    fn visit<B: Body>(self) -> Self::Out {
        (B::ROLES, B::HOISTS, B::ALIKE, B::LINES, B::PAST)
    }
}

impl Kernel {
    /// What each operand's access does, in the order of a nest's operands.
    #[must_use]
    pub fn roles(self) -> &'static [Role] {
        self.visit(Facts).0
    }

    /// Whether an operand that stands still in the innermost loop is kept in a register: its nests are hoisting.
    #[must_use]
    pub fn hoists(self) -> bool {
        self.visit(Facts).1
    }

    /// Whether all operands take the same steps.
    pub(super) fn is_alike(self) -> bool {
        self.visit(Facts).2
    }

    /// Whether it has loops of whole lines.
    pub(super) fn has_lines(self) -> bool {
        self.visit(Facts).3
    }

    /// Whether its stores may go past the caches.
    pub(super) fn stores_past(self) -> bool {
        self.visit(Facts).4
    }

    /// Whether it writes to memory.
    #[must_use]
    pub fn writes(self) -> bool {
        self.roles().iter().any(|&role| role != Role::Read)
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Kernel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|kernel| kernel.name() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|kernel| kernel.name()).collect();
            crate::units::unknown("kernel", text, &names)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for &kernel in Kernel::ALL {
            assert_eq!(kernel.name().parse(), Ok(kernel));
        }
        assert!("dot".parse::<Kernel>().unwrap_err().contains("sum fill scale copy triad"));
    }

    #[test]
    fn reads_come_first_and_only_the_last_operand_is_written() {
        for kernel in Kernel::ALL {
            let roles = kernel.roles();
            assert!((1..=READS + 1).contains(&roles.len()), "{kernel}");
            assert!(roles[..roles.len() - 1].iter().all(|&role| role == Role::Read), "{kernel}");
        }
    }
}
