//! Probes of other machines, from trees of /sys and /proc kept as text.

use std::path::Path;
use stridewise::host::{Absence, Cpuid, CpuidIdentity, Fact, Host, Kind, Level, Root, Seen, Source};
use tempfile::TempDir;

/// Writes the files of `tests/data/host/NAME.txt`: each starts with a line `=== path`.
fn tree(name: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(Path::new("tests/data/host").join(format!("{name}.txt"))).unwrap();
    for part in text.split("=== ").skip(1) {
        let (path, content) = part.split_once('\n').unwrap();
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    folder
}

fn seen(arch: &str, affinity: &[u32]) -> Seen {
    Seen { arch: arch.to_owned(), page_bytes: Some(4096), affinity: affinity.to_vec(), ..Seen::default() }
}

fn probe(name: &str, seen: &Seen) -> Host {
    let folder = tree(name);
    Host::probe_at(&Root::at(folder.path()), seen)
}

fn ice_lake() -> Host {
    probe("intel-ice-lake", &seen("x86_64", &[2, 3, 6, 7]))
}

fn level(host: &Host, name: &str) -> Level {
    host.checks().into_iter().find(|check| check.name == name).unwrap().level
}

#[test]
fn an_intel_server_is_read_from_sysfs() {
    let host = ice_lake();
    assert_eq!(host.looked_at, 2, "the first CPU of the mask");
    let sizes: Vec<u64> = host.data_caches().iter().map(|cache| cache.bytes).collect();
    assert_eq!(sizes, [48 << 10, 1280 << 10, 54 << 20]);
    assert_eq!(host.last_level_bytes(), Some(54 << 20));
    let l1 = host.data_caches()[0];
    assert_eq!((l1.name().as_str(), l1.ways, l1.sets, l1.shared_by), ("L1d", Some(12), Some(64), Some(2)));
    assert_eq!(host.cpu.family, Fact::known(6, Source::Procfs));
    assert_eq!(host.cpu.microcode.value().unwrap(), "0xd0003a5");
    assert_eq!(host.topology.physical_cores, Fact::known(4, Source::Sysfs));
    assert_eq!(host.topology.smt, Fact::known(true, Source::Sysfs));
    assert_eq!(host.numa.value().unwrap()[1].bytes, Some(131_928_576 * 1024));
    assert_eq!(host.frequency.boost, Fact::known(true, Source::Sysfs));
    assert_eq!(host.system.hypervisor, Fact::known("none".to_owned(), Source::Procfs));
    assert_eq!(host.pages.transparent.value().unwrap(), "always");
    assert_eq!(host.tlbs, Fact::absent(Absence::NotReported));
    assert_eq!(host.affinity.value().unwrap(), "2-3,6-7");
}

#[test]
fn the_tightest_limit_on_the_way_up_counts() {
    let host = ice_lake();
    assert_eq!(host.system.cpu_quota, Fact::known(2.5, Source::Cgroup), "of the group above");
    assert_eq!(host.memory.cgroup_limit, Fact::known(16 << 30, Source::Cgroup));
    assert_eq!(host.available_memory(), Some(15 << 30), "the group leaves less than the machine has");
}

#[test]
fn version_1_groups_are_read_at_their_mount_when_the_path_is_from_outside() {
    let host = probe("amd-milan", &seen("x86_64", &[0, 1, 2, 3]));
    assert_eq!(host.system.cpu_quota, Fact::known(1.5, Source::Cgroup));
    assert_eq!(host.memory.cgroup_limit, Fact::absent(Absence::NoLimit));
    assert_eq!(host.available_memory(), Some(60_000_000 * 1024), "MemFree on a kernel without MemAvailable");
    assert_eq!(host.frequency.boost, Fact::known(false, Source::Sysfs));
}

#[test]
fn what_disturbs_is_told_and_what_is_well_is_said_too() {
    let intel = ice_lake();
    for name in ["governor", "smt", "cpu quota", "clock", "numa"] {
        assert_eq!(level(&intel, name), Level::Warning, "{name}");
    }
    assert_eq!(level(&intel, "affinity"), Level::Note);
    let amd = probe("amd-milan", &seen("x86_64", &[0, 1, 2, 3]));
    for name in ["governor", "frequency", "boost", "smt", "affinity", "hypervisor", "clock", "numa", "caches"] {
        assert_eq!(level(&amd, name), Level::Fine, "{name}");
    }
    assert_eq!(level(&amd, "load"), Level::Warning);
    assert_eq!(level(&amd, "aslr"), Level::Note);
}

#[test]
fn an_arm_guest_has_its_part_and_no_family() {
    let host = probe("arm-neoverse-n1", &seen("aarch64", &[0, 1]));
    assert_eq!(host.cpu.vendor, Fact::known("Arm".to_owned(), Source::Sysfs));
    assert_eq!(host.cpu.name, Fact::known("Neoverse-N1".to_owned(), Source::Sysfs));
    assert_eq!(
        (host.cpu.model, host.cpu.stepping),
        (Fact::known(0xd0c, Source::Sysfs), Fact::known(0x31, Source::Sysfs))
    );
    assert_eq!(host.cpu.family, Fact::absent(Absence::NotThisArch));
    assert_eq!(host.tlbs, Fact::absent(Absence::NotThisArch));
    assert_eq!(host.frequency.governor, Fact::absent(Absence::NotOffered));
    assert_eq!(host.pages.pools, Fact::absent(Absence::NotOffered));
    assert_eq!(host.system.hypervisor, Fact::absent(Absence::NotReported));
    assert_eq!(host.data_caches().len(), 3);
}

#[test]
fn without_midr_in_sysfs_the_part_is_put_together_from_proc() {
    let folder = tree("arm-neoverse-n1");
    std::fs::remove_dir_all(folder.path().join("sys/devices/system/cpu/cpu0/regs")).unwrap();
    let host = Host::probe_at(&Root::at(folder.path()), &seen("aarch64", &[0]));
    assert_eq!(host.cpu.model, Fact::known(0xd0c, Source::Procfs));
    assert_eq!(host.cpu.stepping, Fact::known(0x31, Source::Procfs));
}

#[test]
fn cores_with_other_caches_are_named() {
    let host = probe("intel-hybrid", &seen("x86_64", &[0, 1, 2, 3]));
    assert_eq!(host.other_caches_on, "2-3");
    assert_eq!(level(&host, "caches"), Level::Warning);
    assert_eq!(host.system.hypervisor.value().unwrap(), "unknown", "the flag has no name");
    let efficient = probe("intel-hybrid", &seen("x86_64", &[2, 3]));
    assert_eq!(efficient.data_caches()[0].bytes, 32 << 10);
    assert_ne!(host.machine_class().id(), efficient.machine_class().id());
}

#[test]
fn without_sys_and_proc_every_fact_is_absent_with_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::probe_at(&Root::at(folder.path()), &Seen { arch: "x86_64".to_owned(), ..Seen::default() });
    assert_eq!(host.caches_absent, Some(Absence::NoSysfs));
    assert_eq!(host.last_level_bytes(), None);
    assert_eq!(host.available_memory(), None);
    assert_eq!(host.cpu.vendor, Fact::absent(Absence::NoProcfs));
    assert_eq!(host.memory.total, Fact::absent(Absence::NoProcfs));
    assert_eq!(host.system.cpu_quota, Fact::absent(Absence::NoProcfs));
    assert_eq!(host.pages.transparent, Fact::absent(Absence::NoSysfs));
    assert_eq!(host.topology.online, Fact::absent(Absence::NoSysfs));
    assert_eq!(host.numa, Fact::absent(Absence::NoSysfs));
    let state = serde_json::to_value(host.machine_state()).unwrap();
    for (field, value) in state.as_object().unwrap() {
        let absent = state.get(format!("{field}_absent"));
        assert!(field.ends_with("_absent") || value.is_null() == absent.is_some(), "{field}");
    }
}

