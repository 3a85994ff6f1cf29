//! `stridewise validate`: whether bundles are whole, honest in form, and comparable.

use super::exit::{Exit, Failure};
use super::output::{self, Format, escaped};
use super::warned::{Warned, warnings};
use crate::bundle::{self, Bundle, Partial, shown};
use clap::Args;
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;

/// Whether bundles are whole, honest in form, and comparable
#[derive(Args, Debug)]
pub(super) struct ValidateArgs {
    /// Files or result folders
    #[arg(value_name = "BUNDLE", required = true)]
    bundles: Vec<PathBuf>,
    /// Read runs that were cut off
    #[arg(long)]
    allow_partial: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Serialize)]
struct Line {
    file: String,
    valid: bool,
    error: Option<String>,
    run_id: Option<String>,
    class_id: Option<String>,
    cpu: Option<String>,
    cases: usize,
    planned: usize,
    whole: bool,
    /// Fields of a newer version, text that is not what it seems.
    warnings: Vec<String>,
}

impl Line {
    fn of(file: String, bundle: &Bundle) -> Self {
        Self {
            file,
            valid: true,
            error: None,
            run_id: Some(bundle.header.run_id.clone()),
            class_id: Some(bundle.header.class_id.clone()),
            cpu: Some(shown(&bundle.cpu_name())),
            cases: bundle.pairs.len() + bundle.cases.len(),
            planned: bundle.header.plan.ids.len(),
            whole: bundle.end.is_some(),
            warnings: warnings(bundle, "not used").iter().map(|said| escaped(said)).collect(),
        }
    }

    fn invalid(file: String, error: String) -> Self {
        let error = Some(error);
        let (run_id, class_id, cpu, warnings) = (None, None, None, Vec::new());
        Self { file, valid: false, error, run_id, class_id, cpu, cases: 0, planned: 0, whole: false, warnings }
    }
}

pub(super) fn run(args: &ValidateArgs) -> Result<Exit, Failure> {
    let partial = if args.allow_partial { Partial::Allowed } else { Partial::Refused };
    let mut lines = Vec::new();
    let (mut plans, warned) = (std::collections::HashSet::new(), Warned::default());
    for path in &args.bundles {
        let files = match bundle::files(path) {
            Ok(files) => files,
            Err(error) => {
                lines.push(Line::invalid(escaped(&path.to_string_lossy()), escaped(&error.to_string())));
                continue;
            }
        };
        for file in files {
            let name = escaped(&file.to_string_lossy());
            match bundle::read(&file, partial) {
                Ok(bundle) => {
                    plans.insert(bundle.header.plan.hash.clone());
                    warned.of(&file, &bundle);
                    lines.push(Line::of(name, &bundle));
                }
                Err(error) => lines.push(Line::invalid(name, escaped(&error.to_string()))),
            }
        }
    }
    let invalid = lines.iter().filter(|line| !line.valid).count();
    let text = match args.format {
        Format::Json => output::json(&lines)?,
        Format::Table => text(&lines, plans.len()),
    };
    anstream::stdout().write_all(text.as_bytes())?;
    warned.print();
    if invalid > 0 {
        let first = lines.into_iter().find_map(|line| line.error).unwrap_or_default();
        return Err(Failure::new(Exit::Invalid, first));
    }
    Ok(Exit::Fine)
}

fn text(lines: &[Line], plans: usize) -> String {
    let mut text = String::new();
    for line in lines {
        text.push_str(&match &line.error {
            Some(error) => format!("invalid  {error}\n"),
            None => format!(
                "valid    {}: {} of {} cases, {}, class {}{}\n",
                line.file,
                line.cases,
                line.planned,
                line.cpu.as_deref().unwrap_or_default(),
                line.class_id.as_deref().unwrap_or_default(),
                if line.whole { "" } else { ", cut off" }
            ),
        });
    }
    if plans > 1 {
        text.push_str(&format!("{plans} different plans: only the cases they share can be compared\n"));
    }
    text
}
