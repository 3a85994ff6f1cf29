//! The kernel's counters through the perf-event crate; elsewhere than on Linux there are none.

use super::event::Event;
use super::reading::Totals;

/// What opens groups of events on the calling thread: the kernel, or a made-up PMU in tests.
pub(super) trait Backend {
    /// Opens events that are switched and read together; the error number, or `None` where counters do not exist.
    fn open(&self, events: &[Event]) -> Result<Box<dyn Group>, Option<i32>>;
}

/// Events that are switched and read together.
pub(super) trait Group: Send {
    fn enable(&mut self) -> Result<(), i32>;
    fn disable(&mut self) -> Result<(), i32>;
    /// Totals since the group was opened, in the order in which the events were given.
    fn read(&mut self) -> Result<Vec<Totals>, i32>;
}

/// This machine's kernel.
pub(super) struct Kernel;

#[cfg(not(target_os = "linux"))]
impl Backend for Kernel {
    fn open(&self, _events: &[Event]) -> Result<Box<dyn Group>, Option<i32>> {
        Err(None)
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use super::{Backend, Event, Group, Kernel, Totals};
    use crate::counters::event::Scope;
    use perf_event::{Builder, Counter};
    use std::io;

    struct KernelGroup {
        group: perf_event::Group,
        members: Vec<Counter>,
    }

    impl Backend for Kernel {
        fn open(&self, events: &[Event]) -> Result<Box<dyn Group>, Option<i32>> {
            let errno = |error: io::Error| Some(error.raw_os_error().unwrap_or(0));
            let mut group = perf_event::Group::new().map_err(errno)?;
            // A member that fails would make the group's next reading panic: the group is dropped with the error.
            let members: io::Result<Vec<Counter>> = events.iter().map(|event| member(&mut group, event)).collect();
            Ok(Box::new(KernelGroup { members: members.map_err(errno)?, group }))
        }
    }

    fn member(group: &mut perf_event::Group, event: &Event) -> io::Result<Counter> {
        let mut builder = Builder::new().group(group);
        // The crate has no raw events: `type` and `config` are set directly, for all kinds alike.
        let attributes = builder.attrs_mut();
        (attributes.type_, attributes.config) = event.kind.code();
        builder.exclude_kernel(event.scope == Scope::User);
        builder.build()
    }

    fn number(error: &io::Error) -> i32 {
        error.raw_os_error().unwrap_or(0)
    }

    impl Group for KernelGroup {
        fn enable(&mut self) -> Result<(), i32> {
            self.group.enable().map_err(|error| number(&error))
        }

        fn disable(&mut self) -> Result<(), i32> {
            self.group.disable().map_err(|error| number(&error))
        }

        fn read(&mut self) -> Result<Vec<Totals>, i32> {
            let counts = self.group.read().map_err(|error| number(&error))?;
            let (enabled_ns, running_ns) = (counts.time_enabled(), counts.time_running());
            let totals = |member: &Counter| Some(Totals { value: *counts.get(member)?, enabled_ns, running_ns });
            self.members.iter().map(totals).collect::<Option<Vec<Totals>>>().ok_or(0)
        }
    }
}
