//! Why a bundle cannot be read or written.

use std::path::PathBuf;

/// A bundle that cannot be used, with the place at fault.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line is not what it should be.
    #[error("{}: line {line}: {what}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// The field and what is wrong with it.
        what: String,
    },
    /// The file as a whole is not what it should be.
    #[error("{}: {what}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A folder already has a bundle.
    #[error("--out {}: there is a {} already; give another folder, or --append for a further run or --resume to go on with it", folder.display(), if *.finished { "finished run" } else { "run that was cut off" })]
    Exists {
        /// The folder.
        folder: PathBuf,
        /// Whether that run has its end.
        finished: bool,
    },
    /// Another process is writing the file.
    #[error("{}: a run in progress is writing it; wait for its end or stop it, or give another folder with --out", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
    },
}
