//! Exit codes and the one way in which an error is printed.

use clap::builder::Styles;
use clap::error::ErrorKind;
use std::fmt::Display;
use std::io::Write as _;
use std::process::ExitCode;

/// The contract's exit codes; never 2 for a verdict, never a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All is well.
    Fine = 0,
    /// An internal error, or input or output failed.
    Internal = 1,
    /// A flag or value was wrong.
    Usage = 2,
    /// This machine cannot measure what was asked for.
    Impossible = 3,
    /// A gate found a regression.
    Regression = 10,
    /// The bundles cannot be compared.
    NotComparable = 11,
    /// A conclusive verdict was required and there is none.
    Inconclusive = 12,
    /// A baseline was required and there is none.
    NoBaseline = 13,
    /// A `--require` was not met.
    RequireNotMet = 14,
    /// A bundle or .npy file is invalid.
    Invalid = 20,
    /// Fewer bundles than expected.
    Missing = 21,
    /// Interrupted; what was finished is kept.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error on its way out: one line and an exit code.
#[derive(Debug)]
pub(super) struct Failure {
    exit: Exit,
    message: String,
}

impl Failure {
    /// `message` names the file, flag or value at fault and what would be right.
    pub(super) fn new(exit: Exit, message: impl Display) -> Self {
        Self { exit, message: message.to_string() }
    }

    pub(super) fn usage(message: impl Display) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// Prints to standard error; a reader that closed the pipe is no error.
    pub(super) fn print(&self) -> ExitCode {
        if !self.message.is_empty() {
            // Nothing is left to be told if even this cannot be printed.
            let (styles, message) = (Styles::styled(), super::output::escaped(&self.message));
            let style = styles.get_error();
            let _ = writeln!(anstream::stderr(), "{style}{WHO}{style:#} {message}");
        }
        self.exit.into()
    }
}

/// What every error begins with, whether a flag or a file is at fault.
const WHO: &str = "stridewise:";

impl Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self::new(Exit::Fine, ""),
            _ => Self::new(Exit::Internal, error),
        }
    }
}

/// `--help` and `--version` go to standard output with 0, everything else is a usage error.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    let text = error.render().ansi().to_string();
    if !error.use_stderr() {
        let _ = write!(anstream::stdout(), "{text}");
        return Exit::Fine.into();
    }
    let _ = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => write!(anstream::stderr(), "{text}"),
        _ => write!(anstream::stderr(), "{}", text.replacen("error:", WHO, 1)),
    };
    Exit::Usage.into()
}
