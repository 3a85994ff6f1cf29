//! Caches and TLBs: what they are, and which source is believed where two disagree.

use super::fact::{Absence, Source};
use super::root::Root;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a cache or TLB holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Data only.
    Data,
    /// Instructions only.
    Instruction,
    /// Both.
    Unified,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Data => "data",
            Self::Instruction => "instruction",
            Self::Unified => "unified",
        })
    }
}

/// One cache as one CPU sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cache {
    /// 1, 2, 3 …, from the CPU outwards.
    pub level: u8,
    /// What it holds.
    pub kind: Kind,
    /// Capacity in bytes.
    pub bytes: u64,
    /// Line in bytes; absent if the source does not tell.
    pub line: Option<u32>,
    /// Ways of associativity; equal to the number of lines if it is fully associative.
    pub ways: Option<u32>,
    /// Number of sets.
    pub sets: Option<u32>,
    /// How many CPUs share it.
    pub shared_by: Option<u32>,
    /// Where this was read.
    pub source: Source,
}

impl Cache {
    /// `L1d`, `L1i`, `L2`.
    #[must_use]
    pub fn name(&self) -> String {
        let kind = match self.kind {
            Kind::Data => "d",
            Kind::Instruction => "i",
            Kind::Unified => "",
        };
        format!("L{}{kind}", self.level)
    }

    /// Whether loads and stores of data go through it.
    #[must_use]
    pub fn holds_data(&self) -> bool {
        self.kind != Kind::Instruction
    }

    fn same_place(&self, other: &Self) -> bool {
        self.level == other.level && self.kind == other.kind
    }
}

/// One TLB as the CPU describes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Tlb {
    /// 1 or 2, from the CPU outwards.
    pub level: u8,
    /// What its pages hold.
    pub kind: Kind,
    /// The page size in bytes that these entries serve.
    pub page: u64,
    /// Number of entries.
    pub entries: u32,
    /// Ways of associativity; equal to `entries` if fully associative; absent if the CPU does not tell.
    pub ways: Option<u32>,
    /// Where this was read.
    pub source: Source,
}

/// Two sources that disagree about a cache, and which is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disagreement {
    /// The cache, such as `L3`.
    pub what: String,
    /// Capacity in bytes that is used.
    pub used: u64,
    /// Its source.
    pub used_source: Source,
    /// Capacity in bytes that is not used.
    pub other: u64,
    /// What said so.
    pub other_source: String,
    /// Why it is not used, in words.
    pub why: String,
}

/// What CPUID tells about caches and TLBs; empty where there is no CPUID.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CpuidGeometry {
    /// Leaf 4 (Intel) or 0x8000001D (AMD).
    pub caches: Vec<Cache>,
    /// Capacities in the old leaves 0x80000005 and 0x80000006, which `getconf` prints: (level, kind, bytes).
    pub legacy: Vec<(u8, Kind, u64)>,
    /// Leaf 0x18 (Intel) or 0x80000005, 0x80000006 and 0x80000019 (AMD); or the reason why there are none.
    pub tlbs: Option<Vec<Tlb>>,
}

/// The caches of `cpu`: sysfs first, CPUID where sysfs has none. Ascending by level, instruction before data.
pub(super) fn caches(root: &Root, cpu: u32, cpuid: &CpuidGeometry) -> (Result<Vec<Cache>, Absence>, Vec<Disagreement>) {
    let (mut used, absence) = match sysfs(root, cpu) {
        Ok(caches) if !caches.is_empty() => (caches, Absence::NotOffered),
        Ok(_) => (cpuid.caches.clone(), Absence::NotOffered),
        Err(reason) => (cpuid.caches.clone(), reason),
    };
    used.retain(|cache| cache.bytes > 0);
    used.sort_by_key(|cache| (cache.level, cache.kind != Kind::Instruction));
    if used.is_empty() {
        return (Err(absence), Vec::new());
    }
    let disagreements = disagreements(&used, cpuid);
    (Ok(used), disagreements)
}

