//! Texts from a bundle: the rows of its table, what they say in one sentence, a Markdown summary, and a page.

mod break_even;
mod finding;
mod headline;
mod limits;
mod page;
mod rows;
mod summary;

pub use crate::advise::finding::staircase;
pub use break_even::{Pays, pays};
pub use finding::{copies, finding, trust};
pub use headline::headline;
pub use page::{Comparison, nonce, page, page_of_comparison};
pub use rows::{CountedRow, Row, counted_places, rows};
pub use summary::summary;
