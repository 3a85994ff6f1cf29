//! Memory, pages, NUMA, frequency, topology and what else of the system moves a measurement.

use super::cpuid::CpuidIdentity;
use super::fact::{Absence, Fact, Source};
use super::root::{Root, field};
use super::{cgroup, sys};
use serde::{Deserialize, Serialize};

/// Memory in bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// What the machine has.
    pub total: Fact<u64>,
    /// What can be had without swapping.
    pub available: Fact<u64>,
    /// What the control group may use.
    pub cgroup_limit: Fact<u64>,
    /// What of that is still free.
    pub cgroup_free: Fact<u64>,
    /// What this process may still map under its own limit (`ulimit -v`); `None` without one. Not a fact of the machine,
    /// so no file holds it.
    #[serde(skip)]
    pub process_free: Option<u64>,
}

impl Memory {
    pub(super) fn probe(root: &Root) -> Self {
        let text = root.text("proc/meminfo");
        let read = |name: &str| {
            let value = text.as_ref().map_err(|reason| *reason).and_then(|text| kibibytes(text, name));
            Fact::of(value, Source::Procfs)
        };
        let (cgroup_limit, cgroup_free) = cgroup::memory(root);
        // Before Linux 3.14 there is no MemAvailable; MemFree is the cautious answer.
        let available = read("MemAvailable").or(read("MemFree"));
        Self { total: read("MemTotal"), available, cgroup_limit, cgroup_free, process_free: process_free(root) }
    }

    /// Bytes that a run may take: the least of what is available and what the control group and the process's own limit
    /// leave.
    #[must_use]
    pub fn usable(&self) -> Option<u64> {
        let known = [self.available.value(), self.cgroup_free.value(), self.process_free.as_ref()];
        known.into_iter().flatten().copied().min()
    }
}

/// Bytes of address space that the process's limit leaves.
fn process_free(root: &Root) -> Option<u64> {
    let limits = root.text("proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    let limit: u64 = line.split_whitespace().next()?.parse().ok()?;
    let mapped = kibibytes(&root.text("proc/self/status").ok()?, "VmSize").ok()?;
    Some(limit.saturating_sub(mapped))
}

fn kibibytes(text: &str, name: &str) -> Result<u64, Absence> {
    let value = field(text, name).ok_or(Absence::NotOffered)?;
    let number = value.split_whitespace().next().and_then(|number| number.parse::<u64>().ok());
    number.and_then(|number| number.checked_mul(1024)).ok_or(Absence::Malformed)
}

/// One NUMA node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumaNode {
    /// Its number.
    pub id: u32,
    /// Its CPUs, as `0-3,8`.
    pub cpus: String,
    /// Its memory in bytes.
    pub bytes: Option<u64>,
}

pub(super) fn numa(root: &Root) -> Fact<Vec<NumaNode>> {
    let folder = "sys/devices/system/node";
    let names = root.names(folder);
    let ids = names.iter().filter_map(|name| name.strip_prefix("node")?.parse().ok());
    let mut nodes: Vec<NumaNode> = ids.map(|id| node(root, folder, id)).collect();
    nodes.sort_by_key(|node| node.id);
    if nodes.is_empty() {
        return Fact::absent(root.text(&format!("{folder}/node0/cpulist")).err().unwrap_or(Absence::Malformed));
    }
    Fact::known(nodes, Source::Sysfs)
}

fn node(root: &Root, folder: &str, id: u32) -> NumaNode {
    let text = root.text(&format!("{folder}/node{id}/meminfo")).unwrap_or_default();
    // Lines read `Node 0 MemTotal:  24684092 kB`.
    let line = text.lines().find(|line| line.contains("MemTotal:"));
    let number = line.and_then(|line| line.split_whitespace().rev().nth(1)?.parse::<u64>().ok());
    let cpus = root.cpus(&format!("{folder}/node{id}/cpulist")).unwrap_or_default();
    NumaNode { id, cpus: super::root::cpu_list(&cpus), bytes: number.and_then(|number| number.checked_mul(1024)) }
}

/// A pool of explicit huge pages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HugePool {
    /// Page size in bytes.
    pub page: u64,
    /// Pages reserved.
    pub total: u64,
    /// Pages free.
    pub free: u64,
}

/// Page sizes and policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pages {
    /// Bytes of a base page.
    pub base: Fact<u64>,
    /// Bytes of a transparent huge page.
    pub huge: Fact<u64>,
    /// `always`, `madvise` or `never`.
    pub transparent: Fact<String>,
    /// Explicit huge pages.
    pub pools: Fact<Vec<HugePool>>,
}

impl Pages {
    pub(super) fn probe(root: &Root, base: Option<u64>) -> Self {
        let folder = "sys/kernel/mm/transparent_hugepage";
        Self {
            base: Fact::of(base.ok_or(Absence::NotLinux), Source::Syscall),
            huge: root.number_fact(&format!("{folder}/hpage_pmd_size")),
            transparent: Fact::of(root.choice(&format!("{folder}/enabled")), Source::Sysfs),
            pools: pools(root),
        }
    }

