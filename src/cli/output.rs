//! Formats, tables and the terminal's width.

use super::exit::{Exit, Failure};
use clap::ValueEnum;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde::Serialize;
use std::fmt::Write as _;

/// How a command prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people.
    Table,
    /// For programs: stable, with a JSON Schema in schema/.
    Json,
}

/// Columns of the terminal: `COLUMNS` if set, else what the terminal says, else 80.
pub(super) fn width() -> u16 {
    let set = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    set.or_else(|| terminal_size::terminal_size().map(|(width, _)| width.0)).unwrap_or(80).max(40)
}

/// An empty table with a header, fitted to the terminal; columns from `right` on are aligned to the right.
pub(super) fn table(header: &[&str], right: usize) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(width());
    table.set_header(header.iter().copied());
    for (index, column) in table.column_iter_mut().enumerate() {
        if index >= right {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Adds the lines of a table, without the spaces that fill its last column.
pub(super) fn push(text: &mut String, lines: impl Iterator<Item = String>) {
    for line in lines {
        text.push_str(line.trim_end());
        text.push('\n');
    }
}

/// What is not seen or turns text, and the ends of lines, as escapes: names of files and messages may hold what others wrote.
pub(super) fn escaped(text: &str) -> String {
    let hidden = |c: char| c.is_control() || crate::bundle::hides(c);
    text.chars().flat_map(|c| if hidden(c) { c.escape_unicode().collect::<Vec<_>>() } else { vec![c] }).collect()
}

/// A document for programs, with its newline.
pub(super) fn json(document: &impl Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(document).map_err(|error| Failure::new(Exit::Internal, error))?;
    Ok(text + "\n")
}

/// Breaks a line at spaces, with `indent` columns already used and left free below.
pub(super) fn wrapped(text: &mut String, line: &str, indent: usize) {
    let room = usize::from(width()).saturating_sub(indent).max(20);
    let mut used = 0;
    for word in line.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > room {
            text.truncate(text.trim_end_matches(' ').len());
            let _ = write!(text, "\n{:indent$}", "");
            used = 0;
        } else if used > 0 {
            text.push(' ');
            used += 1;
        }
        text.push_str(word);
        used += length;
    }
    text.push('\n');
}
