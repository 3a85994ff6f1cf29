//! What the CPUID instruction says: identity, caches, TLBs, hypervisor. Elsewhere than on x86: nothing.

use super::geometry::CpuidGeometry;

/// Identity as CPUID gives it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CpuidIdentity {
    /// `AuthenticAMD`, `GenuineIntel`.
    pub vendor: Option<String>,
    /// Family with the extended family added.
    pub family: Option<u32>,
    /// Model with the extended model in front.
    pub model: Option<u32>,
    /// Stepping.
    pub stepping: Option<u32>,
    /// The brand string.
    pub name: Option<String>,
    /// `Some(None)`: the hypervisor bit is clear; `Some(Some(kind))`: it is set.
    pub hypervisor: Option<Option<String>>,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cpuid {
    /// Who the CPU is.
    pub identity: CpuidIdentity,
    /// Its caches and TLBs.
    pub geometry: CpuidGeometry,
}

/// Asks the CPU that this thread runs on.
#[must_use]
pub(super) fn read() -> Cpuid {
    imp::read()
}

#[cfg(not(target_arch = "x86_64"))]
mod imp {
    pub(super) fn read() -> super::Cpuid {
        super::Cpuid::default()
    }
}

#[cfg(target_arch = "x86_64")]
mod imp {
    use super::{Cpuid, CpuidGeometry, CpuidIdentity};
    use crate::host::fact::Source;
    use crate::host::geometry::{Cache, Kind, Tlb};
    use crate::host::root::plain;
    use raw_cpuid::{Associativity, CacheParameter, CacheType, CpuId, CpuIdReader, DatType, Hypervisor};

    pub(super) fn read() -> Cpuid {
        let cpuid = CpuId::new();
        Cpuid { identity: identity(&cpuid), geometry: geometry(&cpuid) }
    }

    fn identity<R: CpuIdReader>(cpuid: &CpuId<R>) -> CpuidIdentity {
        let feature = cpuid.get_feature_info();
        let name = cpuid.get_processor_brand_string().map(|brand| plain(brand.as_str()));
        CpuidIdentity {
            vendor: cpuid.get_vendor_info().map(|vendor| plain(vendor.as_str())),
            family: feature.as_ref().map(|f| u32::from(f.family_id())),
            model: feature.as_ref().map(|f| u32::from(f.model_id())),
            stepping: feature.as_ref().map(|f| u32::from(f.stepping_id())),
            name: name.filter(|name| !name.is_empty()),
            hypervisor: feature.map(|f| f.has_hypervisor().then(|| hypervisor(cpuid))),
        }
    }

    fn hypervisor<R: CpuIdReader>(cpuid: &CpuId<R>) -> String {
        let name = match cpuid.get_hypervisor_info().map(|info| info.identify()) {
            Some(Hypervisor::KVM) => "kvm",
            Some(Hypervisor::Xen) => "xen",
            Some(Hypervisor::VMware) => "vmware",
            Some(Hypervisor::HyperV) => "hyperv",
            Some(Hypervisor::QEMU) => "qemu",
            Some(Hypervisor::Bhyve) => "bhyve",
            Some(Hypervisor::QNX) => "qnx",
            Some(Hypervisor::ACRN) => "acrn",
            Some(Hypervisor::Unknown(..)) | None => "unknown",
        };
        name.to_owned()
    }

    fn geometry<R: CpuIdReader + Clone>(cpuid: &CpuId<R>) -> CpuidGeometry {
        let caches = cpuid.get_cache_parameters().map(|leaf| leaf.filter_map(|cache| one(&cache)).collect());
        let caches = caches.map(|caches: Vec<Cache>| if amd_vendor(cpuid) { caches } else { without_sharing(caches) });
        CpuidGeometry { caches: caches.unwrap_or_default(), legacy: legacy(cpuid), tlbs: tlbs(cpuid) }
    }

    fn amd_vendor<R: CpuIdReader>(cpuid: &CpuId<R>) -> bool {
        cpuid.get_vendor_info().is_some_and(|vendor| matches!(vendor.as_str(), "AuthenticAMD" | "HygonGenuine"))
    }

    /// Intel's leaf 4 gives the number of addressable ids, rounded up to a power of two: an upper bound, no count.
    fn without_sharing(caches: Vec<Cache>) -> Vec<Cache> {
        caches.into_iter().map(|cache| Cache { shared_by: None, ..cache }).collect()
    }

    fn one(cache: &CacheParameter) -> Option<Cache> {
        let kind = match cache.cache_type() {
            CacheType::Data => Kind::Data,
            CacheType::Instruction => Kind::Instruction,
            CacheType::Unified => Kind::Unified,
            _ => return None,
        };
        let (line, ways) = (cache.coherency_line_size(), cache.associativity());
        let lines = cache.sets() as u64 * ways as u64 * cache.physical_line_partitions() as u64;
        Some(Cache {
            level: cache.level(),
            kind,
            bytes: lines * line as u64,
            line: u32::try_from(line).ok(),
            ways: u32::try_from(ways).ok(),
            sets: u32::try_from(cache.sets()).ok(),
            shared_by: u32::try_from(cache.max_cores_for_cache()).ok(),
            source: Source::Cpuid,
        })
    }

