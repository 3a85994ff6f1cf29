//! A trial before a run: what the machine does to work that is always the same.

use crate::host::{Check, FrequencyProbe, Level, Noise, NoiseDelta, dependent_adds, frequency_probe};
use crate::stats::{NULL_MARGIN, log_ratios, null_is_noisy, sign_interval};
use serde::{Deserialize, Serialize};
use std::time::Instant;

/// Rounds ABBA of the null pair.
const ROUNDS: usize = 128;
/// Dependent additions of one of its samples: some 15 µs.
const ADDS: u64 = 50_000;
/// Dependent additions that tell the clock's frequency: some 5 ms.
const PROBE: u64 = 20_000_000;
/// Readings of the clock that its step is found in.
const READINGS: usize = 10_000;
/// A frequency that moves by more than this within a trial moves between samples too.
const DRIFT: f64 = 0.02;

/// What was seen within some 20 ms on the CPU that is measured on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// The least time between two readings of the clock that differ, nanoseconds.
    pub clock_step_ns: u64,
    /// The CPU's clock before.
    pub frequency_before: FrequencyProbe,
    /// The CPU's clock after.
    pub frequency_after: FrequencyProbe,
    /// What happened to the thread between them.
    pub during: NoiseDelta,
    /// A pair of the same work twice, in rounds as a run takes them.
    pub null: NullPair,
}

/// The ratio of the same work to itself, which is 1 but for noise.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NullPair {
    /// Rounds.
    pub rounds: u64,
    /// Their median.
    pub ratio: f64,
    /// Lower end of its 99 % interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Whether a null control of a run that looked like this would fail.
    pub fails: bool,
}

impl NullPair {
    fn of(baseline_ns: &[u64], contender_ns: &[u64]) -> Self {
        let ratios = log_ratios(baseline_ns, contender_ns);
        let interval = sign_interval(&ratios, 0.99).map(|interval| interval.map(f64::exp));
        let [ratio, low, high] = interval.map_or([1.0; 3], |interval| [interval.estimate, interval.low, interval.high]);
        Self { rounds: ratios.len() as u64, ratio, low, high, fails: null_is_noisy(&ratios) }
    }
}

impl Trial {
    /// Makes one, on the CPU that the calling thread is on.
    #[must_use]
    pub fn now() -> Self {
        let start = Instant::now();
        let clock = || u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let before = Noise::now();
        let frequency_before = frequency_probe(PROBE, clock);
        let clock_step_ns = step(clock);
        let (mut baseline, mut contender) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            for second in if round % 2 == 0 { [false, true, true, false] } else { [true, false, false, true] } {
                let begun = clock();
                let _ = dependent_adds(ADDS);
                let taken = clock().saturating_sub(begun);
                if second { contender.push(taken) } else { baseline.push(taken) }
            }
        }
        let frequency_after = frequency_probe(PROBE, clock);
        let during = Noise::now().since(&before);
        let null = NullPair::of(&baseline, &contender);
        Self { clock_step_ns, frequency_before, frequency_after, during, null }
    }

    /// What it shows, as findings.
    #[must_use]
    pub fn checks(&self) -> Vec<Check> {
        let found = |name: &str, fine: bool, level: Level, says: String| {
            let level = if fine { Level::Fine } else { level };
            Check { name: name.to_owned(), level, says }
        };
        let mut checks = Vec::new();
        let step = self.clock_step_ns;
        checks.push(found(
            "clock step",
            step <= 1000,
            Level::Warning,
            format!("{step} ns between readings that differ"),
        ));
        if let Some(&steal) = self.during.steal_ticks.value() {
            let says = format!("{steal} ticks of the CPU taken by the hypervisor within a trial of 20 ms");
            checks.push(found("steal", steal == 0, Level::Warning, says));
        }
        if let Some(&switches) = self.during.involuntary_switches.value() {
            let says = format!("the CPU was taken away {switches} times within a trial of 20 ms");
            checks.push(found("switches", switches == 0, Level::Note, says));
        }
        let drift = self.frequency_after.ns_per_add() / self.frequency_before.ns_per_add().max(f64::MIN_POSITIVE) - 1.0;
        let says = format!("a fixed spin took {:+.1} % at the end of a trial", 100.0 * drift);
        checks.push(found("drift", drift.abs() <= DRIFT, Level::Warning, says));
        let NullPair { ratio, low, high, fails, .. } = self.null;
        let [ratio, low, high] = [ratio, low, high].map(|ratio| 100.0 * (ratio - 1.0));
        let says = format!("the same work twice differs by {ratio:+.2} % ({low:+.2} to {high:+.2})");
        let margin = 100.0 * NULL_MARGIN;
        let level = if fails { Level::Warning } else { Level::Note };
        checks.push(found("null pair", !fails && low >= -margin && high <= margin, level, says));
        checks
    }
}

/// The least difference of two readings that follow each other and differ.
fn step(mut clock: impl FnMut() -> u64) -> u64 {
    let (mut last, mut least) = (clock(), u64::MAX);
    for _ in 0..READINGS {
        let now = clock();
        if now > last {
            least = least.min(now - last);
        }
        last = now;
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{Fact, Source};

    #[test]
    fn the_step_is_that_of_the_clock_and_not_of_its_readings() {
        let mut reading = 0_u64;
        let coarse = || {
            reading += 7;
            reading / 1000 * 1000
        };
        assert_eq!(step(coarse), 1000);
    }

    #[test]
    fn what_disturbs_is_a_finding_and_what_does_not_is_none() {
        let calm = Trial {
            clock_step_ns: 20,
            frequency_before: FrequencyProbe { adds: 1000, ns: 400 },
            frequency_after: FrequencyProbe { adds: 1000, ns: 402 },
            during: Noise::now().since(&Noise::now()),
            null: NullPair::of(&[1000; 64], &[1001; 64]),
        };
        let level =
            |trial: &Trial, name: &str| trial.checks().into_iter().find(|check| check.name == name).unwrap().level;
        let names = ["clock step", "drift", "null pair"];
        assert!(names.iter().all(|name| level(&calm, name) == Level::Fine), "{:?}", calm.checks());
        let mut during = calm.during.clone();
        during.steal_ticks = Fact::known(2, Source::Procfs);
        during.involuntary_switches = Fact::known(1, Source::Syscall);
        let noisy = Trial {
            clock_step_ns: 4000,
            frequency_after: FrequencyProbe { adds: 1000, ns: 420 },
            during,
            null: NullPair::of(&[1000; 64], &[1030; 64]),
            ..calm
        };
        assert!(noisy.null.fails);
        let levels = ["clock step", "steal", "switches", "drift", "null pair"].map(|name| level(&noisy, name));
        assert_eq!(levels, [Level::Warning, Level::Warning, Level::Note, Level::Warning, Level::Warning]);
    }

    #[test]
    fn a_trial_has_all_its_rounds_and_a_clock_that_moves() {
        let trial = Trial::now();
        assert_eq!(trial.null.rounds, ROUNDS as u64);
        assert!(trial.null.low <= trial.null.ratio && trial.null.ratio <= trial.null.high);
        assert!(trial.clock_step_ns > 0 && trial.frequency_before.ns > 0 && trial.frequency_after.ns > 0);
    }
}
