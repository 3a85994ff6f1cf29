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
    use raw_cpuid::{
        Associativity, CacheParameter, CacheType, CpuId, CpuIdReader, CpuIdReaderNative, DatType, Hypervisor,
    };

    pub(super) fn read() -> Cpuid {
        decode(CpuIdReaderNative)
    }

    pub(super) fn decode<R: CpuIdReader + Clone>(reader: R) -> Cpuid {
        let cpuid = CpuId::with_cpuid_reader(reader.clone());
        let identity = identity(&cpuid);
        let unit = if amd_vendor(&cpuid) { l2_tlb_unit(&reader, identity.family) } else { 1 };
        Cpuid { geometry: geometry(&cpuid, unit), identity }
    }

    /// Since Zen 5 (family 1Ah) AMD counts second-level TLBs in units of 32 and says so in Fn8000_0021 EAX bit 14
    /// (L2TlbSizeX32, AMD APM 3, 24594). Hypervisors hide the bit and pass the small number on, hence the family.
    fn l2_tlb_unit<R: CpuIdReader>(reader: &R, family: Option<u32>) -> u16 {
        let told = reader.cpuid1(0x8000_0000).eax >= 0x8000_0021;
        let bit = told && reader.cpuid1(0x8000_0021).eax >> 14 & 1 == 1;
        if bit || family == Some(0x1a) { 32 } else { 1 }
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

    fn geometry<R: CpuIdReader + Clone>(cpuid: &CpuId<R>, l2_unit: u16) -> CpuidGeometry {
        let caches = cpuid.get_cache_parameters().map(|leaf| leaf.filter_map(|cache| one(&cache)).collect());
        let caches = caches.map(|caches: Vec<Cache>| if amd_vendor(cpuid) { caches } else { without_sharing(caches) });
        CpuidGeometry { caches: caches.unwrap_or_default(), legacy: legacy(cpuid), tlbs: tlbs(cpuid, l2_unit) }
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

    fn tlbs<R: CpuIdReader + Clone>(cpuid: &CpuId<R>, l2_unit: u16) -> Option<Vec<Tlb>> {
        let mut found = amd(cpuid, l2_unit);
        found.extend(intel(cpuid));
        found.retain(|tlb| tlb.entries > 0);
        found.sort_by_key(|tlb| (tlb.level, tlb.kind as u8, tlb.page));
        (!found.is_empty()).then_some(found)
    }

    const SIZES: [u64; 3] = [4 << 10, 2 << 20, 1 << 30];

    fn amd<R: CpuIdReader>(cpuid: &CpuId<R>, l2_unit: u16) -> Vec<Tlb> {
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
            add(2, Kind::Data, SIZES[0], l2.dtlb_4k_size().saturating_mul(l2_unit), l2.dtlb_4k_associativity());
            add(2, Kind::Data, SIZES[1], l2.dtlb_2m_4m_size().saturating_mul(l2_unit), l2.dtlb_2m_4m_associativity());
            add(2, Kind::Instruction, SIZES[0], l2.itlb_4k_size().saturating_mul(l2_unit), l2.itlb_4k_associativity());
            add(
                2,
                Kind::Instruction,
                SIZES[1],
                l2.itlb_2m_4m_size().saturating_mul(l2_unit),
                l2.itlb_2m_4m_associativity(),
            );
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

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::imp::decode;
    use super::*;
    use crate::host::geometry::{Cache, Kind, Tlb};
    use raw_cpuid::{CpuIdReader, CpuIdResult};

    /// Registers by leaf and sub-leaf; all others are zero.
    #[derive(Clone)]
    struct Registers(&'static [(u32, u32, [u32; 4])]);

    impl CpuIdReader for Registers {
        fn cpuid2(&self, leaf: u32, sub_leaf: u32) -> CpuIdResult {
            let found = self.0.iter().find(|(l, s, _)| (*l, *s) == (leaf, sub_leaf));
            let [eax, ebx, ecx, edx] = found.map_or([0; 4], |(.., registers)| *registers);
            CpuIdResult { eax, ebx, ecx, edx }
        }
    }

    /// Read on a guest of a Zen 5 EPYC.
    const ZEN5: Registers = Registers(&[
        (0, 0, [0x10, 0x6874_7541, 0x444d_4163, 0x6974_6e65]),
        (1, 0, [0x00b0_0f21, 0x0102_0800, 0xfffa_3203, 0x178b_fbff]),
        (0x4000_0000, 0, [0x4000_0001, 0x4b4d_564b, 0x564b_4d56, 0x4d]),
        (0x8000_0000, 0, [0x8000_0021, 0x6874_7541, 0x444d_4163, 0x6974_6e65]),
        (0x8000_0001, 0, [0x00b0_0f21, 0, 0x0040_0000, 0]),
        (0x8000_0005, 0, [0xff60_ff40, 0xff60_ff40, 0x300c_0140, 0x2008_0140]),
        (0x8000_0006, 0, [0x4080_2040, 0x6080_4040, 0x0400_8140, 0x0c00_9140]),
        (0x8000_001d, 0, [0x0121, 0x02c0_003f, 0x3f, 0]),
        (0x8000_001d, 1, [0x0122, 0x01c0_003f, 0x3f, 0]),
        (0x8000_001d, 2, [0x0143, 0x03c0_003f, 0x3ff, 2]),
        (0x8000_001d, 3, [0x4163, 0x03c0_003f, 0x7fff, 1]),
        (0x8000_0021, 0, [0x0204, 0, 0x86, 0]),
    ]);

    /// An Ice Lake server, as its manual gives the fields of leaf 4 and leaf 18H.
    const ICE_LAKE: Registers = Registers(&[
        (0, 0, [0x1b, 0x756e_6547, 0x6c65_746e, 0x4965_6e69]),
        (1, 0, [0x0006_06a6, 0, 0, 0]),
        (4, 0, [0x0000_4121, 0x02c0_003f, 0x3f, 0]),
        (4, 1, [0x0000_4122, 0x01c0_003f, 0x3f, 0]),
        (4, 2, [0x0000_4143, 0x04c0_003f, 0x3ff, 0]),
        (4, 3, [0x000f_c163, 0x02c0_003f, 0x1_1fff, 0]),
        (0x18, 0, [2, 0, 0, 0]),
        (0x18, 1, [0, 0x0004_0001, 16, 0x21]),
        (0x18, 2, [0, 0x000c_0003, 128, 0x43]),
        (0x8000_0000, 0, [0x8000_0008, 0, 0, 0]),
    ]);

    fn sizes(caches: &[Cache]) -> Vec<(u8, Kind, u64)> {
        caches.iter().map(|cache| (cache.level, cache.kind, cache.bytes)).collect()
    }

    fn data(tlbs: &[Tlb]) -> Vec<(u8, u64, u32, Option<u32>)> {
        let data = tlbs.iter().filter(|tlb| tlb.kind != Kind::Instruction);
        data.map(|tlb| (tlb.level, tlb.page, tlb.entries, tlb.ways)).collect()
    }

    #[test]
    fn a_zen_5_guest_has_its_4096_entries_although_the_hypervisor_hides_their_unit() {
        let Cpuid { identity, geometry } = decode(ZEN5);
        assert_eq!(identity.vendor.as_deref(), Some("AuthenticAMD"));
        assert_eq!((identity.family, identity.model, identity.stepping), (Some(0x1a), Some(2), Some(1)));
        assert_eq!(identity.hypervisor, Some(Some("kvm".to_owned())));
        let (kib, mib) = (1 << 10, 1 << 20);
        let expected = [
            (1, Kind::Data, 48 * kib),
            (1, Kind::Instruction, 32 * kib),
            (2, Kind::Unified, mib),
            (3, Kind::Unified, 32 * mib),
        ];
        assert_eq!(sizes(&geometry.caches), expected);
        assert_eq!(geometry.caches[3].shared_by, Some(2));
        assert!(geometry.legacy.contains(&(3, Kind::Unified, 384 * mib)));
        let expected = [
            (1, 4 * kib, 96, Some(96)),
            (1, 2 * mib, 96, Some(96)),
            (2, 4 * kib, 4096, Some(8)),
            (2, 2 * mib, 4096, Some(4)),
        ];
        assert_eq!(data(&geometry.tlbs.unwrap()), expected);
    }

    #[test]
    fn intel_tells_no_number_of_sharers_but_its_tlbs_in_a_leaf_of_their_own() {
        let Cpuid { identity, geometry } = decode(ICE_LAKE);
        assert_eq!((identity.family, identity.model, identity.hypervisor), (Some(6), Some(0x6a), Some(None)));
        assert_eq!(sizes(&geometry.caches)[2..], [(2, Kind::Unified, 1280 << 10), (3, Kind::Unified, 54 << 20)]);
        assert!(geometry.caches.iter().all(|cache| cache.shared_by.is_none()));
        let expected = [(1, 4 << 10, 64, Some(4)), (2, 4 << 10, 1536, Some(12)), (2, 2 << 20, 1536, Some(12))];
        assert_eq!(data(&geometry.tlbs.unwrap()), expected);
    }

    #[test]
    fn a_cpu_that_tells_nothing_has_nothing() {
        let nothing = decode(Registers(&[]));
        assert_eq!(nothing.geometry, CpuidGeometry::default());
    }
}
