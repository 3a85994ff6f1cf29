//! Caches of common CPUs, for a what-if on one that is not at hand: what one core reaches.

use super::geometry::{Geometry, GeometryError};
use crate::units::unknown;

/// A CPU: name, what it is, caches, TLBs for pages of 4 KiB (empty where its manual was not at hand), source.
#[derive(Clone, Copy, Debug)]
pub struct Cpu {
    /// As on the command line.
    pub name: &'static str,
    /// What it is.
    pub what: &'static str,
    caches: &'static str,
    tlbs: &'static str,
    /// Where the figures are published.
    pub source: &'static str,
}

/// Every CPU that is known by name. Shared last levels are given whole, as one core can use them.
pub const CPUS: &[Cpu] = &[
    Cpu {
        name: "zen2",
        what: "AMD EPYC 7002, Ryzen 3000",
        caches: "l1=32K:8,l2=512K:8,l3=16M:16",
        tlbs: "l1=64,l2=2048:16",
        source: "AMD 56305, Software Optimization Guide for Family 17h Models 30h and Greater, 2.6 and 2.7",
    },
    Cpu {
        name: "zen3",
        what: "AMD EPYC 7003, Ryzen 5000",
        caches: "l1=32K:8,l2=512K:8,l3=32M:16",
        tlbs: "l1=64,l2=2048:8",
        source: "AMD 56665, Software Optimization Guide for Family 19h; TLB ways by CPUID 8000_0006h",
    },
    Cpu {
        name: "zen4",
        what: "AMD EPYC 9004, Ryzen 7000",
        caches: "l1=32K:8,l2=1M:8,l3=32M:16",
        tlbs: "",
        source: "AMD 57647, Software Optimization Guide for the AMD Zen4 Microarchitecture, 2.6",
    },
    Cpu {
        name: "zen5",
        what: "AMD EPYC 9005, Ryzen 9000",
        caches: "l1=48K:12,l2=1M:16,l3=32M:16",
        tlbs: "",
        source: "AMD 58455, Software Optimization Guide for the AMD Zen5 Microarchitecture, 2.6",
    },
    Cpu {
        name: "skylake-server",
        what: "Intel Xeon Scalable, first and second generation, 28 cores",
        caches: "l1=32K:8,l2=1M:16,l3=39424K:11",
        tlbs: "l1=64:4,l2=1536:12",
        source: "Intel 248966, Optimization Reference Manual, Skylake Server Microarchitecture",
    },
    Cpu {
        name: "icelake-server",
        what: "Intel Xeon Scalable, third generation, 40 cores",
        caches: "l1=48K:12,l2=1280K:20,l3=60M:12",
        tlbs: "",
        source: "Intel 248966, Optimization Reference Manual, Ice Lake microarchitecture; 1.5 MB of last level per core",
    },
    Cpu {
        name: "sapphire-rapids",
        what: "Intel Xeon Scalable, fourth generation, 56 cores",
        caches: "l1=48K:12,l2=2M:16,l3=105M:15",
        tlbs: "",
        source: "Intel 248966, Optimization Reference Manual, Golden Cove; 1.875 MB of last level per core",
    },
    Cpu {
        name: "alder-lake-p",
        what: "Intel Core i9-12900K, performance core",
        caches: "l1=48K:12,l2=1280K:10,l3=30M:12",
        tlbs: "",
        source: "Intel 248966, Optimization Reference Manual, Golden Cove; 3 MB of last level per core or cluster",
    },
    Cpu {
        name: "neoverse-n1",
        what: "Arm Neoverse N1 with 1 MiB of L2, without a system cache",
        caches: "l1=64K:4,l2=1M:8",
        tlbs: "l1=48,l2=1280:5",
        source: "Arm 100616, Neoverse N1 Technical Reference Manual, A5 and A6",
    },
    Cpu {
        name: "apple-m1-p",
        what: "Apple M1, performance core, lines of 128 bytes",
        caches: "l1=128K:8:128,l2=12M:12:128",
        tlbs: "",
        source: "sysctl hw.perflevel0 on the machine: l1dcachesize, l2cachesize, cachelinesize; ways as Dougall Johnson measured",
    },
];

impl Geometry {
    /// The caches of a CPU by name.
    ///
    /// # Errors
    /// A message that lists the names.
    pub fn of_cpu(name: &str) -> Result<Self, GeometryError> {
        let cpu = CPUS.iter().find(|cpu| cpu.name == name).ok_or_else(|| {
            let names: Vec<&str> = CPUS.iter().map(|cpu| cpu.name).collect();
            GeometryError(unknown("CPU", name, &names))
        })?;
        let tlbs = if cpu.tlbs.is_empty() { Vec::new() } else { Self::parse_tlbs(cpu.tlbs)? };
        Self::new(Self::parse_caches(cpu.caches)?, tlbs, 4096, cpu.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cpu_of_the_table_is_a_geometry() {
        for cpu in CPUS {
            let geometry = Geometry::of_cpu(cpu.name).unwrap_or_else(|error| panic!("{}: {error}", cpu.name));
            assert!(geometry.levels.len() >= 2 && !cpu.source.is_empty());
        }
        assert!(Geometry::of_cpu("zen9").unwrap_err().to_string().contains("zen4"));
    }
}
