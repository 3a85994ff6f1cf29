//! `stridewise completions` and `stridewise man`: what other programs read about this one.

use super::exit::{Exit, Failure};
use clap::{Args, Command};
use clap_complete::Shell;
use std::io::Write;

/// Completions for a shell, on standard output
#[derive(Args, Debug)]
pub(super) struct CompletionsArgs {
    /// Which shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

pub(super) fn completions(args: &CompletionsArgs, mut command: Command) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut command, "stridewise", &mut text);
    std::io::stdout().write_all(&text)?;
    Ok(Exit::Fine)
}

/// The manual page, then one per command, in roff.
pub(super) fn man(command: Command) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    let mut command = command;
    command.build();
    clap_mangen::Man::new(command.clone()).render(&mut text)?;
    for part in command.get_subcommands().filter(|part| part.get_name() != "help") {
        clap_mangen::Man::new(part.clone()).render(&mut text)?;
    }
    std::io::stdout().write_all(&text)?;
    Ok(Exit::Fine)
}
