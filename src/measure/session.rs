//! A session: one pinned thread that checks, simulates and counts what is measured, and knows the machine and the clock.

use super::arena::{Arena, Arm, Arms, Side};
use super::count::Counting;
use super::feed::Feed;
use super::rounds::{Watch, timed};
use super::samples::{Block, SoloBlock};
use super::{Error, Trial, Values};
use crate::counters::{self, Event, EventStatus, Total};
use crate::host::{Affinity, FrequencyProbe, Host, Noise, NoiseDelta, Pinned, frequency_probe, pin};
use crate::kernel::{Checksum, Isa, Stores};
use crate::memory::{PagePolicy, huge_page_bytes};
use crate::simulate::{self, Geometry};
use crate::suite::{self, Case, Item, Machine, Pace, Walked};
use crate::units::Rng;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

/// Time that events of one group are counted for at a turn.
const COUNTED: Duration = Duration::from_millis(5);
/// Touched lines of a pass beyond which a nest is not simulated: it would take more than its share of a run.
const MOST_SIMULATED_TOUCHES: u64 = 100_000_000;
/// Share of the run so far that simulating may take.
const SIMULATING_SHARE: f64 = 0.05;
/// Time that simulating may always take.
const SIMULATING_FREE: Duration = Duration::from_millis(500);

/// What a run needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Seed of every random choice.
    pub seed: u64,
    /// How items are paced.
    pub pace: Pace,
    /// The CPU to measure on; the last of the inherited mask if nothing is asked for.
    pub cpu: Option<u32>,
    /// Instruction set of the line and stream walks.
    pub isa: Isa,
    /// Events to count, each in passes of its own.
    pub events: Vec<Event>,
    /// Caches to simulate, or why there are none.
    pub geometry: Result<Geometry, String>,
    /// What the arrays hold; prepared data without.
    pub values: Option<Values>,
}

impl Settings {
    /// With the events and the caches of this host.
    #[must_use]
    pub fn of_host(host: &Host, seed: u64, pace: Pace, cpu: Option<u32>, isa: Isa) -> Self {
        let geometry = Geometry::of_host(host).map_err(|error| error.to_string());
        Self { seed, pace, cpu, isa, events: counters::catalogue(host), geometry, values: None }
    }
}

/// One member of a measured item.
#[derive(Clone, Debug)]
pub struct Shot {
    /// The case.
    pub case: Case,
    /// What was walked.
    pub walked: Walked,
    /// The result of one pass over the same data.
    pub checksum: Checksum,
    /// Simulated figures, or why there are none.
    pub simulated: Result<simulate::Report, String>,
    /// Counted events, or why there are none.
    pub counted: Result<Vec<Total>, String>,
}

/// What was measured of an item.
#[derive(Clone, Debug)]
pub enum Members {
    /// Two members in turn.
    Pair {
        /// What the other is divided by.
        baseline: Box<Shot>,
        /// Whose cost is asked for.
        contender: Box<Shot>,
        /// Whether both are the same.
        null: bool,
        /// The samples.
        blocks: Vec<Block>,
    },
    /// One case.
    Solo {
        /// It.
        shot: Box<Shot>,
        /// The samples.
        blocks: Vec<SoloBlock>,
    },
}

/// A finished item, or why there is nothing.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Its id in the plan.
    pub id: String,
    /// What was found.
    pub members: Result<Members, String>,
}

/// Is told what happens; it keeps what was measured and may print.
pub trait Observer {
    /// A placement of an item begins: how many items' worth of time has gone, and its id.
    fn started(&mut self, index: usize, id: &str);

    /// An item is finished.
    ///
    /// # Errors
    /// If it could not be kept: the run ends.
    fn finished(&mut self, index: usize, measured: Measured) -> std::io::Result<()>;
}

/// Keeps what is measured; nothing is shown.
impl Observer for Vec<Measured> {
    fn started(&mut self, _: usize, _: &str) {}

    fn finished(&mut self, _: usize, measured: Measured) -> std::io::Result<()> {
        self.push(measured);
        Ok(())
    }
}

/// What disturbed a whole run.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Disturbance {
    /// Counts over the run.
    pub during: NoiseDelta,
    /// The clock before.
    pub frequency_before: FrequencyProbe,
    /// The clock after.
    pub frequency_after: FrequencyProbe,
}

