//! What is seen of a run while it goes on: a bar on a terminal, lines elsewhere, nothing with `--quiet`.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::cell::Cell;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Shows the time left, from the estimates of the items and how well they held so far.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    lines: bool,
    estimates: Vec<u64>,
    started: Instant,
    /// Lines that were printed.
    printed: Cell<usize>,
}

impl Progress {
    pub(super) fn new(estimates: Vec<u64>, quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal();
        let bar = (terminal && !quiet).then(|| {
            let bar = ProgressBar::with_draw_target(Some(estimates.len() as u64), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{bar:24} {pos}/{len}  {prefix}  {wide_msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("━╸ "));
            bar
        });
        Self { bar, lines: !terminal && !quiet, estimates, started: Instant::now(), printed: Cell::new(0) }
    }

    /// Estimates of what is still to come, corrected by how long the finished items took.
    fn left(&self, index: usize) -> Duration {
        let (done, left) = self.estimates.split_at(index.min(self.estimates.len()));
        let [done, left] = [done, left].map(|part| Duration::from_nanos(part.iter().sum()));
        let elapsed = self.started.elapsed();
        if done < Duration::from_secs(2) {
            return left;
        }
        left.mul_f64((elapsed.as_secs_f64() / done.as_secs_f64()).clamp(0.2, 5.0))
    }

    #[expect(clippy::print_stderr, reason = "progress is no result")]
    pub(super) fn started(&self, index: usize, id: &str) {
        let left = self.left(index).as_secs();
        let left = format!("{}:{:02} left", left / 60, left % 60);
        if let Some(bar) = &self.bar {
            bar.set_position(index as u64);
            bar.set_prefix(left);
            bar.set_message(id.to_owned());
        } else if self.lines && index >= self.printed.get() {
            self.printed.set(index + 1);
            eprintln!("{:>4}/{}  {left:>10}  {id}", index + 1, self.estimates.len());
        }
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
