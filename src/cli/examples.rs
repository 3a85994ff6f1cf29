//! What stands below each command's help: examples, and where to read on.

use clap::Command;

/// A command, and examples of it with what each does. The commands are listed in this order.
type Examples = (&'static str, &'static [(&'static str, &'static str)]);

#[rustfmt::skip]
const EXAMPLES: &[Examples] = &[
    ("run", &[
        ("stridewise run --suite quick", "a minute: row against column in every cache"),
        ("stridewise run --shape 3000,2000 --dtype f4 --loop 1,0", "an array of one's own, by columns"),
        ("stridewise run --filter 'sum/f8/1024x' --pages base,huge", "the cases of a suite that match, on both kinds of pages"),
        ("stridewise run --suite quick --budget 20s --out results/today", "shorter, and where to"),
        ("stridewise run --append --out results/today", "one more run: how much a ratio moves from run to run"),
        ("stridewise run --resume results/today", "go on with a run that was cut off"),
    ]),
    ("list", &[
        ("stridewise list --families", "the questions that suites ask, a line or two each"),
        ("stridewise list --suite full", "what the whole suite has, and how long it takes"),
        ("stridewise list --shape 4096,4096 --threads 1,2", "what `run` with these flags would measure"),
        ("stridewise list --suite quick --format json", "for a script"),
    ]),
    ("host", &[
        ("stridewise host", "CPU, caches, TLBs, counters with the reason where one is absent, noise"),
        ("stridewise host --format json", "the same for a script; schema/host-1.json describes it"),
    ]),
    ("layout", &[
        ("stridewise layout --shape 4096,4096 --loop 1,0", "lines, pages and sets that a walk by columns touches"),
        ("stridewise layout --shape 6,8 --then '[::2, ::-1].T' --draw", "a view in NumPy's spelling, drawn"),
        ("stridewise layout --npy a.npy --index 3,4", "where an element of a file lies"),
    ]),
    ("simulate", &[
        ("stridewise simulate --shape 2048,2048 --loop 1,0", "misses per level on this machine's caches"),
        ("stridewise simulate --shape 2048,2048 --loop 1,0 --cpu all --warm", "on CPUs that are not at hand, repeated passes"),
        ("stridewise simulate --nest '1024:8192,1024:8' --classify", "a loop nest by its byte steps; why each line missed"),
    ]),
    ("advise", &[
        ("stridewise advise --shape 4096,4096 --loop 1,0", "a better order, tiles or padding, what it saves, and why"),
        ("stridewise advise --shape 4096,4096 --loop 1,0 --prove", "and measured in turn with the present loop"),
    ]),
    ("compare", &[
        ("stridewise compare results/new --baseline results/old", "what became slower, with verdicts"),
        ("stridewise compare results/new --baseline results/old --fail-on regression --threshold 5%", "a gate for CI: exit code 10"),
        ("stridewise compare --across class results/a results/b", "machines side by side"),
    ]),
    ("plot", &[
        ("stridewise plot --list", "every chart, and what it shows"),
        ("stridewise plot results/today --chart staircase --out staircase.svg", "one chart"),
        ("stridewise plot results/a results/b --chart penalty-curve --theme dark --width 2400 --out curve.png", "two CPUs, for a slide"),
        ("stridewise plot results/today --chart penalty-curve --out c.svg --data c.csv", "with the numbers behind it"),
    ]),
    ("report", &[
        ("stridewise report results/today", "the table that `run` printed, computed anew"),
        ("stridewise report results/a results/b --out both.html", "one page, the CPUs side by side"),
        ("stridewise report results/today --format markdown", "for a pull request"),
    ]),
    ("export", &[
        ("stridewise export results/a results/b --format csv --out flat", "flat tables of many runs"),
        ("stridewise export results/today --format bmf --out flat", "what Bencher reads"),
    ]),
    ("merge", &[
        ("stridewise merge shard-1 shard-2 --out run.jsonl", "parts of one run, measured apart, as one bundle"),
    ]),
    ("validate", &[
        ("stridewise validate results/today", "whole, honest in form, comparable: exit code 0, else 20"),
        ("stridewise validate --allow-partial results/today", "also if the run was cut off"),
    ]),
    ("completions", &[
        ("stridewise completions bash", "> /etc/bash_completion.d/stridewise"),
    ]),
    ("man", &[
        ("stridewise man", "| man -l -"),
    ]),
];

/// Below the program's own help.
const ALL: &str = "\
Begin with:
  stridewise host                  what this machine is, and what would disturb a measurement
  stridewise run --suite quick     measure for a minute; leaves a table, charts and a page in results/
  stridewise COMMAND --help        every flag, with examples";

