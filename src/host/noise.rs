//! What disturbed a block of samples: read before and after it, and take the difference.

use super::fact::{Absence, Fact, Source};
use super::root::Root;
use super::{cgroup, sys, system};
use serde::{Deserialize, Serialize};
use std::hint::black_box;

/// Clock ticks of one CPU since boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ticks {
    cpu: u32,
    busy: u64,
    stolen: u64,
}

/// One reading of the counts that tell of disturbances. It takes some 60 µs: never inside a timed block.
#[derive(Clone, Debug, PartialEq)]
pub struct Noise {
    cpu: Option<u32>,
    ticks: Result<Vec<Ticks>, Absence>,
    usage: Option<sys::ThreadUsage>,
    migrations: Fact<u64>,
    throttled_us: Fact<u64>,
    load: Fact<f64>,
}

/// What happened to the calling thread between two readings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NoiseDelta {
    /// Clock ticks (10 ms as a rule) that the hypervisor took from the thread's CPU.
    pub steal_ticks: Fact<u64>,
    /// Clock ticks for which the other CPUs were busy, summed.
    pub others_busy_ticks: Fact<u64>,
    /// Times the CPU was taken away from the thread.
    pub involuntary_switches: Fact<u64>,
    /// Times the thread gave the CPU up.
    pub voluntary_switches: Fact<u64>,
    /// Times the thread was moved to another CPU.
    pub migrations: Fact<u64>,
    /// Page faults without input or output.
    pub minor_faults: Fact<u64>,
    /// Page faults with input or output.
    pub major_faults: Fact<u64>,
    /// Microseconds for which the control group was throttled.
    pub throttled_us: Fact<u64>,
    /// Load average over one minute, at the end.
    pub load: Fact<f64>,
    /// Whether both readings were on one CPU; absent where the system does not tell.
    pub same_cpu: Fact<bool>,
}

impl Noise {
    /// Reads for the calling thread.
    #[must_use]
    pub fn now() -> Self {
        Self::at(&Root::live())
    }

    fn at(root: &Root) -> Self {
        Self {
            cpu: sys::current_cpu(),
            ticks: root.text("proc/stat").and_then(|text| ticks(&text)),
            usage: sys::thread_usage(),
            migrations: Fact::of(migrations(root), Source::Procfs),
            throttled_us: cgroup::throttled_us(root),
            load: system::load(root),
        }
    }

    /// What happened since `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> NoiseDelta {
        let usage = |pick: fn(&sys::ThreadUsage) -> u64| {
            let both = self.usage.as_ref().zip(before.usage.as_ref());
            Fact::of(
                both.map(|(now, then)| pick(now).saturating_sub(pick(then))).ok_or(Absence::NotLinux),
                Source::Syscall,
            )
        };
        let cpu = before.cpu;
        NoiseDelta {
            steal_ticks: self.ticks_since(before, |ticks| if Some(ticks.cpu) == cpu { ticks.stolen } else { 0 }),
            others_busy_ticks: self.ticks_since(before, |ticks| if Some(ticks.cpu) == cpu { 0 } else { ticks.busy }),
            involuntary_switches: usage(|usage| usage.involuntary),
            voluntary_switches: usage(|usage| usage.voluntary),
            migrations: difference(&self.migrations, &before.migrations),
            minor_faults: usage(|usage| usage.minor_faults),
            major_faults: usage(|usage| usage.major_faults),
            throttled_us: difference(&self.throttled_us, &before.throttled_us),
            load: self.load,
            same_cpu: Fact::of(self.cpu.map(|now| Some(now) == cpu).ok_or(Absence::NotLinux), Source::Syscall),
        }
    }

    fn ticks_since(&self, before: &Self, pick: impl Fn(&Ticks) -> u64) -> Fact<u64> {
        let sum =
            |noise: &Self| noise.ticks.as_ref().map(|ticks| ticks.iter().map(&pick).sum()).map_err(|reason| *reason);
        let change = sum(self).and_then(|now: u64| Ok(now.saturating_sub(sum(before)?)));
        Fact::of(change, Source::Procfs)
    }
}