fn sysfs(root: &Root, cpu: u32) -> Result<Vec<Cache>, Absence> {
    let folder = format!("sys/devices/system/cpu/cpu{cpu}/cache");
    let names = root.names(&folder);
    let indices = names.iter().filter(|name| name.starts_with("index"));
    let caches: Vec<Cache> = indices.filter_map(|name| one(root, &format!("{folder}/{name}"))).collect();
    if caches.is_empty() {
        // Arm kernels list caches whose size only the firmware could tell, and it did not.
        return Err(root.text(&format!("{folder}/index0/level")).err().unwrap_or(Absence::NotReported));
    }
    Ok(caches)
}

fn one(root: &Root, folder: &str) -> Option<Cache> {
    let number = |file: &str| root.number(&format!("{folder}/{file}")).ok();
    let small = |file: &str| number(file).and_then(|value| u32::try_from(value).ok()).filter(|&value| value > 0);
    let kind = match root.line(&format!("{folder}/type")).ok()?.as_str() {
        "Data" => Kind::Data,
        "Instruction" => Kind::Instruction,
        "Unified" => Kind::Unified,
        _ => return None,
    };
    let (line, sets, ways) = (small("coherency_line_size"), small("number_of_sets"), small("ways_of_associativity"));
    let product = || Some(u64::from(line?) * u64::from(sets?) * u64::from(ways?));
    let stated = root.line(&format!("{folder}/size")).ok().and_then(|text| crate::units::parse_bytes(&text));
    let shared = root.cpus(&format!("{folder}/shared_cpu_list")).ok().and_then(|cpus| u32::try_from(cpus.len()).ok());
    Some(Cache {
        level: number("level").and_then(|level| u8::try_from(level).ok())?,
        kind,
        bytes: stated.filter(|&bytes| bytes > 0).or_else(product)?,
        line,
        ways,
        sets,
        shared_by: shared.filter(|&count| count > 0),
        source: Source::Sysfs,
    })
}

fn disagreements(used: &[Cache], cpuid: &CpuidGeometry) -> Vec<Disagreement> {
    let direct = cpuid.caches.iter().map(|cache| (cache.level, cache.kind, cache.bytes, "cpuid leaf 4 / 0x8000001D"));
    let legacy = cpuid.legacy.iter().map(|&(level, kind, bytes)| (level, kind, bytes, "cpuid leaf 0x80000005/6"));
    let said = direct.chain(legacy).filter(|&(.., bytes, _)| bytes > 0);
    said.filter_map(|(level, kind, bytes, source)| {
        let cache = used.iter().find(|cache| cache.level == level && cache.kind == kind)?;
        (cache.bytes != bytes).then(|| Disagreement {
            what: cache.name(),
            used: cache.bytes,
            used_source: cache.source,
            other: bytes,
            other_source: source.to_owned(),
            why: why_not(source, cache.source).to_owned(),
        })
    })
    .collect()
}

fn why_not(other: &str, used: Source) -> &'static str {
    match (other.contains("0x80000005/6"), used) {
        (true, _) => "an old leaf, which getconf prints too, that does not tell what one core reaches",
        (false, _) => "sysfs is the kernel's view, with its corrections",
    }
}

/// Whether another CPU has other caches than `cpu`, as on hybrid or big.LITTLE machines.
pub(super) fn differing_cpus(root: &Root, cpu: u32, online: &[u32]) -> Vec<u32> {
    let Ok(own) = sysfs(root, cpu) else { return Vec::new() };
    let differs = |other: &u32| sysfs(root, *other).is_ok_and(|theirs| !same_caches(&own, &theirs));
    online.iter().copied().filter(|other| *other != cpu).filter(differs).collect()
}

fn same_caches(one: &[Cache], two: &[Cache]) -> bool {
    let same = |a: &Cache| two.iter().any(|b| a.same_place(b) && a.bytes == b.bytes && a.ways == b.ways);
    one.len() == two.len() && one.iter().all(same)
}
