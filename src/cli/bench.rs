//! What `benches/locality.rs` does beside Criterion: the same items, and at the end the same folder as `run`.

use super::exit::{Exit, Failure};
use super::results::Results;
use super::run::header;
use crate::bundle::Place;
use crate::host::Host;
use crate::kernel::Isa;
use crate::measure::{Feed, Session, Settings};
use crate::suite::{self, Item, Level, Machine};
use std::path::Path;
use std::sync::atomic::AtomicBool;

static STOP: AtomicBool = AtomicBool::new(false);

/// A run that Criterion drives.
pub struct Bench {
    session: Session<'static>,
    host: Host,
    items: Vec<Item>,
    level: Level,
    done: Vec<crate::measure::Measured>,
}

impl Bench {
    /// The items of a suite, on a pinned thread. The counters are opened, nothing is measured yet.
    ///
    /// # Errors
    /// A message if the thread cannot be pinned.
    pub fn new(level: Level) -> Result<Self, String> {
        let host = Host::probe();
        let mut items = suite::items(level, &Machine::of_host(&host));
        items.retain(|item| item.skipped().is_none());
        let settings = Settings::of_host(&host, 1, level.pace(), None, Isa::best());
        let session = Session::new(settings, &host, &STOP).map_err(|error| error.to_string())?;
        Ok(Self { session, host, items, level, done: Vec::new() })
    }

    /// The items, controls first.
    #[must_use]
    pub fn items(&self) -> Vec<Item> {
        self.items.clone()
    }

    /// The session that samples are taken in.
    pub fn session(&mut self) -> &mut Session<'static> {
        &mut self.session
    }

    /// Keeps what was measured of an item; `least_ns` as in [`Feed::finish`].
    pub fn keep(&mut self, feed: Feed, least_ns: u64) {
        self.done.push(feed.finish(least_ns));
    }

    /// Writes `folder/<run-id>` and prints the table; nothing is written if nothing was measured.
    ///
    /// # Errors
    /// A message if the folder cannot be written.
    pub fn finish(self, folder: &Path) -> Result<(), String> {
        self.write(folder).map_err(|failure| failure.to_string())
    }

    #[expect(clippy::print_stdout, reason = "the result")]
    fn write(self, folder: &Path) -> Result<(), Failure> {
        if self.done.is_empty() {
            return Ok(());
        }
        // The plan is what Criterion's filters left.
        let measured = |item: &Item| self.done.iter().any(|done| done.id == item.id());
        let items: Vec<Item> = self.items.iter().filter(|item| measured(item)).cloned().collect();
        let header = header(&self.host, self.level.name().to_owned(), &items, "criterion", &self.session);
        let out = folder.join(&header.run_id);
        let mut results = Results::create(Some(&out), Place::New, header)?;
        for measured in self.done {
            results.push(measured).map_err(|error| Failure::new(Exit::Internal, error))?;
        }
        let noise = serde_json::to_value(self.session.disturbance()).unwrap_or_default();
        drop(self.session);
        let (_, text) = results.finish(noise, true)?;
        println!("\n{text}");
        Ok(())
    }
}