#[test]
fn without_sys_the_processors_of_proc_are_counted() {
    let folder = tree("amd-milan");
    std::fs::remove_dir_all(folder.path().join("sys")).unwrap();
    let host = Host::probe_at(&Root::at(folder.path()), &seen("x86_64", &[0]));
    assert_eq!(host.topology.online, Fact::known("0-3".to_owned(), Source::Procfs));
    assert_eq!(host.caches_absent, Some(Absence::NoSysfs));
}

#[test]
fn nonsense_is_absent_and_no_control_character_survives() {
    let host = probe("nonsense", &seen("x86_64", &[0]));
    assert!(host.caches.is_empty());
    assert_eq!(host.memory.total, Fact::absent(Absence::Malformed));
    assert_eq!(host.memory.available, Fact::absent(Absence::Malformed));
    assert_eq!(host.system.load, Fact::absent(Absence::Malformed));
    assert_eq!(host.cpu.family, Fact::absent(Absence::Malformed));
    assert_eq!(host.cpu.vendor.value().unwrap(), "[31mEvil");
    assert_eq!(host.pages.transparent, Fact::absent(Absence::Malformed));
    assert_eq!(host.pages.pools.value().unwrap(), &[]);
    assert!(!host.checks().is_empty());
}

/// CPUID as a guest of that Zen 3 server would see it: no sysfs caches, and an old leaf that counts more.
fn milan_cpuid() -> Cpuid {
    let mut cpuid = Cpuid {
        identity: CpuidIdentity { vendor: Some("AuthenticAMD".into()), ..Default::default() },
        ..Default::default()
    };
    let host = probe("amd-milan", &seen("x86_64", &[0]));
    cpuid.geometry.caches = host
        .caches
        .into_iter()
        .map(|mut cache| {
            cache.source = Source::Cpuid;
            cache
        })
        .collect();
    cpuid.geometry.legacy = vec![(3, Kind::Unified, 256 << 20), (1, Kind::Data, 32 << 10)];
    cpuid
}