/// A pinned thread with its clock, counters and random numbers.
pub struct Session<'a> {
    settings: Settings,
    machine: Machine,
    cpus: Vec<u32>,
    pinned: Option<Pinned>,
    counting: Counting,
    rng: Rng,
    /// Where arrays come to lie: not what a seed repeats.
    luck: Rng,
    started: Instant,
    noise: Noise,
    trial: Trial,
    simulated: HashMap<Case, Result<simulate::Report, String>>,
    simulating: Duration,
    stop: &'a AtomicBool,
}

/// Some 10 ms of dependent additions: the clock's frequency.
fn probe() -> FrequencyProbe {
    let start = Instant::now();
    frequency_probe(20_000_000, || u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX))
}

impl<'a> Session<'a> {
    /// Pins the calling thread and opens the counters. Setting `stop` ends the run after the sample in progress.
    ///
    /// # Errors
    /// A CPU outside the inherited mask, or one that the system refuses. Where no CPU was asked for and the system
    /// cannot pin at all, the session goes on unpinned.
    pub fn new(settings: Settings, host: &Host, stop: &'a AtomicBool) -> Result<Self, Error> {
        let mut cpus = Affinity::at_start().cpus().to_vec();
        // The last CPU of the mask: the first ones serve interrupts as a rule.
        let cpu = settings.cpu.or_else(|| cpus.last().copied());
        let pinned = match cpu.map(pin) {
            Some(Ok(pinned)) => Some(pinned),
            Some(Err(error)) if settings.cpu.is_some() => return Err(Error::Pin(error)),
            _ => None,
        };
        // Teams begin with the measuring CPU.
        cpus.sort_by_key(|&one| Some(one) != cpu);
        let counting = Counting::open(&settings.events);
        Ok(Self {
            rng: Rng::new(settings.seed),
            luck: Rng::new(RandomState::new().hash_one(settings.seed)),
            settings,
            machine: Machine::of_host(host),
            cpus,
            pinned,
            counting,
            started: Instant::now(),
            trial: Trial::now(),
            noise: Noise::now(),
            simulated: HashMap::new(),
            simulating: Duration::ZERO,
            stop,
        })
    }

    /// The CPU that the thread is pinned to.
    #[must_use]
    pub fn cpu(&self) -> Option<u32> {
        self.pinned.as_ref().map(Pinned::cpu)
    }

    /// What the session was made for.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What the machine did to a fixed piece of work before anything was measured.
    #[must_use]
    pub fn trial(&self) -> &Trial {
        &self.trial
    }

    /// Which events count here, and why the others do not.
    #[must_use]
    pub fn events(&self) -> Vec<EventStatus> {
        self.counting.statuses()
    }

    /// What counts around samples; `None` if nothing counts.
    pub(super) fn counting_samples(&mut self) -> Option<&mut Counting> {
        self.counting.absent.is_none().then_some(&mut self.counting)
    }

    /// What happened to the thread since the session began.
    #[must_use]
    pub fn disturbance(&self) -> Disturbance {
        let during = Noise::now().since(&self.noise);
        Disturbance { during, frequency_before: self.trial.frequency_after, frequency_after: probe() }
    }

    /// An item for someone else's clock: Criterion asks for passes, the rounds are kept here.
    ///
    /// # Errors
    /// A case that cannot be run here, or results that differ between loop orders.
    pub fn feed(&mut self, item: &Item) -> Result<Feed, Error> {
        Feed::new(self, item)
    }

