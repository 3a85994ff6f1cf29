//! The folder of a run: the bundle as it grows, then the table, the summary and the charts.

use super::exit::{Exit, Failure};
use super::output::{width, wrapped};
use super::run_table;
use crate::bundle::{self, Bundle, BundleError, Header, Partial, Place, Record, Writer};
use crate::measure::Measured;
use crate::units::several;
use crate::{chart, report};
use std::path::{Path, PathBuf};

impl From<BundleError> for Failure {
    fn from(error: BundleError) -> Self {
        let exit = match &error {
            BundleError::Io { .. } | BundleError::Busy { .. } => Exit::Internal,
            BundleError::Line { .. } | BundleError::File { .. } => Exit::Invalid,
            BundleError::Exists { .. } => Exit::Usage,
        };
        Self::new(exit, error)
    }
}

/// A folder that results go to.
pub(super) struct Results {
    folder: PathBuf,
    writer: Writer,
}

impl Results {
    /// `folder`, or `results/<run-id>` below the present folder.
    pub(super) fn create(folder: Option<&Path>, place: Place, header: Header) -> Result<Self, Failure> {
        let folder = folder.map_or_else(|| Path::new("results").join(&header.run_id), Path::to_owned);
        let writer = Writer::create(&folder, place, header).map_err(|error| match error {
            BundleError::Io { path, source } => {
                Failure::new(Exit::Internal, format!("--out {}: cannot be written: {source}", path.display()))
            }
            other => other.into(),
        })?;
        Ok(Self { folder, writer })
    }

    /// Goes on with a run that was cut off; returns what it has.
    pub(super) fn resume(folder: &Path) -> Result<(Self, Bundle), Failure> {
        let (writer, bundle) = Writer::resume(folder)?;
        Ok((Self { folder: folder.to_owned(), writer }, bundle))
    }

    pub(super) fn push(&mut self, measured: Measured) -> std::io::Result<()> {
        self.writer.push(&Record::of(measured)).map_err(named)
    }

    /// As [`Results::push`]; when this returns, the line is on the disk.
    pub(super) fn keep(&mut self, measured: Measured) -> std::io::Result<()> {
        self.push(measured)?;
        self.writer.sync().map_err(named)
    }

    /// Ends the bundle, draws, writes the summary, and returns what is printed.
    pub(super) fn finish(self, noise: serde_json::Value, draw: bool) -> Result<(Bundle, String), Failure> {
        let path = self.writer.finish(noise)?;
        super::workers::workers();
        let bundle = bundle::read(&path, Partial::Allowed)?;
        let text = present(&self.folder, &bundle, draw)?;
        Ok((bundle, text))
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }
}

/// The error of a file, with its name.
fn named(error: BundleError) -> std::io::Error {
    match error {
        BundleError::Io { path, source } => std::io::Error::new(source.kind(), format!("{}: {source}", path.display())),
        other => std::io::Error::other(other),
    }
}

/// Charts, page and summary in the folder, and the table with what it says.
fn present(folder: &Path, bundle: &Bundle, draw: bool) -> Result<String, Failure> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error: std::io::Error| Failure::new(Exit::Internal, format!("{}: {error}", path.display()))
    };
    let charts = folder.join("charts");
    let drawn =
        if draw { chart::write_all(std::slice::from_ref(bundle), &charts).map_err(at(&charts))? } else { Vec::new() };
    let relative = |path: &PathBuf| path.strip_prefix(folder).ok().map(|path| path.display().to_string());
    let pictures: Vec<String> = drawn.iter().filter_map(relative).filter(|path| path.ends_with(".svg")).collect();
    let summary = folder.join("summary.md");
    std::fs::write(&summary, report::summary(bundle, &pictures)).map_err(at(&summary))?;
    let mut left = "bundle.jsonl, summary.md".to_owned();
    if draw {
        let page = folder.join("report.html");
        std::fs::write(&page, report::page(std::slice::from_ref(bundle), &report::nonce())).map_err(at(&page))?;
        left += &format!(", report.html, {}", several(pictures.len(), "chart"));
    }
    let mut text = run_table::table(&report::rows(bundle), width());
    text.push('\n');
    text.push_str(&told(bundle));
    text.push_str(&format!("\n{}: {left}\n", folder.display()));
    text.push_str(&next_steps(folder, draw));
    Ok(text)
}

/// What one would do with a finished run.
fn next_steps(folder: &Path, drawn: bool) -> String {
    let at = folder.display();
    let mut steps = Vec::new();
    if drawn {
        steps.push((format!("open {at}/report.html"), "findings, charts and every case"));
    }
    steps.push((format!("stridewise plot {at} --list"), "charts by name; --chart NAME --out a.png draws one"));
    steps.push((format!("stridewise run --append --out {at}"), "once more: how far ratios move from run to run"));
    steps.push((format!("stridewise compare NEW --baseline {at}"), "after a change"));
    let widest = steps.iter().map(|(command, _)| command.chars().count()).max().unwrap_or(0);
    // Beside each other where they fit, else the command alone.
    let fits = |what: &str| 2 + widest + 2 + what.chars().count() <= usize::from(width());
    let line = |(command, what): &(String, &str)| {
        if fits(what) { format!("  {command:widest$}  {what}\n") } else { format!("  {command}\n") }
    };
    steps.iter().map(line).collect()
}

/// What a bundle says and how far it can be trusted, fitted to the terminal.
pub(super) fn told(bundle: &Bundle) -> String {
    let mut text = String::new();
    for line in std::iter::once(report::finding(bundle)).chain(report::copies(bundle)).chain(report::trust(bundle)) {
        wrapped(&mut text, &line, 0);
    }
    text
}
