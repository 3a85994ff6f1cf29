//! The `stridewise` command; all of it lives in [`stridewise::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    stridewise::cli::main()
}
