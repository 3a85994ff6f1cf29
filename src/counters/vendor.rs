//! Events by the number in the CPU's manual, for what the generic ones do badly. One table; add a line for an event.

use super::event::{Counts, Event, Kind, Place, Scope};
use crate::host::Host;

/// CPUs that a line of the table holds for.
#[derive(Clone, Copy, Debug)]
enum Cpus {
    /// AMD and Hygon: first and last family, and within the first family the first model.
    Amd { families: (u32, u32), from_model: u32 },
    /// Intel, family 6: these models.
    Intel(&'static [u32]),
    /// Every CPU with the Armv8 performance monitors.
    Arm,
}

/// Cores of Intel from Skylake on that have `MEM_LOAD_RETIRED` (event D1H); Atom cores count it otherwise.
const CORE: &[u32] = &[
    0x4e, 0x5e, 0x55, 0x8e, 0x9e, 0xa5, 0xa6, 0x66, 0x7d, 0x7e, 0x6a, 0x6c, 0x8c, 0x8d, 0xa7, 0x97, 0x9a, 0xb7, 0xba,
    0xbf, 0x8f, 0xcf, 0xad, 0xae, 0xaa, 0xac,
];
/// Haswell and Broadwell call the same numbers `MEM_LOAD_UOPS_RETIRED`.
const HASWELL: &[u32] = &[0x3c, 0x3f, 0x45, 0x46, 0x3d, 0x47, 0x4f, 0x56];

const ZEN2: Cpus = Cpus::Amd { families: (0x17, 0x1a), from_model: 0x30 };
const ZEN3: Cpus = Cpus::Amd { families: (0x19, 0x1a), from_model: 0 };

macro_rules! ppr {
    ($entry:literal) => {
        concat!("AMD PPR 55803 (17h/31h), 55898 (19h/01h), 55901 (19h/11h), 58550 (1Ah): ", $entry)
    };
}
macro_rules! sdm {
    ($entry:literal) => {
        concat!("Intel SDM 3B (253669), Performance Monitoring Events: ", $entry)
    };
}
macro_rules! arm {
    ($entry:literal) => {
        concat!("Arm ARM (DDI 0487), PMU common events: ", $entry)
    };
}

/// CPUs, name, number, what it counts, manual and the entry in it.
struct Line(Cpus, &'static str, u64, Counts, &'static str);

#[rustfmt::skip]
const TABLE: &[Line] = &[
    Line(ZEN2, "amd-l2-misses-from-l1d", 0x0864, Counts::Misses(Place::L2), ppr!("PMCx064 umask 08h L2CacheReqStat.LsRdBlkC")),
    Line(ZEN2, "amd-demand-fills-from-l2", 0x0143, Counts::Fills(Place::L2), ppr!("PMCx043 umask 01h DemandDcFillsFromSys")),
    Line(ZEN2, "amd-demand-fills-from-l3", 0x0243, Counts::Fills(Place::L3), ppr!("PMCx043 umask 02h DemandDcFillsFromSys")),
    Line(ZEN2, "amd-demand-fills-from-memory", 0x4843, Counts::FillsFromMemory, ppr!("PMCx043 umask 48h DemandDcFillsFromSys")),
    Line(ZEN3, "amd-any-fills-from-memory", 0x4844, Counts::Vendor, ppr!("PMCx044 umask 48h AnyDcFillsFromSys (with prefetches)")),
    Line(ZEN2, "amd-l1-dtlb-misses", 0xff45, Counts::Misses(Place::Dtlb), ppr!("PMCx045 umask FFh L1DTlbMiss")),
    Line(ZEN2, "amd-l2-dtlb-misses", 0xf045, Counts::Misses(Place::DtlbWalk), ppr!("PMCx045 umask F0h L1DTlbMiss")),
    Line(Cpus::Intel(CORE), "intel-loads", 0x81d0, Counts::Accesses(Place::L1d), sdm!("D0H umask 81H MEM_INST_RETIRED.ALL_LOADS")),
    Line(Cpus::Intel(CORE), "intel-l1-load-misses", 0x08d1, Counts::Misses(Place::L1d), sdm!("D1H umask 08H MEM_LOAD_RETIRED.L1_MISS")),
    Line(Cpus::Intel(CORE), "intel-l2-load-misses", 0x10d1, Counts::Misses(Place::L2), sdm!("D1H umask 10H MEM_LOAD_RETIRED.L2_MISS")),
    Line(Cpus::Intel(CORE), "intel-l3-load-misses", 0x20d1, Counts::Misses(Place::L3), sdm!("D1H umask 20H MEM_LOAD_RETIRED.L3_MISS")),
    Line(Cpus::Intel(HASWELL), "intel-loads", 0x81d0, Counts::Accesses(Place::L1d), sdm!("D0H umask 81H MEM_UOPS_RETIRED.ALL_LOADS")),
    Line(Cpus::Intel(HASWELL), "intel-l1-load-misses", 0x08d1, Counts::Misses(Place::L1d), sdm!("D1H umask 08H MEM_LOAD_UOPS_RETIRED.L1_MISS")),
    Line(Cpus::Intel(HASWELL), "intel-l2-load-misses", 0x10d1, Counts::Misses(Place::L2), sdm!("D1H umask 10H MEM_LOAD_UOPS_RETIRED.L2_MISS")),
    Line(Cpus::Intel(HASWELL), "intel-l3-load-misses", 0x20d1, Counts::Misses(Place::L3), sdm!("D1H umask 20H MEM_LOAD_UOPS_RETIRED.L3_MISS")),
    Line(Cpus::Arm, "arm-l1d-accesses", 0x04, Counts::Vendor, arm!("0x0004 L1D_CACHE (reads and writes)")),
    Line(Cpus::Arm, "arm-l1d-refills", 0x03, Counts::Refills(Place::L1d), arm!("0x0003 L1D_CACHE_REFILL (reads and writes)")),
    Line(Cpus::Arm, "arm-l2d-accesses", 0x16, Counts::Vendor, arm!("0x0016 L2D_CACHE (reads and writes)")),
    Line(Cpus::Arm, "arm-l2d-refills", 0x17, Counts::Refills(Place::L2), arm!("0x0017 L2D_CACHE_REFILL (reads and writes)")),
    Line(Cpus::Arm, "arm-llc-reads", 0x36, Counts::Accesses(Place::Llc), arm!("0x0036 LL_CACHE_RD")),
    Line(Cpus::Arm, "arm-llc-read-misses", 0x37, Counts::Misses(Place::Llc), arm!("0x0037 LL_CACHE_MISS_RD")),
    Line(Cpus::Arm, "arm-dtlb-walks", 0x34, Counts::Misses(Place::DtlbWalk), arm!("0x0034 DTLB_WALK")),
];

/// Names in the `events` folder of an Arm PMU.
const ARM_NAMES: [(u64, &str); 7] = [
    (0x04, "l1d_cache"),
    (0x03, "l1d_cache_refill"),
    (0x16, "l2d_cache"),
    (0x17, "l2d_cache_refill"),
    (0x36, "ll_cache_rd"),
    (0x37, "ll_cache_miss_rd"),
    (0x34, "dtlb_walk"),
];

/// The events of the table for a CPU.
#[must_use]
pub(super) fn events(arch: &str, vendor: &str, family: u32, model: u32) -> Vec<Event> {
    let holds = |line: &&Line| match line.0 {
        Cpus::Amd { families: (first, last), from_model } => {
            matches!(vendor, "AuthenticAMD" | "HygonGenuine")
                && (first..=last).contains(&family)
                && family != 0x18
                && (family != first || model >= from_model)
        }
        Cpus::Intel(models) => vendor == "GenuineIntel" && family == 6 && models.contains(&model),
        Cpus::Arm => arch == "aarch64",
    };
    TABLE.iter().filter(holds).map(entry).collect()
}

fn entry(&Line(_, name, config, counts, source): &Line) -> Event {
    let kind = Kind::Raw(config);
    // Every CPU loads and misses L1 in the trial; what is further out may hold all of it.
    let always_moves = counts == Counts::Accesses(Place::L1d) || counts == Counts::Misses(Place::L1d);
    let listed_as = ARM_NAMES.iter().find(|(number, _)| name.starts_with("arm-") && *number == config);
    let listed_as = listed_as.map(|(_, listed)| *listed);
    Event { name, kind, scope: Scope::User, counts, always_moves, listed_as, source }
}

/// The event of the table that has this name.
pub(super) fn named(name: &str) -> Option<Event> {
    TABLE.iter().find(|line| line.1 == name).map(entry)
}

/// The events of the table for a host.
#[must_use]
pub(super) fn for_host(host: &Host) -> Vec<Event> {
    let number = |fact: &crate::host::Fact<u32>| fact.value().copied().unwrap_or(0);
    let vendor = host.cpu.vendor.value().map_or("", String::as_str);
    events(&host.cpu.arch, vendor, number(&host.cpu.family), number(&host.cpu.model))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn names(arch: &str, vendor: &str, family: u32, model: u32) -> Vec<&'static str> {
        events(arch, vendor, family, model).iter().map(|event| event.name).collect()
    }

