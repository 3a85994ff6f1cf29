//! The unsafe part of the room: guard pages, and the slice of a mapping that lies between them.
#![allow(unsafe_code, reason = "mprotect and slices of a raw mapping have no safe form")]

use memmap2::{MmapOptions, MmapRaw};
use std::io;

/// Bytes of a base page.
pub(super) fn page_bytes() -> usize {
    #[cfg(unix)]
    {
        // SAFETY: sysconf reads a constant of the system.
        let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        usize::try_from(bytes).ok().filter(|bytes| bytes.is_power_of_two()).unwrap_or(4096)
    }
    #[cfg(not(unix))]
    4096
}

/// A readable and writable range of a private anonymous mapping; the rest of the mapping is closed.
#[derive(Debug)]
pub(super) struct Mapping {
    map: MmapRaw,
    start: usize,
    length: usize,
}

/// Addresses among which a mapping may lie somewhere.
pub(super) const ROOM: usize = 1 << 30;

/// Whether addresses that are not used cost nothing: neither a limit of the process counts them nor the system, and there
/// are many.
pub(super) fn addresses_are_free() -> bool {
    #[cfg(all(unix, target_pointer_width = "64"))]
    {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: the call writes to the structure it is given, which is there.
        let known = unsafe { libc::getrlimit(libc::RLIMIT_AS, &raw mut limit) } == 0;
        let strict = std::fs::read_to_string("/proc/sys/vm/overcommit_memory").is_ok_and(|mode| mode.trim() == "2");
        known && limit.rlim_cur == libc::RLIM_INFINITY && !strict
    }
    #[cfg(not(all(unix, target_pointer_width = "64")))]
    false
}

impl Mapping {
    /// Maps `length` bytes at an address that is a multiple of `align`, with closed pages before and behind. With `skip`
    /// bytes, below [`ROOM`], they lie that far inside as many addresses, if the system has them. All are multiples of `page`.
    pub(super) fn new(length: usize, align: usize, page: usize, skip: Option<usize>) -> io::Result<Self> {
        let least = length.checked_add(align).and_then(|bytes| bytes.checked_add(2 * page));
        let least = least.ok_or(io::ErrorKind::OutOfMemory)?;
        let within_room = |skip| {
            let wanted = least.checked_add(ROOM)?;
            Some((MmapOptions::new().len(wanted).no_reserve_swap().map_anon().ok()?, wanted, skip))
        };
        let (map, wanted, skip) = match skip.and_then(within_room) {
            Some(found) => found,
            None => (MmapOptions::new().len(least).map_anon()?, least, 0),
        };
        let map = MmapRaw::from(map);
        let address = map.as_ptr().addr();
        let start = (address + page + skip).next_multiple_of(align) - address;
        guard(&map, 0, start)?;
        guard(&map, start + length, wanted - start - length)?;
        Ok(Self { map, start, length })
    }

    /// Where the open range lies in the whole mapping: first byte and length.
    pub(super) fn range(&self) -> (usize, usize) {
        (self.start, self.length)
    }

    /// The whole mapping, for advice.
    pub(super) fn map(&self) -> &MmapRaw {
        &self.map
    }

    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: the range lies in the mapping, is readable, was zeroed by the system, and nobody else has the mapping.
        unsafe { std::slice::from_raw_parts(self.map.as_ptr().add(self.start), self.length) }
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`; the range is writable and `self` is borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.map.as_mut_ptr().add(self.start), self.length) }
    }
}

/// Closes a page-aligned part of a mapping; where the system has no such call the part just stays unused.
fn guard(map: &MmapRaw, start: usize, length: usize) -> io::Result<()> {
    #[cfg(unix)]
    {
        // SAFETY: the range is page-aligned and inside our own mapping; no reference to it exists, then or later.
        let closed = unsafe { libc::mprotect(map.as_mut_ptr().add(start).cast(), length, libc::PROT_NONE) };
        if closed != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    #[cfg(not(unix))]
    let _ = (map, start, length);
    Ok(())
}
