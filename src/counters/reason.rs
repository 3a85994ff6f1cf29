//! Why an event is absent, with the error number and the remedy in words.

use super::event::{Event, Scope};
use crate::host::Root;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Why an event could not be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum Reason {
    /// Counters are Linux's.
    NotLinux,
    /// The kernel sees no performance monitoring unit: the rule in virtual machines.
    NoPmu {
        /// Error number.
        errno: i32,
    },
    /// `perf_event_paranoid` forbids it to this user.
    Paranoid {
        /// Error number.
        errno: i32,
        /// The setting, where it could be read.
        level: Option<i64>,
        /// The highest setting that would allow it.
        needs: i64,
    },
    /// A seccomp filter or security module denied the call, as container engines do.
    Denied {
        /// Error number.
        errno: i32,
    },
    /// This kernel or emulator has no `perf_event_open`.
    NoSyscall {
        /// Error number.
        errno: i32,
    },
    /// The CPU has counters but not this event.
    UnknownEvent {
        /// Error number.
        errno: i32,
    },
    /// The CPU has counters, but its driver does not list this event: it could be opened and would stay at zero.
    NotAdvertised,
    /// Somebody else holds the counters.
    Busy {
        /// Error number.
        errno: i32,
    },
    /// No more files may be opened.
    TooManyFiles {
        /// Error number.
        errno: i32,
    },
    /// It was opened but never got a counter.
    NotScheduled,
    /// It was opened and ran, but stayed at zero where it cannot.
    CountsNothing,
    /// Another group of events had its turn in this block.
    OtherGroup,
    /// Something else.
    Failed {
        /// Error number.
        errno: i32,
    },
}

impl Reason {
    /// The error number of the kernel, where there is one.
    #[must_use]
    pub const fn errno(self) -> Option<i32> {
        match self {
            Self::NoPmu { errno }
            | Self::Paranoid { errno, .. }
            | Self::Denied { errno }
            | Self::NoSyscall { errno }
            | Self::UnknownEvent { errno }
            | Self::Busy { errno }
            | Self::TooManyFiles { errno }
            | Self::Failed { errno } => Some(errno),
            Self::NotLinux | Self::NotAdvertised | Self::NotScheduled | Self::CountsNothing | Self::OtherGroup => None,
        }
    }

    /// What can be done about it, in words.
    #[must_use]
    pub fn remedy(self) -> String {
        match self {
            Self::NotLinux => "run on Linux".to_owned(),
            Self::NoPmu { .. } => {
                "run on bare metal, or on a virtual machine type that passes the PMU through".to_owned()
            }
            Self::Paranoid { needs, .. } => {
                format!("sysctl kernel.perf_event_paranoid={needs}, or give the program CAP_PERFMON")
            }
            Self::Denied { .. } => "let the container's seccomp profile allow perf_event_open".to_owned(),
            Self::NoSyscall { .. } => "use a kernel built with CONFIG_PERF_EVENTS, not an emulator".to_owned(),
            Self::UnknownEvent { .. } | Self::NotAdvertised => {
                "none: other events of this CPU may tell as much".to_owned()
            }
            Self::Busy { .. } => "stop other profilers".to_owned(),
            Self::TooManyFiles { .. } => "raise the limit on open files (ulimit -n)".to_owned(),
            Self::NotScheduled => {
                "stop other profilers, or free a counter with sysctl kernel.nmi_watchdog=0".to_owned()
            }
            Self::CountsNothing => "none: the hypervisor offers the counter without counting".to_owned(),
            Self::OtherGroup => "none needed: groups take turns over the blocks".to_owned(),
            Self::Failed { .. } => "see perf_event_open(2) for this error".to_owned(),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotLinux => f.write_str("not Linux"),
            Self::NoPmu { .. } => f.write_str("no PMU in this machine"),
            Self::Paranoid { level: Some(level), needs, .. } => {
                write!(f, "perf_event_paranoid = {level} needs ≤ {needs} or CAP_PERFMON")
            }
            Self::Paranoid { needs, .. } => write!(f, "perf_event_paranoid needs ≤ {needs} or CAP_PERFMON"),
            Self::Denied { .. } => f.write_str("denied by seccomp or a container"),
            Self::NoSyscall { .. } => f.write_str("this kernel has no perf_event_open"),
            Self::UnknownEvent { .. } => f.write_str("unknown to this CPU"),
            Self::NotAdvertised => f.write_str("not implemented by this CPU"),
            Self::Busy { .. } => f.write_str("counters are in use"),
            Self::TooManyFiles { .. } => f.write_str("too many open files"),
            Self::NotScheduled => f.write_str("never got a counter"),
            Self::CountsNothing => f.write_str("offered but counts nothing"),
            Self::OtherGroup => f.write_str("another group had its turn"),
            Self::Failed { .. } => f.write_str("could not be opened"),
        }?;
        self.errno().map_or(Ok(()), |errno| write!(f, " ({})", name(errno)))
    }
}

