//! The registry of kernels: a new one is a file here and one line in `registry!`.

mod chase;
mod copy;
mod fill;
mod scale;
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
}

/// What one step does. The read operands come first; a kernel writes at most its last operand.
pub(super) trait Body {
    /// The operands, in the order in which a step touches them.
    const ROLES: &'static [Role];
    /// Whether the result is the accumulator.
    const REDUCES: bool = false;

    /// Takes the accumulator and what was read; gives the accumulator and what to write.
    fn step<V: Lanes>(total: V, read: [V; 2]) -> (V, V);
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
    }
}

impl Kernel {
    /// What each operand's access does, in the order of a nest's operands.
    #[must_use]
    pub fn roles(self) -> &'static [Role] {
        struct Roles;
        impl Visitor for Roles {
            type Out = &'static [Role];
            fn visit<B: Body>(self) -> Self::Out {
                B::ROLES
            }
        }
        self.visit(Roles)
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
            assert!((1..=3).contains(&roles.len()), "{kernel}");
            assert!(roles[..roles.len() - 1].iter().all(|&role| role == Role::Read), "{kernel}");
        }
    }
}
