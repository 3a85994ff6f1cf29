//! The ARRAY flags, shared by `layout`, `simulate`, `advise`, `list` and `run`.

use super::exit::{Exit, Failure};
use crate::layout::{DType, Order};
use crate::memory::{NpyFile, NpyFileError};
use clap::Args;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::path::PathBuf;

/// An array, by shape or from a file.
#[derive(Args, Clone, Debug)]
pub(super) struct ArrayArgs {
    /// Length per axis, such as 4096,4096; also 4096x4096, and NumPy's '(4096, 4096)'
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

/// `3000,2000`, `3000x2000` as ids have it, and a tuple or list as Python prints it: `(3000, 2000)`, `[3000,2000]`,
/// `(3000,)`, `()`.
fn shape(text: &str) -> Result<Shape, String> {
    let text = text.trim();
    let inside = |open, close| text.strip_prefix(open).and_then(|text: &str| text.strip_suffix(close)).map(str::trim);
    let lengths = match inside('(', ')').or_else(|| inside('[', ']')) {
        Some("") => Some(Vec::new()),
        // A tuple of one has a comma behind it.
        Some(inside) => lengths(inside.strip_suffix(',').unwrap_or(inside), ','),
        None => lengths(text, if text.contains('x') { 'x' } else { ',' }),
    };
    lengths.map(Shape).ok_or_else(|| "expected lengths separated by commas, such as 4096,4096".to_owned())
}

fn lengths(text: &str, between: char) -> Option<Vec<usize>> {
    text.split(between).map(|length| length.trim().parse().ok()).collect()
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

/// A file or a shape without its flag gets the flag as a tip, where the command has it.
pub(super) fn hinted(mut error: clap::Error, command: &clap::Command) -> clap::Error {
    let given = std::env::args().skip(1).find_map(|word| command.find_subcommand(word));
    let has_flags = given.is_some_and(|command| command.get_arguments().any(|argument| argument.get_id() == "npy"));
    let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidArg) else { return error };
    if error.kind() != ErrorKind::UnknownArgument || !has_flags {
        return error;
    }
    let path = std::path::Path::new(value);
    let flag = match () {
        () if path.extension().is_some_and(|ending| ending == "npy") || path.is_file() => "--npy",
        () if shape(value).is_ok() => "--shape",
        () => return error,
    };
    let tip = format!("an array is given with a flag: {flag} '{value}'");
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    error
}

#[cfg(test)]
mod tests {
    use super::shape;

    #[test]
    fn a_shape_is_read_as_flags_ids_and_numpy_spell_it() {
        for (text, lengths) in [
            ("3000,2000", &[3000, 2000][..]),
            ("3000, 2000", &[3000, 2000]),
            ("3000x2000", &[3000, 2000]),
            ("(3000,2000)", &[3000, 2000]),
            (" ( 3000 , 2000 ) ", &[3000, 2000]),
            ("[3000, 2000]", &[3000, 2000]),
            ("(3000, 2000,)", &[3000, 2000]),
            ("(3000,)", &[3000]),
            ("(3000)", &[3000]),
            ("3000", &[3000]),
            ("()", &[]),
            ("[]", &[]),
        ] {
            assert_eq!(shape(text).unwrap().0, lengths, "{text}");
        }
    }

    #[test]
    fn what_could_be_two_things_is_no_shape() {
        for text in [
            "",
            ",",
            "3000,",
            "3000,,2000",
            "(3000,2000",
            "3000,2000)",
            "(3000,2000]",
            "((3000,2000))",
            "(,)",
            "(3000,,)",
            "3000x2000,10",
            "3000x",
            "x",
            "(3000x2000)",
            "3000 2000",
            "-1,2",
            "3e3,2",
            "3000×2000",
            "30.0,2",
        ] {
            assert!(shape(text).is_err(), "{text}");
        }
    }
}
