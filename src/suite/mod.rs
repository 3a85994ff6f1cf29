//! The catalogue of cases and families, sized relative to the host's caches, and its filters.

mod case;
mod case_check;
mod estimate;
mod families;
mod filter;
mod form;
mod item;
mod level;
mod machine;
mod options;

pub use case::{Case, LONGEST_ID, MOST_AXES};
pub use case_check::CaseError;
pub use estimate::{Pace, estimate_ns, fit_placement, pass_ns, set_up_ns};
pub use families::{FAMILIES, Family, custom, family, items};
pub use filter::Filter;
pub use form::Walked;
pub use item::{Item, agree, share_arrays};
pub use level::Level;
pub use machine::{LONG_PASS_NS, Machine, SETTLING_PASSES, SizeClass, priming_ns};
pub use options::{Edges, Form, Options};
