//! The ARRAY flags, shared by `layout`, `simulate`, `advise`, `list` and `run`.

use crate::layout::{DType, Order};
use clap::Args;
use std::path::PathBuf;

/// An array, by shape or from a file.
#[derive(Args, Clone, Debug)]
pub(super) struct ArrayArgs {
    /// Length per axis, such as 4096,4096
    #[arg(long, value_name = "N,N,…", value_parser = shape, conflicts_with = "npy")]
    pub(super) shape: Option<Shape>,
    /// Element type: u1 i2 i4 f4 f8 c16 (the number counts bytes) [default: f8]
    #[arg(long, value_name = "DTYPE", conflicts_with = "npy")]
    pub(super) dtype: Option<DType>,
    /// C: the last axis is fastest; F: the first [default: C]
    #[arg(long, value_name = "C|F", conflicts_with = "npy")]
    pub(super) order: Option<Order>,
    /// Take shape, dtype and order from the header of a .npy file
    #[arg(long, value_name = "FILE")]
    pub(super) npy: Option<PathBuf>,
}

/// A parsed `--shape`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape(pub(super) Vec<usize>);

fn shape(text: &str) -> Result<Shape, String> {
    let lengths = text.split(',').map(|length| length.trim().parse().ok()).collect::<Option<Vec<usize>>>();
    lengths.map(Shape).ok_or_else(|| "expected lengths separated by commas, such as 4096,4096".to_owned())
}