/// What holds for every command; only in the long help.
const LONG: &str = "\
Exit codes: 0 fine, 1 internal or I/O, 2 usage, 3 measurement impossible, 10 regression,
11 not comparable, 12 inconclusive, 13 no baseline, 14 a --require not met, 20 invalid bundle or
.npy, 21 bundles missing, 130 interrupted (finished cases are kept).

What is written where: run writes bundle.jsonl, summary.md, report.html and charts/ into --out,
without it into results/<run-id>, and goes on in --resume. cargo bench leaves the same in
results/<run-id>, Criterion's own in target/criterion. merge, export, plot, report, layout,
simulate and compare write the files that --out, --data, --write, --sets, --summary, --verdict
and --html name, and the other commands none. Warnings, errors and progress go to standard error.
Nothing is sent anywhere, and a bundle holds no host name, user or path.

Environment: NO_COLOR turns colours off, as a pipe does; COLUMNS sets the width of tables.";

/// Examples as they stand below a command's help; the short help has the first two.
fn shown(examples: &[(&str, &str)]) -> String {
    let lines = examples.iter().map(|(command, what)| match command.chars().count() {
        ..=56 => format!("  {command:56}  {what}"),
        _ => format!("  {command}\n  {:56}  {what}", ""),
    });
    std::iter::once("Examples:".to_owned()).chain(lines).collect::<Vec<_>>().join("\n")
}

/// The command line with examples below each command's help.
pub(super) fn with_examples(mut command: Command) -> Command {
    command = command.after_help(ALL).after_long_help(format!("{ALL}\n\n{LONG}"));
    for (order, (name, examples)) in EXAMPLES.iter().enumerate() {
        if command.find_subcommand(name).is_none() {
            continue;
        }
        let few = &examples[..examples.len().min(2)];
        command = command.mut_subcommand(name, |sub| {
            sub.display_order(order).after_help(shown(few)).after_long_help(shown(examples))
        });
    }
    command
}

#[cfg(test)]
mod tests {
    use super::super::Cli;
    use super::*;
    use clap::CommandFactory;

    /// Words of a shell's command line: blanks part them, single quotes hold them together.
    fn words(line: &str) -> Vec<String> {
        let quoted = line.split('\'').enumerate();
        let glued = quoted.map(|(at, part)| if at % 2 == 1 { part.replace(' ', "\u{1}") } else { part.to_owned() });
        let glued: String = glued.collect();
        glued.split_whitespace().map(|word| word.replace('\u{1}', " ")).collect()
    }

    #[test]
    fn every_command_has_examples_that_parse() {
        let command = with_examples(Cli::command());
        let names: Vec<&str> =
            command.get_subcommands().map(Command::get_name).filter(|name| *name != "help").collect();
        for name in names {
            let (_, examples) =
                EXAMPLES.iter().find(|(of, _)| *of == name).unwrap_or_else(|| panic!("{name} has none"));
            for (example, what) in *examples {
                assert!(!what.is_empty());
                let parsed = with_examples(Cli::command()).try_get_matches_from(words(example));
                let matches = parsed.unwrap_or_else(|error| panic!("{example}: {error}"));
                assert_eq!(matches.subcommand_name(), Some(name), "{example}");
            }
        }
    }

    #[test]
    fn every_flag_that_names_a_file_to_write_is_in_the_list_of_what_is_written() {
        // What is only read, or named in a text.
        let read = ["npy", "charts", "baseline", "host", "bundle"];
        let command = with_examples(Cli::command());
        for sub in command.get_subcommands() {
            for argument in sub.get_arguments().filter(|argument| argument.get_long().is_some()) {
                let long = argument.get_long().unwrap();
                let names = argument.get_value_names().unwrap_or_default();
                let file = names.iter().any(|name| ["FILE", "DIR", "PATH"].iter().any(|word| name.contains(word)));
                let listed =
                    LONG.split(|c: char| !c.is_alphanumeric() && c != '-').any(|word| word == format!("--{long}"));
                assert!(!file || listed || read.contains(&long), "{} --{long}", sub.get_name());
            }
        }
        let help =
            with_examples(Cli::command()).try_get_matches_from(["stridewise", "--help"]).unwrap_err().to_string();
        assert!(help.contains("What is written where"), "{help}");
    }

    #[test]
    fn both_helps_have_examples_and_fit_a_hundred_columns() {
        let command = with_examples(Cli::command());
        for name in command.get_subcommands().map(Command::get_name).filter(|name| *name != "help") {
            for flag in ["-h", "--help"] {
                let asked = with_examples(Cli::command()).try_get_matches_from(["stridewise", name, flag]);
                let help = asked.unwrap_err().to_string();
                assert!(help.contains("Examples:\n  stridewise "), "{help}");
                let wide = help.lines().find(|line| line.chars().count() > 120);
                assert!(wide.is_none(), "{name} {flag}: {wide:?}");
            }
        }
    }
}
