//! Page-aligned, prefaulted buffers, and what their pages really are.
//!
//! Every buffer is a mapping of its own between guard pages: one from [`Buffer::anywhere`] is a fresh placement, the kernel cannot
//! merge it with a neighbour, and an access outside ends the process instead of falsifying a result.

mod available;
mod buffer;
mod npy;
mod pages;
mod sys;

pub use available::{Available, available};
pub use buffer::{Buffer, MemoryError, PagePolicy};
pub use npy::{NpyFile, NpyFileError, materialise, write_npy};
pub use pages::{PageReport, huge_page_bytes};
