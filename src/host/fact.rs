//! A value with its source, or the reason why there is none: the host never guesses.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a value was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A file below /sys.
    Sysfs,
    /// A file below /proc.
    Procfs,
    /// The CPUID instruction (x86 only).
    Cpuid,
    /// The control group that this process runs in.
    Cgroup,
    /// A system call.
    Syscall,
    /// What this program was built for.
    Build,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sysfs => "sysfs",
            Self::Procfs => "procfs",
            Self::Cpuid => "cpuid",
            Self::Cgroup => "cgroup",
            Self::Syscall => "syscall",
            Self::Build => "build",
        })
    }
}

/// Why a value is absent: the fixed list of words that a bundle may carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Absence {
    /// This system is not Linux.
    NotLinux,
    /// /sys is not there.
    NoSysfs,
    /// /proc is not there.
    NoProcfs,
    /// The kernel offers no such file, as is usual for cpufreq in a virtual machine.
    NotOffered,
    /// The file may not be read by this user.
    Denied,
    /// The file or register holds something that cannot be understood.
    Malformed,
    /// The CPU does not tell.
    NotReported,
    /// The value does not exist on this CPU architecture.
    NotThisArch,
    /// No limit is set.
    NoLimit,
}

impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotLinux => "not Linux",
            Self::NoSysfs => "/sys is not mounted",
            Self::NoProcfs => "/proc is not mounted",
            Self::NotOffered => "not offered by this kernel",
            Self::Denied => "not readable by this user",
            Self::Malformed => "not understood",
            Self::NotReported => "the CPU does not tell",
            Self::NotThisArch => "not on this architecture",
            Self::NoLimit => "no limit",
        })
    }
}

/// A value and where it was read, or the reason why it is absent.
///
/// In JSON: `{"value": 64, "source": "sysfs"}` or `{"absent": "not_offered"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Fact<T> {
    /// It was read.
    Known {
        /// The value.
        value: T,
        /// Where it was read.
        source: Source,
    },
    /// It was not to be had.
    Absent {
        /// Why.
        absent: Absence,
    },
}

impl<T> Fact<T> {
    /// A value that was read from `source`.
    pub const fn known(value: T, source: Source) -> Self {
        Self::Known { value, source }
    }

    /// No value, and why.
    #[must_use]
    pub const fn absent(reason: Absence) -> Self {
        Self::Absent { absent: reason }
    }

    /// From what a reader of `source` returned.
    pub fn of(read: Result<T, Absence>, source: Source) -> Self {
        match read {
            Ok(value) => Self::known(value, source),
            Err(reason) => Self::absent(reason),
        }
    }

    /// The value, if there is one.
    pub const fn value(&self) -> Option<&T> {
        match self {
            Self::Known { value, .. } => Some(value),
            Self::Absent { .. } => None,
        }
    }

    /// The source of the value, if there is one.
    pub const fn source(&self) -> Option<Source> {
        match self {
            Self::Known { source, .. } => Some(*source),
            Self::Absent { .. } => None,
        }
    }

    /// The reason, if there is no value.
    pub const fn reason(&self) -> Option<Absence> {
        match self {
            Self::Known { .. } => None,
            Self::Absent { absent } => Some(*absent),
        }
    }

    /// The same fact about something computed from the value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Fact<U> {
        match self {
            Self::Known { value, source } => Fact::Known { value: change(value), source },
            Self::Absent { absent } => Fact::Absent { absent },
        }
    }

    /// This fact if it is known, else `other` if that is, else this fact's reason.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match (&self, &other) {
            (Self::Absent { .. }, Self::Known { .. }) => other,
            _ => self,
        }
    }
}

impl<T: Clone> Fact<T> {
    /// The value and its absence apart, as a bundle's flat fields want them.
    pub fn split(&self) -> (Option<T>, Option<Absence>) {
        (self.value().cloned(), self.reason())
    }
}

impl<T: fmt::Display> fmt::Display for Fact<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known { value, .. } => value.fmt(f),
            Self::Absent { absent } => absent.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_is_written_with_its_source_or_its_reason_and_reads_back() {
        let known = Fact::known(64_u32, Source::Sysfs);
        let absent = Fact::<u32>::absent(Absence::NotOffered);
        assert_eq!(serde_json::to_string(&known).unwrap(), r#"{"value":64,"source":"sysfs"}"#);
        assert_eq!(serde_json::to_string(&absent).unwrap(), r#"{"absent":"not_offered"}"#);
        for fact in [known, absent] {
            let text = serde_json::to_string(&fact).unwrap();
            assert_eq!(serde_json::from_str::<Fact<u32>>(&text).unwrap(), fact);
        }
    }

    #[test]
    fn the_first_known_fact_wins_and_the_first_reason_stays() {
        let denied = Fact::<u32>::absent(Absence::Denied);
        let cpuid = Fact::known(1, Source::Cpuid);
        assert_eq!(denied.or(cpuid), cpuid);
        assert_eq!(Fact::known(2, Source::Sysfs).or(cpuid), Fact::known(2, Source::Sysfs));
        assert_eq!(denied.or(Fact::absent(Absence::NotReported)), denied);
    }
}
