//! The machine class (which machines may be compared) and the machine state (what to warn of when it differs).

use super::Host;
use super::fact::Absence;
use super::geometry::{Cache, Kind};
use super::system::HugePool;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// A cache as the class knows it: no source, since two ways of reading it are one machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassCache {
    /// Level.
    pub level: u8,
    /// What it holds.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Capacity in bytes.
    pub bytes: u64,
    /// Ways.
    pub ways: Option<u32>,
    /// Line in bytes.
    pub line: Option<u32>,
    /// Sets.
    pub sets: Option<u32>,
    /// CPUs that share it.
    pub shared_by: Option<u32>,
}

impl From<&Cache> for ClassCache {
    fn from(cache: &Cache) -> Self {
        let Cache { level, kind, bytes, ways, line, sets, shared_by, .. } = *cache;
        Self { level, kind, bytes, ways, line, sets, shared_by }
    }
}

/// What makes two machines one class. Every field feeds [`MachineClass::id`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineClass {
    /// Architecture.
    pub arch: String,
    /// Vendor of the CPU.
    pub vendor: Option<String>,
    /// Family.
    pub family: Option<u32>,
    /// Model.
    pub model: Option<u32>,
    /// Stepping.
    pub stepping: Option<u32>,
    /// The CPU's name.
    pub model_name: Option<String>,
    /// Caches.
    pub caches: Vec<ClassCache>,
    /// Bytes of a base page.
    pub page_bytes: Option<u64>,
    /// Whether cores run more than one thread.
    pub smt: Option<bool>,
    /// Physical cores online.
    pub physical_cores: Option<u32>,
    /// Kind of hypervisor, or `none`.
    pub hypervisor: Option<String>,
}

impl MachineClass {
    /// Sixteen hexadecimal digits of SHA-256 over `stridewise.class 1`, a newline, and this class as compact JSON
    /// with its fields in declaration order. The same in every version with the same first line.
    #[must_use]
    pub fn id(&self) -> String {
        let json = serde_json::to_string(self).unwrap_or_default();
        let digest = Sha256::digest(format!("stridewise.class 1\n{json}"));
        digest.iter().take(8).fold(String::new(), |mut id, byte| {
            // Writing to a String cannot fail.
            let _ = write!(id, "{byte:02x}");
            id
        })
    }
}

/// What may differ between runs on one class of machine; each value is null only with its reason beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of `Host`; `x_absent` is why `x` is null")]
pub struct MachineState {
    pub microcode: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub microcode_absent: Option<Absence>,
    pub kernel: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel_absent: Option<Absence>,
    pub governor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub governor_absent: Option<Absence>,
    pub boost: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boost_absent: Option<Absence>,
    pub thp: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thp_absent: Option<Absence>,
    pub hugepages: Option<Vec<HugePool>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hugepages_absent: Option<Absence>,
    pub numa_nodes: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numa_nodes_absent: Option<Absence>,
    pub mem_total: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mem_total_absent: Option<Absence>,
    pub cgroup_cpu_quota: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cgroup_cpu_quota_absent: Option<Absence>,
    /// The affinity mask at start, as `0-3,8`.
    pub affinity: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub affinity_absent: Option<Absence>,
    pub mitigations: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mitigations_absent: Option<Absence>,
}

impl Host {
    /// The identity of this class of machines.
    #[must_use]
    pub fn machine_class(&self) -> MachineClass {
        MachineClass {
            arch: self.cpu.arch.clone(),
            vendor: self.cpu.vendor.value().cloned(),
            family: self.cpu.family.value().copied(),
            model: self.cpu.model.value().copied(),
            stepping: self.cpu.stepping.value().copied(),
            model_name: self.cpu.name.value().cloned(),
            caches: self.caches.iter().map(ClassCache::from).collect(),
            page_bytes: self.pages.base.value().copied(),
            smt: self.topology.smt.value().copied(),
            physical_cores: self.topology.physical_cores.value().copied(),
            hypervisor: self.system.hypervisor.value().cloned(),
        }
    }

    /// The state that this machine is in.
    #[must_use]
    pub fn machine_state(&self) -> MachineState {
        let (microcode, microcode_absent) = self.cpu.microcode.split();
        let (kernel, kernel_absent) = self.system.kernel.split();
        let (governor, governor_absent) = self.frequency.governor.split();
        let (boost, boost_absent) = self.frequency.boost.split();
        let (thp, thp_absent) = self.pages.transparent.split();
        let (hugepages, hugepages_absent) = self.pages.pools.split();
        let nodes = self.numa.clone().map(|nodes| u32::try_from(nodes.len()).unwrap_or(u32::MAX));
        let (numa_nodes, numa_nodes_absent) = nodes.split();
        let (mem_total, mem_total_absent) = self.memory.total.split();
        let (cgroup_cpu_quota, cgroup_cpu_quota_absent) = self.system.cpu_quota.split();
        let (affinity, affinity_absent) = self.affinity.split();
        let (mitigations, mitigations_absent) = self.system.mitigations.split();
        MachineState {
            microcode,
            microcode_absent,
            kernel,
            kernel_absent,
            governor,
            governor_absent,
            boost,
            boost_absent,
            thp,
            thp_absent,
            hugepages,
            hugepages_absent,
            numa_nodes,
            numa_nodes_absent,
            mem_total,
            mem_total_absent,
            cgroup_cpu_quota,
            cgroup_cpu_quota_absent,
            affinity,
            affinity_absent,
            mitigations,
            mitigations_absent,
        }
    }
}