    pub(super) fn watch(&self) -> Watch<'_> {
        Watch { started: self.started, stop: self.stop, pinned: self.pinned.as_ref() }
    }

    pub(super) fn at_ms(&self) -> u64 {
        self.watch().at_ms()
    }

    pub(super) fn next_u64(&mut self) -> u64 {
        self.rng.next_u64()
    }

    pub(super) fn machine(&self) -> &Machine {
        &self.machine
    }

    pub(super) fn flip(&mut self) -> bool {
        self.rng.coin()
    }

    /// Both members on a new placement; the same one twice for a case by itself.
    pub(super) fn arms(&mut self, item: &Item) -> Result<Arms, Error> {
        let contender = item.contender();
        let Settings { isa, values, .. } = &self.settings;
        let arm = |case: &Case| Arm::new(case, *isa, &self.cpus, values.as_ref()).map(Rc::new);
        let one = arm(contender)?;
        let other = item.baseline().filter(|&case| case != contender);
        Arms::new([other.map_or_else(|| Ok(Rc::clone(&one)), arm)?, one], &mut self.luck)
    }

    /// Checks the results, simulates and counts: everything about the members that is not timed.
    pub(super) fn shots(&mut self, item: &Item, arms: &mut Arms) -> Result<Shots, Error> {
        let pair = matches!(item, Item::Pair { .. });
        let baseline = if pair { Some(self.shot(arms.at(Side::Baseline))?) } else { None };
        let contender = self.shot(arms.at(Side::Contender))?;
        let Some(baseline) = baseline else { return Ok(Shots { baseline: None, contender }) };
        if suite::agree(&baseline.case, &contender.case) {
            Self::check(arms, [baseline.checksum, contender.checksum])?;
        }
        Ok(Shots { baseline: Some(baseline), contender })
    }

    /// Both results over prepared data are one; those over the user's values differ by no more than rounding.
    fn check(arms: &mut Arms, [expected, found]: [Checksum; 2]) -> Result<(), Error> {
        let [baseline, contender] = [Side::Baseline, Side::Contender].map(|side| arms.arm(side).case.to_string());
        let wrong = |expected: Checksum, found: Checksum| {
            let (found, expected) = (found.to_string(), expected.to_string());
            Err(Error::Checksum { id: contender, found, baseline, expected })
        };
        if expected != found {
            return wrong(expected, found);
        }
        let mut of_values = |side| {
            let (arm, arena) = arms.at(side);
            arm.checksum_of_values(arena)
        };
        match [of_values(Side::Baseline)?, of_values(Side::Contender)?] {
            [Some(expected), Some(found)] if !arms.arm(Side::Contender).values_agree(expected, found)? => {
                wrong(expected, found)
            }
            _ => Ok(()),
        }
    }

    fn shot(&mut self, (arm, arena): (&Arm, &mut Arena)) -> Result<Shot, Error> {
        let checksum = arm.checksum(arena)?;
        let pass = Duration::from_nanos(timed(arm, arena, 1));
        let counted = match self.counting.absent.clone() {
            None => Ok(self.counting.count(arm, arena, pass, COUNTED)),
            Some(reason) => Err(reason),
        };
        let simulated = self.simulate(arm);
        Ok(Shot { case: arm.case.clone(), walked: arm.walked.clone(), checksum, simulated, counted })
    }

    fn simulate(&mut self, arm: &Arm) -> Result<simulate::Report, String> {
        if arm.case.options.threads > 1 {
            return Err("one core is simulated, this case has several threads".to_owned());
        }
        if arm.case.options.stores == Stores::NonTemporal {
            return Err("stores past the caches are not simulated".to_owned());
        }
        let plain = Case { family: String::new(), ..arm.case.clone() };
        if let Some(known) = self.simulated.get(&plain) {
            return known.clone();
        }
        if self.simulating > self.started.elapsed().mul_f64(SIMULATING_SHARE) + SIMULATING_FREE {
            return Err("simulating had its 5 % of the run; stridewise simulate has no limit".to_owned());
        }
        let mut geometry = self.settings.geometry.clone()?;
        if arm.case.options.pages == PagePolicy::Huge {
            // The TLBs' entries are taken for as many huge pages.
            geometry.page = huge_page_bytes() as u64;
        }
        // Not where the arrays lie, which each run draws anew: the counts of a case are the same everywhere.
        let addresses = simulate::apart(&arm.walked.buffers(), arm.case.options.base);
        let addresses = addresses.ok_or("the arrays leave the 64 bits of an address")?;
        let begun = Instant::now();
        let options = simulate::Options { most_touches: Some(MOST_SIMULATED_TOUCHES), ..Default::default() };
        let report = match &arm.walked {
            Walked::Nest(nest) => simulate::simulate(nest, &addresses, &geometry, &options),
            Walked::Chase(chase) => simulate::simulate_chase(chase, addresses[0], &geometry, &options),
        };
        let report = report.map_err(|error| error.to_string());
        self.simulating += begun.elapsed();
        self.simulated.insert(plain, report.clone());
        report
    }
}

/// What is known of the members besides their times; those that are their own baseline have none beside them.
pub(super) struct Shots {
    baseline: Option<Shot>,
    contender: Shot,
}

/// Puts the parts of an item together.
pub(super) fn gather(item: &Item, shots: Shots, blocks: Vec<Block>, solos: Vec<SoloBlock>) -> Members {
    let Shots { baseline, contender } = shots;
    if item.baseline().is_none() {
        return Members::Solo { shot: Box::new(contender), blocks: solos };
    }
    let null = baseline.is_none();
    let baseline = Box::new(baseline.unwrap_or_else(|| contender.clone()));
    Members::Pair { baseline, contender: Box::new(contender), null, blocks }
}
