//! Instruction sets, chosen at run time so that one binary serves every CPU.

use std::fmt;
use std::str::FromStr;

/// The widest vectors a walk may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Isa {
    /// What every CPU of the architecture has: SSE2 on x86-64, single elements elsewhere.
    Baseline,
    /// 32-byte vectors on x86-64.
    Avx2,
    /// 64-byte vectors on x86-64 (F and BW).
    Avx512,
    /// 16-byte vectors on aarch64.
    Neon,
}

impl Isa {
    /// Every instruction set, whether or not this CPU has it.
    pub const ALL: [Self; 4] = [Self::Baseline, Self::Avx2, Self::Avx512, Self::Neon];

    /// The name in bundles.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Neon => "neon",
        }
    }

    /// Bytes of its vectors.
    #[must_use]
    pub const fn vector_bytes(self) -> usize {
        match self {
            Self::Baseline | Self::Neon => 16,
            Self::Avx2 => 32,
            Self::Avx512 => 64,
        }
    }

    /// Whether this CPU and the operating system have it.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Baseline => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => std::arch::is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                std::arch::is_x86_feature_detected!("avx512f") && std::arch::is_x86_feature_detected!("avx512bw")
            }
            #[cfg(target_arch = "aarch64")]
            Self::Neon => std::arch::is_aarch64_feature_detected!("neon"),
            #[expect(clippy::allow_attributes, reason = "reachable or not by architecture")]
            #[allow(unreachable_patterns)]
            _ => false,
        }
    }

    /// What this CPU has, narrowest first.
    #[must_use]
    pub fn available() -> Vec<Self> {
        Self::ALL.into_iter().filter(|isa| isa.is_available()).collect()
    }

    /// The widest this CPU has.
    #[must_use]
    pub fn best() -> Self {
        Self::available().last().copied().unwrap_or(Self::Baseline)
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Isa {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|isa| isa.name() == text);
        found.ok_or_else(|| crate::units::unknown("instruction set", text, &Self::ALL.map(Self::name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_baseline_is_always_there_and_the_best_is_available() {
        assert_eq!(Isa::available()[0], Isa::Baseline);
        assert!(Isa::best().is_available());
        for isa in Isa::ALL {
            assert_eq!(isa.name().parse(), Ok(isa));
        }
    }
}
