//! What a comparison of runs of one class says, in every format.

use super::super::exit::{Exit, Failure};
use super::super::output::{self, table};
use super::{CompareArgs, FailOn, MOST_MARKDOWN, SHOWN_ROWS, change, text_of};
use crate::bundle::markdown;
use crate::compare::{Change, Judged, Said, Tally};
use crate::units::{ratio, several};
use serde_json::{Value, json};
use std::fmt::Write as _;

/// A comparison of runs of one class.
pub(super) struct Told {
    pub(super) changes: Vec<Change>,
    cpu: String,
    class_id: String,
    runs: [usize; 2],
    threshold: f64,
    /// What a reader should know besides.
    pub(super) notes: Vec<String>,
    missing: Option<String>,
    times: bool,
    elsewhere: String,
}

impl Told {
    pub(super) fn new(
        args: &CompareArgs,
        now: &Tally,
        before: &Tally,
        changes: Vec<Change>,
        missing: Option<String>,
    ) -> Self {
        let mut notes: Vec<String> = missing.iter().cloned().collect();
        let plans = now.plans.union(&before.plans).count();
        if plans > 1 {
            notes.push(format!(
                "{plans} different plans: only the {} cases both sides have are compared",
                changes.len()
            ));
        }
        let debug = now.debug + before.debug;
        if debug > 0 && debug < now.runs + before.runs {
            notes.push("some runs are of debug builds: their times are no measure".to_owned());
        }
        if now.cut + before.cut > 0 {
            notes.push("some runs were cut off: their finished cases are used".to_owned());
        }
        let class = before.classes.iter().next();
        Self {
            changes,
            cpu: class.map_or_else(String::new, |(_, named)| named.cpu.clone()),
            class_id: class.map_or_else(String::new, |(id, _)| id.clone()),
            runs: [before.runs, now.runs],
            threshold: args.threshold,
            notes,
            missing,
            times: args.fail_on.contains(&FailOn::Slowdown),
            elsewhere: args.elsewhere(),
        }
    }

    fn number(&self, said: Said) -> usize {
        self.changes.iter().filter(|one| one.penalty.said == said).count()
    }

    fn regressions(&self) -> usize {
        self.changes.iter().filter(|one| one.penalty.beyond).count()
    }

    fn slowdowns(&self) -> usize {
        self.changes.iter().filter(|one| one.time.beyond).count()
    }

    /// A regression stands whatever is missing; what is missing weighs more than what cannot be told.
    pub(super) fn exit(&self, args: &CompareArgs) -> Exit {
        let found = |rule: &FailOn| match rule {
            FailOn::Regression => self.regressions() > 0,
            FailOn::Slowdown => self.slowdowns() > 0,
        };
        if args.fail_on.iter().any(found) {
            Exit::Regression
        } else if self.missing.is_some() {
            Exit::Missing
        } else if args.require_conclusive && self.number(Said::Inconclusive) > 0 {
            Exit::Inconclusive
        } else {
            Exit::Fine
        }
    }

    pub(super) fn headline(&self) -> String {
        let worst = self.changes.iter().find(|one| one.penalty.beyond).map_or_else(String::new, |one| {
            format!(", the worst {} ({})", one.id, change(one.penalty.change.estimate))
        });
        let mut what = match self.regressions() {
            0 => "no regression".to_owned(),
            1 => format!("1 regression{worst}"),
            n => format!("{n} regressions{worst}"),
        };
        if self.times {
            let _ = write!(what, ", {} slowdowns", self.slowdowns());
        }
        let of = |said: Said| format!("{} {}", self.number(said), said.word());
        let said = [Said::Slower, Said::Faster, Said::Unchanged, Said::Inconclusive].map(of).join(", ");
        format!("{what}: {}, {said}", several(self.changes.len(), "case"))
    }

    pub(super) fn about(&self) -> String {
        let [before, now] = self.runs;
        format!(
            "{}, class {}; {before} baseline and {now} new runs. Judged is each pair's penalty, with its 95 % interval; a change \
             is told beyond 3 % and after Benjamini and Hochberg's correction over {} cases; a regression is one beyond {} %.",
            self.cpu,
            self.class_id,
            self.changes.len(),
            (self.threshold * 1e5).round() / 1e3
        )
    }

    pub(super) fn table(&self) -> String {
        let mut text = String::new();
        output::wrapped(&mut text, &self.headline(), 0);
        output::wrapped(&mut text, &self.about(), 0);
        self.notes.iter().for_each(|note| output::wrapped(&mut text, &output::escaped(note), 0));
        text.push('\n');
        let mut rows = table(&["case", "penalty", "now", "change", "95 %", "verdict"], 1);
        for one in &self.changes {
            let [before, now] = one.penalties.map(ratio);
            rows.add_row([
                one.id.clone(),
                before,
                now,
                change(one.penalty.change.estimate),
                interval(&one.penalty),
                self.word(one),
            ]);
        }
        output::push(&mut text, rows.lines());
        text
    }

