//! The table of `stridewise layout`, and its drawing.

use super::super::exit::Failure;
use super::super::output::{self, table};
use super::LayoutArgs;
use super::document::{Document, LoopFacts, listed};
use crate::layout::Layout;
use crate::nest::LoopOrder;
use crate::units::{bytes_long, count};
use std::fmt::Write as _;

/// Elements that `--draw` prints at most.
const MOST_DRAWN: u128 = 600;

pub(super) fn text(args: &LayoutArgs, layout: &Layout, document: &Document) -> Result<String, Failure> {
    let mut text = String::new();
    let mut facts = table(&["", ""], 9);
    let mut add = |name: &str, value: String| {
        facts.add_row([name.to_owned(), value]);
    };
    let tuple = |values: String, n: usize| if n == 1 { format!("({values},)") } else { format!("({values})") };
    let ndim = layout.ndim();
    add("shape", tuple(document.shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "), ndim));
    add(
        "strides",
        format!(
            "{} bytes",
            tuple(document.strides.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "), ndim)
        ),
    );
    add("dtype", format!("{}, {} bytes per element", document.dtype.unwrap_or("-"), document.itemsize));
    add("offset", format!("{} bytes", document.offset));
    add("elements", document.elements.clone());
    let flags = match (document.c_contiguous, document.f_contiguous) {
        (true, true) => "C and F contiguous",
        (true, false) => "C contiguous",
        (false, true) => "F contiguous",
        (false, false) => "neither C nor F contiguous",
    };
    add("layout", flags.to_owned());
    let bounds =
        document.byte_bounds.map_or_else(|| "none (empty)".to_owned(), |[low, high]| format!("{low} to {high}"));
    add(
        "bytes touched",
        format!("{bounds} of a buffer of {} ({})", document.buffer_bytes, bytes_long(document.buffer_bytes)),
    );
    add(
        "overlaps itself",
        match document.overlaps_itself {
            Some(true) => "yes: two indices share a byte, so only reading is safe".to_owned(),
            Some(false) => "no".to_owned(),
            None => "not known: too much work to tell".to_owned(),
        },
    );
    let view = match document.copies.as_slice() {
        [] if args.then.is_empty() => None,
        [] => Some("a view: nothing is copied".to_owned()),
        copies => Some(format!("a copy of {} in all", bytes_long(copies.iter().map(|copy| copy.bytes).sum()))),
    };
    if let Some(view) = view {
        add("the operations give", view);
    }
    if let Some(best) = &document.best_loop {
        add("smallest stride inside", format!("loop order {best}"));
    }
    if let Some(walk) = &document.nditer {
        let flips =
            if walk.flipped.is_empty() { String::new() } else { format!(", axes {} backwards", listed(&walk.flipped)) };
        add(
            "NumPy's nditer walks",
            format!(
                "axes {}{flips}; merged: shape ({}), strides ({})",
                listed(&walk.axes),
                listed(&walk.shape),
                listed(&walk.strides)
            ),
        );
    }
    if let Some(file) = &document.file {
        add("file", format!(".npy {}, {}, data at byte {}", file.version, file.descr, file.data_offset));
    }
    if let Some(element) = &document.index {
        let at = element.file_offset.map_or_else(String::new, |at| format!(", byte {at} of the file"));
        add("element", format!("[{}] at byte {}{at}", listed(&element.index), element.byte_offset));
    }
    // The first line is the empty heading.
    output::push(&mut text, facts.lines().skip(1));
    for facts in &document.loops {
        loop_text(&mut text, facts);
    }
    if args.draw {
        let order = args.loops.first().cloned().unwrap_or_else(|| LoopOrder::identity(ndim));
        text.push('\n');
        text.push_str(&drawing(layout, &order)?);
    }
    Ok(text)
}

fn loop_text(text: &mut String, facts: &LoopFacts) {
    let _ = writeln!(text, "\nloop order {} (steps of {} bytes)", facts.order, listed(&facts.steps));
    let mut rows = table(&["", ""], 9);
    rows.add_row([
        "inner step".to_owned(),
        format!("{} bytes, {} skipped", count_signed(facts.inner_step), count(facts.skipped_bytes)),
    ]);
    rows.add_row([
        "lines per element".to_owned(),
        format!("{:.3}; {:.1}x the useful bytes are fetched", facts.lines_per_element, facts.fetch_amplification),
    ]);
    rows.add_row([
        "one inner sweep".to_owned(),
        format!(
            "{} elements, {} lines, {} pages",
            count(facts.sweep_elements),
            count(facts.sweep_lines),
            count(facts.sweep_pages)
        ),
    ]);
    let verdict = |enough: bool| if enough { "enough" } else { "too few" };
    for level in &facts.sets {
        let [reached, of, fit] = [level.reached, level.of, level.lines_that_fit].map(count);
        let sets = format!("{reached} of {of}, {fit} lines fit: {}", verdict(level.enough));
        rows.add_row([format!("sets of {}", level.level), sets]);
    }
    for level in &facts.tlb {
        let reach = bytes_long(level.reach_bytes);
        let entries = format!("{} entries reach {reach}: {}", level.entries, verdict(level.enough));
        rows.add_row([level.level.clone(), entries]);
    }
    output::push(text, rows.lines().skip(1));
    text.push_str("  ");
    output::wrapped(text, &facts.advice, 2);
}

fn count_signed(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{}", count(value.unsigned_abs()))
}

/// Byte offset of every element, and the step at which the walk comes to it. Axes before the last two are pages.
fn drawing(layout: &Layout, order: &LoopOrder) -> Result<String, Failure> {
    let elements = layout.size();
    if elements == 0 || elements > MOST_DRAWN || layout.ndim() == 0 {
        return Err(Failure::usage(format!(
            "--draw: {elements} elements; 1 to {MOST_DRAWN} can be drawn, such as a corner: --then '[:6, :8]'"
        )));
    }
    let shape = layout.shape();
    let steps_of = |index: &[usize]| order.axes().iter().fold(0, |step, &axis| step * shape[axis] + index[axis]);
    let split = layout.ndim().saturating_sub(2);
    let (rows, columns) = if layout.ndim() == 1 { (1, shape[0]) } else { (shape[split], shape[split + 1]) };
    let wide = |value: i128| value.to_string().len();
    let width = layout.byte_bounds().map_or(1, |(low, high)| wide(low).max(wide(high)));
    let step_width = wide(elements as i128);
    let mut text =
        format!("byte offset of every element, and after it the step at which loop order {order} comes to it\n");
    let pages: usize = shape[..split].iter().product();
    for page in 0..pages {
        let mut index = vec![0; layout.ndim()];
        let mut rest = page;
        for axis in (0..split).rev() {
            index[axis] = rest % shape[axis];
            rest /= shape[axis];
        }
        if split > 0 {
            let _ = writeln!(
                text,
                "[{}, :, :]",
                index[..split].iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
            );
        }
        for row in 0..rows {
            for column in 0..columns {
                let last = layout.ndim() - 1;
                if layout.ndim() > 1 {
                    index[last - 1] = row;
                }
                index[last] = column;
                let offset = layout.byte_offset(&index).unwrap_or(0);
                let _ = write!(text, "  {offset:>width$}·{:<step_width$}", steps_of(&index));
            }
            let trimmed = text.trim_end().len();
            text.truncate(trimmed);
            text.push('\n');
        }
    }
    Ok(text)
}