/// Error numbers that are the same on every architecture Linux counts on.
mod errno {
    pub(super) const EPERM: i32 = 1;
    pub(super) const ENOENT: i32 = 2;
    pub(super) const EACCES: i32 = 13;
    pub(super) const EBUSY: i32 = 16;
    pub(super) const ENODEV: i32 = 19;
    pub(super) const EINVAL: i32 = 22;
    pub(super) const ENFILE: i32 = 23;
    pub(super) const EMFILE: i32 = 24;
    pub(super) const ENOSPC: i32 = 28;
    pub(super) const ENOSYS: i32 = 38;
    pub(super) const EOPNOTSUPP: i32 = 95;
}

fn name(number: i32) -> String {
    let name = match number {
        errno::EPERM => "EPERM",
        errno::ENOENT => "ENOENT",
        errno::EACCES => "EACCES",
        errno::EBUSY => "EBUSY",
        errno::ENODEV => "ENODEV",
        errno::EINVAL => "EINVAL",
        errno::ENFILE => "ENFILE",
        errno::EMFILE => "EMFILE",
        errno::ENOSPC => "ENOSPC",
        errno::ENOSYS => "ENOSYS",
        errno::EOPNOTSUPP => "EOPNOTSUPP",
        other => return format!("errno {other}"),
    };
    name.to_owned()
}

/// What has to be known to tell one refusal from another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// `perf_event_paranoid`, where it can be read.
    pub paranoid: Option<i64>,
    /// Whether the kernel shows a PMU of the CPU.
    pub has_pmu: bool,
    /// The events that the driver of an Arm PMU lists; empty elsewhere.
    pub listed: Vec<String>,
    /// Whether this process has CAP_PERFMON or CAP_SYS_ADMIN.
    pub privileged: bool,
    /// Whether a seccomp filter is at work.
    pub filtered: bool,
}

const CAP_SYS_ADMIN: u32 = 21;
const CAP_PERFMON: u32 = 38;