    #[test]
    fn each_cpu_gets_the_events_of_its_own_manual() {
        assert!(names("x86_64", "AuthenticAMD", 0x17, 0x01).is_empty(), "Zen 1 numbers PMCx043 otherwise");
        assert!(!names("x86_64", "AuthenticAMD", 0x17, 0x31).contains(&"amd-any-fills-from-memory"));
        assert!(names("x86_64", "AuthenticAMD", 0x1a, 0x02).contains(&"amd-any-fills-from-memory"));
        assert!(names("x86_64", "GenuineIntel", 6, 0x6a).contains(&"intel-l3-load-misses"));
        assert!(names("x86_64", "GenuineIntel", 6, 0x37).is_empty(), "Atom cores count D1H otherwise");
        assert!(names("aarch64", "Arm", 0, 0xd0c).contains(&"arm-llc-read-misses"));
        assert!(names("riscv64", "", 0, 0).is_empty());
    }

    #[test]
    fn no_name_is_used_twice_for_one_cpu_and_every_line_names_its_number() {
        let cpus = [("AuthenticAMD", 0x1a, 2), ("GenuineIntel", 6, 0x8f), ("GenuineIntel", 6, 0x3f), ("Arm", 0, 0)];
        for (vendor, family, model) in cpus {
            let arch = if vendor == "Arm" { "aarch64" } else { "x86_64" };
            let found = names(arch, vendor, family, model);
            assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), found.len());
            assert!(!found.is_empty());
        }
        for event in TABLE.iter().map(entry) {
            let number = match event.kind {
                Kind::Raw(config) if event.name.starts_with("arm") => format!("0x{config:04x}"),
                Kind::Raw(config) => format!("mask {:02X}", config >> 8),
                other => format!("{other:?}"),
            };
            assert_eq!(event.listed_as.is_some(), event.name.starts_with("arm"), "{}", event.name);
            assert!(event.source.to_uppercase().contains(&number.to_uppercase()), "{}: {number}", event.source);
        }
    }
}