    pub(super) fn live_base() -> Option<u64> {
        sys::page_bytes()
    }
}

fn pools(root: &Root) -> Fact<Vec<HugePool>> {
    let folder = "sys/kernel/mm/hugepages";
    let names = root.names(folder);
    if names.is_empty() {
        return Fact::absent(root.text(folder).err().unwrap_or(Absence::NotOffered));
    }
    let pool = |name: &String| {
        let kib: u64 = name.strip_prefix("hugepages-")?.strip_suffix("kB")?.parse().ok()?;
        let number = |file: &str| root.number(&format!("{folder}/{name}/{file}")).ok();
        Some(HugePool { page: kib.checked_mul(1024)?, total: number("nr_hugepages")?, free: number("free_hugepages")? })
    };
    let mut pools: Vec<HugePool> = names.iter().filter_map(pool).collect();
    pools.sort_by_key(|pool| pool.page);
    Fact::known(pools, Source::Sysfs)
}

/// How the CPU's frequency is ruled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frequency {
    /// Driver, such as `amd-pstate-epp`.
    pub driver: Fact<String>,
    /// Governor, such as `performance`.
    pub governor: Fact<String>,
    /// Energy-performance preference.
    pub preference: Fact<String>,
    /// Lowest frequency allowed, in kHz.
    pub min_khz: Fact<u64>,
    /// Highest frequency allowed, in kHz.
    pub max_khz: Fact<u64>,
    /// Whether it may go beyond its nominal frequency.
    pub boost: Fact<bool>,
}

impl Frequency {
    pub(super) fn probe(root: &Root, cpu: u32) -> Self {
        let file = |name: &str| format!("sys/devices/system/cpu/cpu{cpu}/cpufreq/{name}");
        let turbo = root.switch_fact("sys/devices/system/cpu/intel_pstate/no_turbo").map(|off| !off);
        Self {
            driver: root.line_fact(&file("scaling_driver")),
            governor: root.line_fact(&file("scaling_governor")),
            preference: root.line_fact(&file("energy_performance_preference")),
            min_khz: root.number_fact(&file("scaling_min_freq")),
            max_khz: root.number_fact(&file("scaling_max_freq")),
            boost: root.switch_fact("sys/devices/system/cpu/cpufreq/boost").or(turbo),
        }
    }
}

/// CPUs, cores and threads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topology {
    /// CPUs online, as `0-3,8`.
    pub online: Fact<String>,
    /// Number of CPUs online.
    pub cpus: Fact<u32>,
    /// Number of physical cores online.
    pub physical_cores: Fact<u32>,
    /// Whether a core runs more than one thread.
    pub smt: Fact<bool>,
    /// The CPUs that share the core of the CPU that was looked at, itself included.
    pub siblings: Fact<String>,
}

impl Topology {
    pub(super) fn probe(root: &Root, cpu: u32) -> (Self, Vec<u32>) {
        let online = root.cpus("sys/devices/system/cpu/online").or_else(|reason| from_cpuinfo(root).ok_or(reason));
        let listed = online.clone().unwrap_or_default();
        let source = if root.number("sys/devices/system/cpu/online").is_err_and(|r| r == Absence::NoSysfs) {
            Source::Procfs
        } else {
            Source::Sysfs
        };
        let siblings = |cpu: u32| siblings(root, cpu);
        let cores: Result<Vec<Vec<u32>>, Absence> = listed.iter().map(|&cpu| siblings(cpu)).collect();
        let cores = cores.map(|mut cores| {
            cores.sort_unstable();
            cores.dedup();
            cores
        });
        let cores = if listed.is_empty() { online.clone().map(|_| Vec::new()) } else { cores };
        let topology = Self {
            online: Fact::of(online.clone().map(|cpus| super::root::cpu_list(&cpus)), source),
            cpus: Fact::of(online.map(|cpus| count(cpus.len())), source),
            physical_cores: Fact::of(cores.clone().map(|cores| count(cores.len())), Source::Sysfs),
            smt: Fact::of(cores.map(|cores| cores.iter().any(|core| core.len() > 1)), Source::Sysfs),
            siblings: Fact::of(siblings(cpu).map(|cpus| super::root::cpu_list(&cpus)), Source::Sysfs),
        };
        (topology, listed)
    }
}

fn siblings(root: &Root, cpu: u32) -> Result<Vec<u32>, Absence> {
    let folder = format!("sys/devices/system/cpu/cpu{cpu}/topology");
    root.cpus(&format!("{folder}/core_cpus_list")).or_else(|_| root.cpus(&format!("{folder}/thread_siblings_list")))
}