#[test]
fn sysfs_wins_over_the_old_leaf_and_the_disagreement_is_told() {
    let seen = Seen { cpuid: milan_cpuid(), ..seen("x86_64", &[0]) };
    let host = probe("amd-milan", &seen);
    assert_eq!(host.last_level_bytes(), Some(32 << 20));
    assert_eq!(host.caches[3].source, Source::Sysfs);
    let [told] = host.disagreements.as_slice() else { panic!("{:?}", host.disagreements) };
    assert_eq!((told.what.as_str(), told.used, told.other), ("L3", 32 << 20, 256 << 20));
    assert!(told.why.contains("getconf"));
    assert_eq!(host.cpu.vendor, Fact::known("AuthenticAMD".to_owned(), Source::Cpuid));
}

#[test]
fn cpuid_stands_in_where_sysfs_has_no_caches() {
    let folder = tree("amd-milan");
    std::fs::remove_dir_all(folder.path().join("sys/devices/system/cpu/cpu0/cache")).unwrap();
    let seen = Seen { cpuid: milan_cpuid(), ..seen("x86_64", &[0]) };
    let host = Host::probe_at(&Root::at(folder.path()), &seen);
    assert_eq!(host.last_level_bytes(), Some(32 << 20));
    assert!(host.caches.iter().all(|cache| cache.source == Source::Cpuid));
    assert_eq!(host.machine_class().id(), probe("amd-milan", &seen).machine_class().id(), "one machine, read two ways");
}

#[test]
fn every_field_of_the_class_feeds_its_id_and_the_id_is_stable() {
    let class = ice_lake().machine_class();
    assert_eq!(class.id(), "82c297e00ce079d3");
    let whole = serde_json::to_value(&class).unwrap();
    let mut changed = 0;
    for pointer in pointers(&whole, "") {
        let mut other = whole.clone();
        let value = other.pointer_mut(&pointer).unwrap();
        *value = match value {
            serde_json::Value::String(text) if text == "data" => "unified".into(),
            serde_json::Value::String(text) if text == "instruction" || text == "unified" => "data".into(),
            serde_json::Value::String(text) => format!("{text}x").into(),
            serde_json::Value::Bool(on) => (!*on).into(),
            serde_json::Value::Number(number) => (number.as_u64().unwrap() + 1).into(),
            other => panic!("{pointer}: {other}"),
        };
        let other: stridewise::host::MachineClass = serde_json::from_value(other).unwrap();
        assert_ne!(other.id(), class.id(), "{pointer}");
        changed += 1;
    }
    assert_eq!(changed, 10 + 4 * 7);
}

fn pointers(value: &serde_json::Value, at: &str) -> Vec<String> {
    match value {
        serde_json::Value::Object(map) => map.iter().flat_map(|(k, v)| pointers(v, &format!("{at}/{k}"))).collect(),
        serde_json::Value::Array(list) => {
            list.iter().enumerate().flat_map(|(i, v)| pointers(v, &format!("{at}/{i}"))).collect()
        }
        _ => vec![at.to_owned()],
    }
}

#[test]
fn what_differs_in_state_only_is_the_same_class() {
    let folder = tree("intel-ice-lake");
    let before = Host::probe_at(&Root::at(folder.path()), &seen("x86_64", &[2]));
    std::fs::write(folder.path().join("proc/sys/kernel/osrelease"), "6.9.9\n").unwrap();
    std::fs::write(folder.path().join("sys/kernel/mm/transparent_hugepage/enabled"), "always madvise [never]\n")
        .unwrap();
    let after = Host::probe_at(&Root::at(folder.path()), &seen("x86_64", &[2]));
    assert_eq!(before.machine_class(), after.machine_class());
    assert_ne!(before.machine_state(), after.machine_state());
}

#[test]
fn a_host_reads_back_from_json() {
    let host = ice_lake();
    let text = serde_json::to_string(&host).unwrap();
    assert_eq!(serde_json::from_str::<Host>(&text).unwrap(), host);
}

#[test]
fn this_machine_is_probed_without_naming_it() {
    let text = serde_json::to_string(&Host::probe()).unwrap();
    let secrets = ["/etc/hostname", "/etc/machine-id", "/proc/sys/kernel/hostname", "/proc/sys/kernel/random/boot_id"];
    for secret in secrets.iter().filter_map(|file| std::fs::read_to_string(file).ok()) {
        // A name of a letter or two stands in every text.
        let secret = secret.trim();
        assert!(secret.len() < 5 || secret == "localhost" || !text.contains(secret), "{secret} is told");
    }
    for variable in ["USER", "HOME", "PWD"] {
        let value = std::env::var(variable).unwrap_or_default();
        assert!(value.len() < 5 || !text.contains(&value), "{variable} is told");
    }
}
