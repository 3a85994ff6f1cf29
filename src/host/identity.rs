//! Who the CPU is: CPUID on x86, the MIDR register on aarch64, /proc/cpuinfo where neither is to be had.

use super::cpuid::CpuidIdentity;
use super::fact::{Absence, Fact, Source};
use super::root::{Root, field, plain};
use serde::{Deserialize, Serialize};

/// The CPU's identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cpu {
    /// Architecture that this program was built for: `x86_64`, `aarch64`.
    pub arch: String,
    /// `AuthenticAMD`, `GenuineIntel`, `Arm`.
    pub vendor: Fact<String>,
    /// x86: family with the extended family added.
    pub family: Fact<u32>,
    /// x86: model with the extended model; aarch64: the part number of MIDR.
    pub model: Fact<u32>,
    /// x86: stepping; aarch64: variant and revision of MIDR as `variant * 16 + revision`.
    pub stepping: Fact<u32>,
    /// Microcode revision, such as `0x1000065`; hypervisors often invent one.
    pub microcode: Fact<String>,
    /// The name the CPU gives itself; on aarch64 the name of the part.
    pub name: Fact<String>,
}

impl Cpu {
    pub(super) fn probe(root: &Root, cpu: u32, arch: &str, cpuid: &CpuidIdentity) -> Self {
        let info = root.text("proc/cpuinfo").map(|text| block(&text, cpu));
        let mut found = if arch == "aarch64" { arm(root, cpu, &info) } else { x86(&info) };
        arch.clone_into(&mut found.arch);
        found.vendor = told(cpuid.vendor.as_ref(), found.vendor);
        found.family = told(cpuid.family.as_ref(), found.family);
        found.model = told(cpuid.model.as_ref(), found.model);
        found.stepping = told(cpuid.stepping.as_ref(), found.stepping);
        found.name = told(cpuid.name.as_ref(), found.name);
        found
    }
}

/// What CPUID says, if it says anything.
fn told<T: Clone>(cpuid: Option<&T>, otherwise: Fact<T>) -> Fact<T> {
    cpuid.map_or(otherwise, |value| Fact::known(value.clone(), Source::Cpuid))
}

/// The lines of /proc/cpuinfo about one CPU; all of it if it is not named.
fn block(text: &str, cpu: u32) -> String {
    let mine = |block: &&str| field(block, "processor").and_then(|n| n.parse().ok()) == Some(cpu);
    text.split("\n\n").find(mine).unwrap_or(text).to_owned()
}

fn x86(info: &Result<String, Absence>) -> Cpu {
    let text = |name: &str| {
        let value = info.as_ref().map_err(|reason| *reason).and_then(|info| {
            let value = field(info, name).map(plain).filter(|value| !value.is_empty());
            value.ok_or(Absence::NotOffered)
        });
        Fact::of(value, Source::Procfs)
    };
    let number = |name: &str| match text(name) {
        Fact::Known { value, source } => Fact::of(value.parse().map_err(|_| Absence::Malformed), source),
        Fact::Absent { absent } => Fact::absent(absent),
    };
    Cpu {
        arch: String::new(),
        vendor: text("vendor_id"),
        family: number("cpu family"),
        model: number("model"),
        stepping: number("stepping"),
        microcode: text("microcode"),
        name: text("model name"),
    }
}

/// MIDR_EL1 from sysfs, else put together from /proc/cpuinfo (Arm Architecture Reference Manual, D19.2 "MIDR_EL1").
fn midr(root: &Root, cpu: u32, info: &Result<String, Absence>) -> Result<(u64, Source), Absence> {
    let file = format!("sys/devices/system/cpu/cpu{cpu}/regs/identification/midr_el1");
    match root.line(&file).ok().and_then(|line| hex(&line)) {
        Some(midr) => Ok((midr, Source::Sysfs)),
        None => from_info(info.as_ref().map_err(|reason| *reason)?).map(|midr| (midr, Source::Procfs)),
    }
}

fn from_info(info: &str) -> Result<u64, Absence> {
    let part = |name: &str| field(info, name).ok_or(Absence::NotOffered);
    let implementer = hex(part("CPU implementer")?).ok_or(Absence::Malformed)?;
    let variant = hex(part("CPU variant")?).ok_or(Absence::Malformed)?;
    let number = hex(part("CPU part")?).ok_or(Absence::Malformed)?;
    let revision: u64 = part("CPU revision")?.parse().map_err(|_| Absence::Malformed)?;
    Ok((implementer & 0xff) << 24 | (variant & 0xf) << 20 | (number & 0xfff) << 4 | revision & 0xf)
}

fn hex(text: &str) -> Option<u64> {
    u64::from_str_radix(text.trim().strip_prefix("0x")?, 16).ok()
}

fn arm(root: &Root, cpu: u32, info: &Result<String, Absence>) -> Cpu {
    let midr = midr(root, cpu, info);
    let bits = |shift: u32, mask: u64| {
        #[expect(clippy::cast_possible_truncation, reason = "masked to twelve bits at most")]
        let value = midr.map(|(midr, source)| ((midr >> shift & mask) as u32, source));
        value.map_or_else(Fact::absent, |(value, source)| Fact::known(value, source))
    };
    let (implementer, part, variant, revision) = (bits(24, 0xff), bits(4, 0xfff), bits(20, 0xf), bits(0, 0xf));
    let name = implementer.value().zip(part.value()).and_then(|(&implementer, &part)| part_name(implementer, part));
    Cpu {
        arch: String::new(),
        vendor: implementer.map(|code| vendor(code).map_or_else(|| format!("implementer 0x{code:02x}"), str::to_owned)),
        family: Fact::absent(Absence::NotThisArch),
        model: part,
        stepping: variant.map(|variant| variant * 16 + revision.value().unwrap_or(&0)),
        microcode: Fact::absent(Absence::NotThisArch),
        name: match (name, part) {
            (Some(name), Fact::Known { source, .. }) => Fact::known(name.to_owned(), source),
            (_, Fact::Absent { absent }) => Fact::absent(absent),
            (None, _) => Fact::absent(Absence::NotReported),
        },
    }
}

/// Implementer codes of MIDR_EL1 (Arm Architecture Reference Manual).
fn vendor(code: u32) -> Option<&'static str> {
    Some(match code {
        0x41 => "Arm",
        0x42 => "Broadcom",
        0x43 => "Cavium",
        0x46 => "Fujitsu",
        0x48 => "HiSilicon",
        0x4e => "NVIDIA",
        0x51 => "Qualcomm",
        0x61 => "Apple",
        0xc0 => "Ampere",
        _ => return None,
    })
}

/// Part numbers from the Technical Reference Manual of each core, "MIDR_EL1".
fn part_name(implementer: u32, part: u32) -> Option<&'static str> {
    Some(match (implementer, part) {
        (0x41, 0xd03) => "Cortex-A53",
        (0x41, 0xd05) => "Cortex-A55",
        (0x41, 0xd07) => "Cortex-A57",
        (0x41, 0xd08) => "Cortex-A72",
        (0x41, 0xd0b) => "Cortex-A76",
        (0x41, 0xd0c) => "Neoverse-N1",
        (0x41, 0xd40) => "Neoverse-V1",
        (0x41, 0xd49) => "Neoverse-N2",
        (0x41, 0xd4f) => "Neoverse-V2",
        (0x41, 0xd84) => "Neoverse-V3",
        (0x41, 0xd8e) => "Neoverse-N3",
        (0xc0, 0xac3) => "Ampere-1",
        (0xc0, 0xac4) => "Ampere-1A",
        _ => return None,
    })
}