fn difference(now: &Fact<u64>, before: &Fact<u64>) -> Fact<u64> {
    match (now, before.value()) {
        (Fact::Known { value, source }, Some(before)) => Fact::known(value.saturating_sub(*before), *source),
        (Fact::Absent { absent }, _) => Fact::absent(*absent),
        (_, None) => Fact::absent(before.reason().unwrap_or(Absence::NotOffered)),
    }
}

/// Lines read `cpu0 user nice system idle iowait irq softirq steal guest guest_nice`.
fn ticks(text: &str) -> Result<Vec<Ticks>, Absence> {
    let one = |line: &str| {
        let (name, numbers) = line.split_once(' ')?;
        let cpu = name.strip_prefix("cpu")?.parse().ok()?;
        let numbers: Vec<u64> = numbers.split_whitespace().map_while(|number| number.parse().ok()).collect();
        let at = |index: usize| numbers.get(index).copied().unwrap_or(0);
        Some(Ticks { cpu, busy: at(0) + at(1) + at(2) + at(5) + at(6), stolen: at(7) })
    };
    let ticks: Vec<Ticks> = text.lines().filter_map(one).collect();
    if ticks.is_empty() { Err(Absence::Malformed) } else { Ok(ticks) }
}

/// Only kernels with scheduler statistics tell it.
fn migrations(root: &Root) -> Result<u64, Absence> {
    let text = root.text("proc/thread-self/sched")?;
    let number = super::root::field(&text, "se.nr_migrations").ok_or(Absence::NotOffered)?;
    number.parse().map_err(|_| Absence::Malformed)
}

impl NoiseDelta {
    /// What disturbed the block, as words; empty if nothing did. Other CPUs' business and load are no disturbance of
    /// their own.
    #[must_use]
    pub fn disturbances(&self) -> Vec<&'static str> {
        let some = |fact: &Fact<u64>| fact.value().is_some_and(|&count| count > 0);
        let all = [
            ("steal", some(&self.steal_ticks)),
            ("involuntary_switch", some(&self.involuntary_switches)),
            ("migration", some(&self.migrations) || self.same_cpu.value() == Some(&false)),
            ("minor_fault", some(&self.minor_faults)),
            ("major_fault", some(&self.major_faults)),
            ("throttled", some(&self.throttled_us)),
        ];
        all.into_iter().filter_map(|(word, happened)| happened.then_some(word)).collect()
    }
}

/// A timed chain of dependent operations: when it slows down, so does the CPU's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrequencyProbe {
    /// Operations of one cycle each, every one waiting for the one before.
    pub adds: u64,
    /// Nanoseconds that they took.
    pub ns: u64,
}

impl FrequencyProbe {
    /// Nanoseconds per operation; one cycle on every CPU of the last decades.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a probe is far below 2^53 operations")]
    pub fn ns_per_add(&self) -> f64 {
        self.ns as f64 / self.adds.max(1) as f64
    }

    /// Estimated clock in GHz.
    #[must_use]
    pub fn gigahertz(&self) -> f64 {
        let ns = self.ns_per_add();
        if ns > 0.0 { 1.0 / ns } else { 0.0 }
    }
}

/// Times `adds` dependent operations with `clock`, which returns nanoseconds.
pub fn frequency_probe(adds: u64, mut clock: impl FnMut() -> u64) -> FrequencyProbe {
    let start = clock();
    let done = dependent_adds(adds);
    FrequencyProbe { adds: done, ns: clock().saturating_sub(start) }
}