fn from_cpuinfo(root: &Root) -> Option<Vec<u32>> {
    let text = root.text("proc/cpuinfo").ok()?;
    let numbers = text.lines().filter_map(|line| line.split_once(':').filter(|(name, _)| name.trim() == "processor"));
    let cpus: Vec<u32> = numbers.filter_map(|(_, number)| number.trim().parse().ok()).collect();
    (!cpus.is_empty()).then_some(cpus)
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

/// What of the system moves a measurement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct System {
    /// Kernel release.
    pub kernel: Fact<String>,
    /// `none`, `kvm`, `xen`, `vmware`, `hyperv`, `qemu`, `bhyve`, … or `unknown`.
    pub hypervisor: Fact<String>,
    /// CPUs' worth of time that the control group may use.
    pub cpu_quota: Fact<f64>,
    /// The kernel's clock source, such as `tsc`.
    pub clock_source: Fact<String>,
    /// Address-space randomisation: 0 off, 1 partly, 2 fully.
    pub aslr: Fact<u64>,
    /// Whether the kernel moves pages between NUMA nodes by itself.
    pub numa_balancing: Fact<bool>,
    /// Load average over one minute.
    pub load: Fact<f64>,
    /// What the kernel does against each vulnerability that this CPU has, as `name: what`.
    pub mitigations: Fact<Vec<String>>,
}

impl System {
    pub(super) fn probe(root: &Root, cpuid: &CpuidIdentity) -> Self {
        Self {
            kernel: root.line_fact("proc/sys/kernel/osrelease"),
            hypervisor: hypervisor(root, cpuid),
            cpu_quota: cgroup::cpu_quota(root),
            clock_source: root.line_fact("sys/devices/system/clocksource/clocksource0/current_clocksource"),
            aslr: root.number_fact("proc/sys/kernel/randomize_va_space"),
            numa_balancing: root.switch_fact("proc/sys/kernel/numa_balancing"),
            load: load(root),
            mitigations: mitigations(root),
        }
    }
}

/// The load average over one minute.
pub(super) fn load(root: &Root) -> Fact<f64> {
    let line = root.line("proc/loadavg");
    let first = line.and_then(|line| line.split(' ').next().and_then(|n| n.parse().ok()).ok_or(Absence::Malformed));
    Fact::of(
        first.and_then(|load: f64| if load.is_finite() { Ok(load) } else { Err(Absence::Malformed) }),
        Source::Procfs,
    )
}

fn mitigations(root: &Root) -> Fact<Vec<String>> {
    let folder = "sys/devices/system/cpu/vulnerabilities";
    let names = root.names(folder);
    if names.is_empty() {
        return Fact::absent(root.text(folder).err().unwrap_or(Absence::NotOffered));
    }
    let state = |name: &String| {
        let state = root.line(&format!("{folder}/{name}")).ok().filter(|state| state != "Not affected")?;
        Some(super::root::plain(&format!("{name}: {state}")))
    };
    Fact::known(names.iter().filter_map(state).collect(), Source::Sysfs)
}

fn hypervisor(root: &Root, cpuid: &CpuidIdentity) -> Fact<String> {
    if let Some(told) = &cpuid.hypervisor {
        return Fact::known(told.clone().unwrap_or_else(|| "none".to_owned()), Source::Cpuid);
    }
    let xen = root.line("sys/hypervisor/type").map(|kind| kind.to_ascii_lowercase());
    let tree = root.line("proc/device-tree/hypervisor/compatible");
    let firmware = ["sys_vendor", "product_name"].map(|file| root.line(&format!("sys/class/dmi/id/{file}")));
    match (xen, tree, firmware.into_iter().flatten().find_map(|name| known_maker(&name))) {
        (Ok(kind), ..) => Fact::known(kind, Source::Sysfs),
        (_, Ok(compatible), _) => Fact::known(device_tree(&compatible), Source::Procfs),
        (.., Some(kind)) => Fact::known(kind.to_owned(), Source::Sysfs),
        _ => from_flags(root),
    }
}

fn device_tree(compatible: &str) -> String {
    let known = ["kvm", "xen", "qemu", "vmware"].into_iter().find(|kind| compatible.contains(kind));
    known.unwrap_or("unknown").to_owned()
}

/// Firmware names that only virtual machines have.
fn known_maker(name: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    [("kvm", "kvm"), ("qemu", "qemu"), ("vmware", "vmware"), ("bhyve", "bhyve"), ("virtual machine", "hyperv")]
        .into_iter()
        .find_map(|(word, kind)| lower.contains(word).then_some(kind))
}

/// x86 kernels show the hypervisor bit among the flags, without the name.
fn from_flags(root: &Root) -> Fact<String> {
    let flags = root.text("proc/cpuinfo").and_then(|text| {
        field(&text, "flags").map(|flags| flags.split(' ').any(|flag| flag == "hypervisor")).ok_or(Absence::NotReported)
    });
    Fact::of(flags.map(|virtual_| if virtual_ { "unknown" } else { "none" }.to_owned()), Source::Procfs)
}
