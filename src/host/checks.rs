//! What about this machine would move a measurement, told before one starts.

use super::Host;
use super::fact::Fact;
use crate::units::bytes_long;
use serde::{Deserialize, Serialize};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Fine,
    /// To be known when figures are read.
    Note,
    /// To be changed before figures are trusted.
    Warning,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Stable name of what was looked at.
    pub name: String,
    /// How much it matters.
    pub level: Level,
    /// What was found and what it means.
    pub says: String,
}

type Finding = Option<(Level, String)>;

fn fine(says: impl Into<String>) -> Finding {
    Some((Level::Fine, says.into()))
}

fn note(says: impl Into<String>) -> Finding {
    Some((Level::Note, says.into()))
}

fn warning(says: impl Into<String>) -> Finding {
    Some((Level::Warning, says.into()))
}

impl Host {
    /// All findings; what the system does not tell is left out here and named in the facts.
    #[must_use]
    pub fn checks(&self) -> Vec<Check> {
        let all: [(&str, Finding); 14] = [
            ("build", self.build()),
            ("governor", self.governor()),
            ("frequency", self.frequency_range()),
            ("boost", self.boost()),
            ("smt", self.sibling()),
            ("huge pages", self.huge_pages()),
            ("hypervisor", self.virtual_machine()),
            ("cpu quota", self.quota()),
            ("affinity", self.mask()),
            ("load", self.busy()),
            ("clock", self.clock()),
            ("aslr", self.aslr()),
            ("numa", self.numa_balancing()),
            ("caches", self.unequal_caches()),
        ];
        let found = all.into_iter().filter_map(|(name, finding)| Some((name, finding?)));
        found.map(|(name, (level, says))| Check { name: name.to_owned(), level, says }).collect()
    }

    fn build(&self) -> Finding {
        if self.debug_build { warning("a debug build: measure with --release") } else { fine("optimised") }
    }

    fn governor(&self) -> Finding {
        match self.frequency.governor.value()?.as_str() {
            "performance" => fine("performance"),
            other => warning(format!("{other}: the clock follows the load; cpupower frequency-set -g performance")),
        }
    }

    fn frequency_range(&self) -> Finding {
        let (min, max) = (self.frequency.min_khz.value()?, self.frequency.max_khz.value()?);
        let range = format!("{} to {} MHz", min / 1000, max / 1000);
        if min == max { fine(range) } else { note(format!("{range}: compare ratios rather than nanoseconds")) }
    }

    fn boost(&self) -> Finding {
        if *self.frequency.boost.value()? { note("on: the clock depends on heat and neighbours") } else { fine("off") }
    }

    fn sibling(&self) -> Finding {
        let siblings = self.topology.siblings.value()?;
        if *siblings == self.looked_at.to_string() {
            return fine("the core runs one thread");
        }
        warning(format!("CPUs {siblings} share a core and its L1 and L2: keep the other idle"))
    }

    fn huge_pages(&self) -> Finding {
        match self.pages.transparent.value()?.as_str() {
            "madvise" => fine("on request (madvise)"),
            "always" => note("always: large arrays get huge pages unasked"),
            other => note(format!("{other}: --pages huge cannot be had")),
        }
    }

    fn virtual_machine(&self) -> Finding {
        match self.system.hypervisor.value()?.as_str() {
            "none" => fine("none"),
            kind => note(format!("{kind}: the last cache and the CPUs may be shared with unknown neighbours")),
        }
    }

    fn quota(&self) -> Finding {
        let cpus = f64::from(*self.topology.cpus.value()?);
        match self.system.cpu_quota.value() {
            Some(&quota) if quota < cpus => {
                warning(format!("{quota:.2} of {cpus} CPUs: the control group stops the run when it is used up"))
            }
            _ => fine("none"),
        }
    }

    fn mask(&self) -> Finding {
        let (mask, online) = (self.affinity.value()?, self.topology.online.value()?);
        if mask == online { fine(format!("all of {online}")) } else { note(format!("only {mask} of {online}")) }
    }

    fn busy(&self) -> Finding {
        let load = self.system.load.value()?;
        if *load < 0.5 { fine(format!("{load:.2}")) } else { warning(format!("{load:.2}: something else is running")) }
    }

    fn clock(&self) -> Finding {
        match self.system.clock_source.value()?.as_str() {
            fast @ ("tsc" | "kvm-clock" | "arch_sys_counter" | "hyperv_clocksource_tsc_page") => fine(fast),
            slow => warning(format!("{slow}: reading the clock is a slow system call")),
        }
    }

    fn aslr(&self) -> Finding {
        match self.system.aslr.value()? {
            0 => note("off: addresses are drawn by stridewise alone, for what it maps itself"),
            _ => fine("on: placements vary, and several are measured"),
        }
    }

    fn numa_balancing(&self) -> Finding {
        let nodes = self.numa.value()?.len();
        match (nodes, &self.system.numa_balancing) {
            (1, _) => fine("one node"),
            (_, Fact::Known { value: true, .. }) => {
                warning(format!("{nodes} nodes, and the kernel moves pages; sysctl kernel.numa_balancing=0"))
            }
            _ => note(format!("{nodes} nodes: pin, so that memory stays near")),
        }
    }

    fn unequal_caches(&self) -> Finding {
        if !self.other_caches_on.is_empty() {
            return warning(format!("CPUs {} have other caches than CPU {}", self.other_caches_on, self.looked_at));
        }
        let (last, memory) = (self.last_level_bytes()?, self.available_memory()?);
        if memory < 4 * last {
            return note(format!("only {} of memory for a last cache of {}", bytes_long(memory), bytes_long(last)));
        }
        fine("the same on every CPU")
    }
}