/// Runs at least `adds` dependent operations of one cycle and returns how many: an addition and an exclusive or in
/// turn, which no compiler can fold into one.
#[must_use]
pub fn dependent_adds(adds: u64) -> u64 {
    const UNROLLED: u64 = 16;
    let (mut x, step, mask) = (black_box(1_u64), black_box(0x9e37_79b9_u64), black_box(0x85eb_ca6b_u64));
    let rounds = adds.div_ceil(UNROLLED);
    for _ in 0..rounds {
        x = x.wrapping_add(step) ^ mask;
        x = x.wrapping_add(step) ^ mask;
        x = x.wrapping_add(step) ^ mask;
        x = x.wrapping_add(step) ^ mask;
        x = x.wrapping_add(step) ^ mask;
        x = x.wrapping_add(step) ^ mask;
        x = x.wrapping_add(step) ^ mask;
        x = x.wrapping_add(step) ^ mask;
    }
    black_box(x);
    rounds * UNROLLED
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(cpu: u32, stat: &str, involuntary: u64) -> Noise {
        let usage = sys::ThreadUsage { minor_faults: 5, major_faults: 0, voluntary: 1, involuntary };
        Noise {
            cpu: Some(cpu),
            ticks: ticks(stat),
            usage: Some(usage),
            migrations: Fact::known(7, Source::Procfs),
            throttled_us: Fact::absent(Absence::NotOffered),
            load: Fact::known(0.25, Source::Procfs),
        }
    }

    const BEFORE: &str = "cpu 9 9 9 9\ncpu0 10 0 5 100 3 1 1 4 0 0\ncpu1 20 0 5 100 0 0 0 9 0 0\nintr 1";
    const AFTER: &str = "cpu 9 9 9 9\ncpu0 15 0 6 100 9 1 1 6 0 0\ncpu1 27 0 5 100 0 1 0 9 0 0\nintr 1";

    #[test]
    fn steal_is_that_of_the_own_cpu_and_business_that_of_the_others() {
        let change = reading(0, AFTER, 3).since(&reading(0, BEFORE, 3));
        assert_eq!(change.steal_ticks.value(), Some(&2));
        assert_eq!(change.others_busy_ticks.value(), Some(&8), "7 of user and 1 of interrupts");
        assert_eq!(change.disturbances(), ["steal"]);
    }

    #[test]
    fn a_move_a_switch_and_nothing_are_told_apart() {
        assert!(reading(1, BEFORE, 3).since(&reading(1, BEFORE, 3)).disturbances().is_empty());
        let moved = reading(1, BEFORE, 4).since(&reading(0, BEFORE, 3));
        assert_eq!(moved.disturbances(), ["involuntary_switch", "migration"]);
    }

    #[test]
    fn what_cannot_be_read_is_absent_and_no_disturbance() {
        let folder = tempfile::tempdir().unwrap();
        let noise = Noise::at(&Root::at(folder.path()));
        let change = noise.since(&noise);
        assert_eq!(change.steal_ticks, Fact::absent(Absence::NoProcfs));
        assert_eq!(change.migrations, Fact::absent(Absence::NoProcfs));
        assert!(change.disturbances().is_empty());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn faults_of_this_thread_are_seen() {
        let before = Noise::now();
        // A mapping of its own: the allocator may hand out pages that were touched before.
        let mut pages = memmap2::MmapMut::map_anon(1 << 20).unwrap();
        pages[0] = 1;
        black_box(&pages);
        let change = Noise::now().since(&before);
        assert!(change.minor_faults.value().is_some_and(|&faults| faults > 0), "{change:?}");
        assert!(change.disturbances().contains(&"minor_fault"));
    }

    #[test]
    fn the_probe_divides_time_by_operations() {
        let mut at = 0;
        let probe = frequency_probe(1000, || {
            at += 504;
            at
        });
        assert_eq!((probe.adds, probe.ns), (1008, 504), "rounded up to whole rounds of 16");
        assert!((probe.gigahertz() - 2.0).abs() < 1e-12);
        assert!(FrequencyProbe { adds: 0, ns: 0 }.gigahertz().abs() < 1e-12);
    }
}