    /// The verdict; that of the time beside it where times are judged.
    fn word(&self, one: &Change) -> String {
        match self.times && one.time.beyond {
            true => format!("{}, time {}", one.penalty.said.word(), change(one.time.change.estimate)),
            false => one.penalty.said.word().to_owned(),
        }
    }

    pub(super) fn markdown(&self) -> String {
        let mark = if self.regressions() > 0 { "regression" } else { "no regression" };
        let mut text =
            format!("## stridewise: {mark}\n\n{}\n\n{}\n\n", markdown(&self.headline()), markdown(&self.about()));
        for note in &self.notes {
            let _ = write!(text, "Note: {}.\n\n", markdown(&output::escaped(note)));
        }
        let head = "| case | penalty | now | change | 95 % | verdict |\n|---|--:|--:|--:|--:|---|\n";
        let row = |one: &Change| {
            let [before, now] = one.penalties.map(ratio);
            let id = markdown(&one.id);
            format!(
                "| {id} | {before} | {now} | {} | {} | {} |\n",
                change(one.penalty.change.estimate),
                interval(&one.penalty),
                self.word(one)
            )
        };
        text.push_str(head);
        let (first, rest) = self.changes.split_at(self.changes.len().min(SHOWN_ROWS));
        first.iter().for_each(|one| text.push_str(&row(one)));
        if rest.is_empty() {
            return text + "\n";
        }
        let _ = write!(text, "\n<details><summary>{} further cases</summary>\n\n{head}", rest.len());
        let end = "\n</details>\n\n";
        let room = end.len() + self.elsewhere.len() * 2 + 80;
        let mut left = rest.len();
        for one in rest {
            let row = row(one);
            if text.len() + row.len() + room > MOST_MARKDOWN {
                break;
            }
            text.push_str(&row);
            left -= 1;
        }
        if left > 0 {
            let _ = write!(text, "\n{left} more cases are left out here; {}.\n", markdown(&self.elsewhere));
        }
        text + end
    }

    pub(super) fn json(&self) -> Value {
        let case = |one: &Change| {
            json!({
                "id": one.id,
                "baseline_penalty": one.penalties[0],
                "penalty": one.penalties[1],
                "change": one.penalty.change.estimate,
                "low": one.penalty.change.low,
                "high": one.penalty.change.high,
                "verdict": one.penalty.said.word(),
                "regression": one.penalty.beyond,
                "why": one.why,
                "baseline_ns": one.nanos[0],
                "ns": one.nanos[1],
                "time": {
                    "change": one.time.change.estimate,
                    "low": one.time.change.low,
                    "high": one.time.change.high,
                    "verdict": one.time.said.word(),
                    "slowdown": one.time.beyond,
                },
                "baseline_runs": one.runs[0],
                "runs": one.runs[1],
            })
        };
        json!({
            "schema": "stridewise.compare",
            "schema_version": [1, 1],
            "question": "same-class",
            "class_id": self.class_id,
            "cpu": self.cpu,
            "baseline_runs": self.runs[0],
            "runs": self.runs[1],
            "threshold": self.threshold,
            "correction": "benjamini-hochberg 10 %",
            "regressions": self.regressions(),
            "slowdowns": self.slowdowns(),
            "slower": self.number(Said::Slower),
            "faster": self.number(Said::Faster),
            "unchanged": self.number(Said::Unchanged),
            "inconclusive": self.number(Said::Inconclusive),
            "missing": self.missing,
            "notes": self.notes,
            "cases": self.changes.iter().map(case).collect::<Vec<_>>(),
        })
    }

    pub(super) fn csv(&self) -> Result<String, Failure> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let wrong = |error: csv::Error| Failure::new(Exit::Internal, error);
        let columns = ["case", "baseline_penalty", "penalty", "change", "low", "high", "verdict", "regression"];
        writer.write_record(columns).map_err(wrong)?;
        for one in &self.changes {
            let judged = &one.penalty;
            let numbers =
                [one.penalties[0], one.penalties[1], judged.change.estimate, judged.change.low, judged.change.high];
            let mut fields = vec![one.id.clone()];
            fields.extend(numbers.map(|value| value.to_string()));
            fields.extend([judged.said.word().to_owned(), judged.beyond.to_string()]);
            writer.write_record(&fields).map_err(wrong)?;
        }
        text_of(writer)
    }
}

fn interval(one: &Judged) -> String {
    format!("{:+.1} to {:+.1}", (one.change.low - 1.0) * 100.0, (one.change.high - 1.0) * 100.0)
}
