//! What a comparison of classes says, in every format.

use super::super::exit::{Exit, Failure};
use super::super::output::{self, table};
use super::{CompareArgs, Format, SHOWN_ROWS, leave, read, text_of};
use crate::bundle::markdown;
use crate::compare::{Across, Class, PLACES};
use crate::units::{bytes_tick, nanos, ratio};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::io::Write as _;

const NOTE: &str = "Penalty of walking a C-order f8 square by columns, at working sets in multiples of each CPU's own caches, the mildest \
    at 4xL2 first; – where nothing was measured. Onset: from there on the penalty stays above 1.5. A description, not a verdict.";

fn places() -> Vec<String> {
    PLACES.iter().map(ToString::to_string).collect()
}

/// What `--require` asks for and a class does not satisfy; a rule that no class can answer is an error.
fn broken(args: &CompareArgs, across: &Across) -> Result<Vec<String>, Failure> {
    let mut failed = Vec::new();
    for rule in &args.require {
        let checked: Vec<_> = across.classes.iter().filter_map(|class| Some((class, rule.check(class)?))).collect();
        if checked.is_empty() {
            return Err(Failure::usage(format!("--require {}: no class was measured there", rule.text)));
        }
        let broken = checked.iter().filter(|(_, (_, holds))| !holds);
        failed.extend(broken.map(|(class, (value, _))| {
            format!("{}: {} on {}, class {}", rule.text, ratio(*value), class.cpu, class.class_id)
        }));
    }
    Ok(failed)
}

fn json(across: &Across, failed: &[String], missing: Option<&str>) -> Value {
    let class = |class: &Class| {
        let at = |(place, values): (String, &Option<[f64; 3]>)| {
            let value =
                values.map_or(Value::Null, |[median, low, high]| json!({ "median": median, "p10": low, "p90": high }));
            (place, value)
        };
        let penalties: Map<String, Value> = places().into_iter().zip(&class.penalties).map(at).collect();
        let read = |of: fn(crate::compare::Point) -> Option<f64>| -> Map<String, Value> {
            PLACES.iter().map(|&place| (place.to_string(), json!(class.read(place).and_then(of)))).collect()
        };
        let caches: Vec<Value> =
            class.caches.iter().map(|(name, bytes)| json!({ "name": name, "bytes": bytes })).collect();
        json!({
            "class_id": class.class_id, "cpu": class.cpu, "runs": class.runs, "penalty": penalties,
            "ns": read(|point| Some(point.nanos)), "simulated_l1_misses": read(|point| point.misses),
            "onset_bytes": class.onset_bytes, "caches": caches,
        })
    };
    json!({
        "schema": "stridewise.compare", "schema_version": [1, 1], "question": "across-classes",
        "classes": across.classes.iter().map(class).collect::<Vec<_>>(), "requirements_not_met": failed,
        "missing": missing,
    })
}

fn cells(class: &Class) -> Vec<String> {
    let none = || "–".to_owned();
    let penalty = |values: &Option<[f64; 3]>| {
        values.map_or_else(none, |[median, low, high]| match class.runs {
            1 => ratio(median),
            _ => format!("{} ({}–{})", ratio(median), ratio(low), ratio(high)),
        })
    };
    let mut cells = vec![class.cpu.clone(), class.runs.to_string()];
    cells.extend(class.penalties.iter().map(penalty));
    cells.push(class.read(PLACES[1]).map_or_else(none, |point| nanos(point.nanos)));
    cells.push(class.onset_bytes.map_or_else(none, bytes_tick));
    cells
}

fn page(across: &Across, header: &[&str], notes: &[String], elsewhere: &str) -> String {
    let mut page = format!(
        "## stridewise: {} classes of machines\n\n| {} |\n|{}\n",
        across.classes.len(),
        header.join(" | "),
        "---|".repeat(header.len())
    );
    for class in across.classes.iter().take(SHOWN_ROWS) {
        let cells: Vec<String> = cells(class).iter().map(|cell| markdown(cell)).collect();
        let _ = writeln!(page, "| {} |", cells.join(" | "));
    }
    if across.classes.len() > SHOWN_ROWS {
        let left = across.classes.len() - SHOWN_ROWS;
        let _ = writeln!(page, "\n{left} more classes are left out here; {}.", markdown(elsewhere));
    }
    for note in notes {
        let _ = write!(page, "\nNote: {}.\n", markdown(&output::escaped(note)));
    }
    let _ = write!(page, "\n{}\n\n", markdown(NOTE));
    page
}

fn csv(across: &Across) -> Result<String, Failure> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let wrong = |error: csv::Error| Failure::new(Exit::Internal, error);
    writer.write_record(["class_id", "runs", "place", "penalty", "p10", "p90"]).map_err(wrong)?;
    for class in &across.classes {
        for (place, values) in places().iter().zip(&class.penalties) {
            if let Some(values) = values {
                let [a, b, c] = values.map(|value| value.to_string());
                writer.write_record([&class.class_id, &class.runs.to_string(), place, &a, &b, &c]).map_err(wrong)?;
            }
        }
    }
    text_of(writer)
}

/// Prints, leaves what was asked for, and checks the rules.
pub(super) fn tell(
    args: &CompareArgs,
    across: &Across,
    files: &[std::path::PathBuf],
    missing: Option<String>,
) -> Result<Exit, Failure> {
    let failed = broken(args, across)?;
    let document = json(across, &failed, missing.as_deref());
    let places = places();
    let mut header: Vec<&str> = vec!["CPU", "runs"];
    header.extend(places.iter().map(String::as_str));
    header.extend(["ns at 4xL2", "onset"]);
    let notes: Vec<String> = missing.iter().chain(&failed).cloned().collect();
    let markdown = page(across, &header, &notes, &args.elsewhere());
    let text = match args.format {
        Format::Json => output::json(&document)?,
        Format::Markdown => markdown.clone(),
        Format::Csv => csv(across)?,
        Format::Table => {
            let mut rows = table(&header, 1);
            across.classes.iter().for_each(|class| {
                rows.add_row(cells(class));
            });
            let mut text = String::new();
            output::push(&mut text, rows.lines());
            text.push('\n');
            notes.iter().for_each(|note| output::wrapped(&mut text, &output::escaped(note), 0));
            output::wrapped(&mut text, NOTE, 0);
            text
        }
    };
    let headline = format!("{} classes of machines side by side", across.classes.len());
    let html = || read::page(files, &headline, NOTE.to_owned(), &notes, None);
    leave(args, &markdown, &document, html)?;
    anstream::stdout().write_all(text.as_bytes())?;
    match failed.first() {
        Some(first) => Err(Failure::new(Exit::RequireNotMet, format!("--require {first}"))),
        None if missing.is_some() => Ok(Exit::Missing),
        None => Ok(Exit::Fine),
    }
}