impl Surroundings {
    /// Of this process.
    #[must_use]
    pub fn read(root: &Root) -> Self {
        let status = root.text("proc/self/status").unwrap_or_default();
        let field = |name: &str| status.lines().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()));
        let capabilities = field("CapEff:").and_then(|bits| u64::from_str_radix(&bits, 16).ok()).unwrap_or(0);
        let pmus = root.names("sys/bus/event_source/devices");
        Self {
            paranoid: root.text("proc/sys/kernel/perf_event_paranoid").ok().and_then(|text| text.trim().parse().ok()),
            listed: pmus
                .iter()
                .filter(|pmu| pmu.starts_with("armv"))
                .flat_map(|pmu| root.names(&format!("sys/bus/event_source/devices/{pmu}/events")))
                .collect(),
            has_pmu: pmus.iter().any(|pmu| pmu == "cpu" || pmu.starts_with("cpu_") || pmu.starts_with("armv")),
            privileged: capabilities & (1 << CAP_PERFMON | 1 << CAP_SYS_ADMIN) != 0,
            filtered: field("Seccomp:").is_some_and(|mode| mode == "2"),
        }
    }

    /// Whether the driver lists its events and this is not among them.
    #[must_use]
    pub fn leaves_out(&self, event: &Event) -> bool {
        let unlisted = |name: &str| !self.listed.iter().any(|listed| listed == name);
        !self.listed.is_empty() && event.listed_as.is_some_and(unlisted)
    }

    /// Why the kernel said `errno` when asked for `event`.
    #[must_use]
    pub fn classify(&self, event: &Event, errno: i32) -> Reason {
        match errno {
            errno::ENOENT | errno::EOPNOTSUPP | errno::ENODEV | errno::EINVAL => {
                if event.kind.needs_pmu() && !self.has_pmu {
                    Reason::NoPmu { errno }
                } else {
                    Reason::UnknownEvent { errno }
                }
            }
            errno::EACCES | errno::EPERM => self.refused(event, errno),
            errno::ENOSYS if self.filtered => Reason::Denied { errno },
            errno::ENOSYS => Reason::NoSyscall { errno },
            errno::EBUSY | errno::ENOSPC => Reason::Busy { errno },
            errno::EMFILE | errno::ENFILE => Reason::TooManyFiles { errno },
            _ => Reason::Failed { errno },
        }
    }

    /// The kernel itself refuses with EACCES; filters mostly with EPERM.
    fn refused(&self, event: &Event, errno: i32) -> Reason {
        let needs = if event.scope == Scope::UserAndKernel { 1 } else { 2 };
        let allowed = self.privileged || self.paranoid.is_some_and(|level| level <= needs);
        if allowed || errno == errno::EPERM && self.filtered {
            return Reason::Denied { errno };
        }
        Reason::Paranoid { errno, level: self.paranoid, needs }
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::GENERIC;
    use super::*;

    fn event(name: &str) -> &'static Event {
        GENERIC.iter().find(|event| event.name == name).unwrap()
    }

    #[test]
    fn every_refusal_has_its_own_reason() {
        let vm = Surroundings { paranoid: Some(2), privileged: true, ..Surroundings::default() };
        let metal = Surroundings { has_pmu: true, paranoid: Some(3), ..Surroundings::default() };
        let docker = Surroundings { filtered: true, paranoid: Some(2), ..Surroundings::default() };
        let (vm, metal, docker) = (&vm, &metal, &docker);
        let cases = [
            (vm, "cycles", 2, "no PMU in this machine (ENOENT)"),
            (metal, "llc-reads", 2, "unknown to this CPU (ENOENT)"),
            (metal, "cycles", 13, "perf_event_paranoid = 3 needs ≤ 2 or CAP_PERFMON (EACCES)"),
            (metal, "context-switches", 13, "perf_event_paranoid = 3 needs ≤ 1 or CAP_PERFMON (EACCES)"),
            (docker, "page-faults", 1, "denied by seccomp or a container (EPERM)"),
            (docker, "page-faults", 38, "denied by seccomp or a container (ENOSYS)"),
            (vm, "page-faults", 38, "this kernel has no perf_event_open (ENOSYS)"),
            (vm, "page-faults", 1, "denied by seccomp or a container (EPERM)"),
            (metal, "cycles", 16, "counters are in use (EBUSY)"),
            (metal, "cycles", 24, "too many open files (EMFILE)"),
            (metal, "cycles", 7, "could not be opened (errno 7)"),
        ];
        for (surroundings, name, errno, words) in cases {
            let reason = surroundings.classify(event(name), errno);
            assert_eq!(reason.to_string(), words);
            assert_eq!(reason.errno(), Some(errno));
            assert!(!reason.remedy().is_empty());
        }
    }

    #[test]
    fn a_reason_is_written_with_its_code_and_reads_back() {
        let reason = Reason::Paranoid { errno: 13, level: Some(3), needs: 2 };
        let text = serde_json::to_string(&reason).unwrap();
        assert_eq!(text, r#"{"code":"paranoid","errno":13,"level":3,"needs":2}"#);
        assert_eq!(serde_json::from_str::<Reason>(&text).unwrap(), reason);
        assert_eq!(serde_json::to_string(&Reason::NotScheduled).unwrap(), r#"{"code":"not_scheduled"}"#);
    }
}