    fn legacy<R: CpuIdReader>(cpuid: &CpuId<R>) -> Vec<(u8, Kind, u64)> {
        let mut said = Vec::new();
        if let Some(l1) = cpuid.get_l1_cache_and_tlb_info() {
            said.push((1, Kind::Data, u64::from(l1.dcache_size()) << 10));
            said.push((1, Kind::Instruction, u64::from(l1.icache_size()) << 10));
        }
        if let Some(outer) = cpuid.get_l2_l3_cache_and_tlb_info() {
            said.push((2, Kind::Unified, u64::from(outer.l2cache_size()) << 10));
            said.push((3, Kind::Unified, u64::from(outer.l3cache_size()) << 19));
        }
        said.retain(|&(.., bytes)| bytes > 0);
        said
    }

    fn tlbs<R: CpuIdReader + Clone>(cpuid: &CpuId<R>) -> Option<Vec<Tlb>> {
        let mut found = amd(cpuid);
        found.extend(intel(cpuid));
        found.retain(|tlb| tlb.entries > 0);
        found.sort_by_key(|tlb| (tlb.level, tlb.kind as u8, tlb.page));
        (!found.is_empty()).then_some(found)
    }

    const SIZES: [u64; 3] = [4 << 10, 2 << 20, 1 << 30];

    fn amd<R: CpuIdReader>(cpuid: &CpuId<R>) -> Vec<Tlb> {
        let mut found = Vec::new();
        let mut add = |level, kind, page, entries: u16, ways: Associativity| {
            found.push(tlb(level, kind, page, u32::from(entries), associativity(ways, entries)));
        };
        if let Some(l1) = cpuid.get_l1_cache_and_tlb_info() {
            add(1, Kind::Data, SIZES[0], l1.dtlb_4k_size().into(), l1.dtlb_4k_associativity());
            add(1, Kind::Data, SIZES[1], l1.dtlb_2m_4m_size().into(), l1.dtlb_2m_4m_associativity());
            add(1, Kind::Instruction, SIZES[0], l1.itlb_4k_size().into(), l1.itlb_4k_associativity());
            add(1, Kind::Instruction, SIZES[1], l1.itlb_2m_4m_size().into(), l1.itlb_2m_4m_associativity());
        }
        // Intel fills the cache half of this leaf only; its TLB sizes are then 0 and dropped.
        if let Some(l2) = cpuid.get_l2_l3_cache_and_tlb_info() {
            add(2, Kind::Data, SIZES[0], l2.dtlb_4k_size(), l2.dtlb_4k_associativity());
            add(2, Kind::Data, SIZES[1], l2.dtlb_2m_4m_size(), l2.dtlb_2m_4m_associativity());
            add(2, Kind::Instruction, SIZES[0], l2.itlb_4k_size(), l2.itlb_4k_associativity());
            add(2, Kind::Instruction, SIZES[1], l2.itlb_2m_4m_size(), l2.itlb_2m_4m_associativity());
        }
        if let Some(big) = cpuid.get_tlb_1gb_page_info() {
            add(1, Kind::Data, SIZES[2], big.dtlb_l1_1gb_size().into(), big.dtlb_l1_1gb_associativity());
            add(2, Kind::Data, SIZES[2], big.dtlb_l2_1gb_size().into(), big.dtlb_l2_1gb_associativity());
        }
        found
    }

    fn tlb(level: u8, kind: Kind, page: u64, entries: u32, ways: Option<u32>) -> Tlb {
        Tlb { level, kind, page, entries, ways, source: Source::Cpuid }
    }

    fn associativity(ways: Associativity, entries: u16) -> Option<u32> {
        match ways {
            Associativity::DirectMapped => Some(1),
            Associativity::NWay(ways) => Some(ways.into()),
            Associativity::FullyAssociative => Some(entries.into()),
            Associativity::Disabled | Associativity::Unknown => None,
        }
    }

    fn intel<R: CpuIdReader + Clone>(cpuid: &CpuId<R>) -> Vec<Tlb> {
        let Some(leaf) = cpuid.get_deterministic_address_translation_info() else { return Vec::new() };
        let mut found = Vec::new();
        for entry in leaf {
            let kind = match entry.cache_type() {
                DatType::DataTLB | DatType::LoadOnly | DatType::StoreOnly => Kind::Data,
                DatType::InstructionTLB => Kind::Instruction,
                DatType::UnifiedTLB => Kind::Unified,
                _ => continue,
            };
            let ways = u32::from(entry.ways());
            let served = [entry.has_4k_entries(), entry.has_2mb_entries(), entry.has_1gb_entries()];
            for (page, _) in SIZES.into_iter().zip(served).filter(|(_, serves)| *serves) {
                found.push(tlb(entry.cache_level(), kind, page, ways * entry.sets(), Some(ways)));
            }
        }
        found
    }
}
