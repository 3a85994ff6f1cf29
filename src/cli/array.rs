//! The ARRAY flags, shared by `layout`, `simulate`, `advise`, `list` and `run`.

use super::exit::{Exit, Failure};
use crate::layout::{DType, Order};
use crate::memory::{NpyFile, NpyFileError};
use clap::Args;
use std::path::PathBuf;

/// An array, by shape or from a file.
#[derive(Args, Clone, Debug)]
pub(super) struct ArrayArgs {
    /// Length per axis, such as 4096,4096
    #[arg(long, value_name = "N,N,…", value_parser = shape, conflicts_with = "npy")]
    pub(super) shape: Option<Shape>,
    /// Element type: u1 i2 i4 f4 i8 f8 c16 (the number counts bytes) [default: f8]
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

/// What an array is: from the flags, or from a file's header.
pub(super) struct Given {
    pub(super) shape: Vec<usize>,
    pub(super) dtype: DType,
    pub(super) order: Order,
    /// The flag that said so.
    pub(super) flag: &'static str,
}

impl ArrayArgs {
    /// `None` without `--shape` and `--npy`.
    pub(super) fn given(&self) -> Result<Option<Given>, Failure> {
        if let Some(path) = &self.npy {
            let file = open(path)?;
            let header = file.header();
            let given = Given { shape: header.shape.clone(), dtype: header.dtype, order: header.order, flag: "--npy" };
            return Ok(Some(given));
        }
        let Some(Shape(shape)) = &self.shape else { return Ok(None) };
        let (dtype, order) = (self.dtype.unwrap_or(DType::F8), self.order.unwrap_or(Order::C));
        Ok(Some(Given { shape: shape.clone(), dtype, order, flag: "--shape" }))
    }
}

/// Opens a file that `--npy` names.
pub(super) fn open(path: &std::path::Path) -> Result<NpyFile, Failure> {
    NpyFile::open(path).map_err(failure)
}

/// What the command ends with where a `.npy` file cannot be used.
pub(super) fn failure(error: NpyFileError) -> Failure {
    let exit = match error {
        NpyFileError::Io { .. } => Exit::Internal,
        NpyFileError::Memory { .. } => Exit::Usage,
        NpyFileError::Invalid { .. } | NpyFileError::NoFile { .. } | NpyFileError::Changed { .. } => Exit::Invalid,
    };
    Failure::new(exit, error)
}
