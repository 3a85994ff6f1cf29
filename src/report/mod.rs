//! Texts from a bundle: the rows of its table, what they say in one sentence, and a Markdown summary.

mod finding;
mod rows;
mod summary;

pub use finding::{finding, trust};
pub use rows::{Row, rows};
pub use summary::summary;
