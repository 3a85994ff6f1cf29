//! The buffer: mapped, advised, prefaulted.

use super::pages::{PageReport, huge_page_bytes};
use super::sys::{Mapping, ROOM, addresses_are_free, page_bytes};
use crate::units::{Rng, bytes_long};
use std::fmt;
use std::str::FromStr;

/// Which pages a buffer asks for; what it got is in its [`PageReport`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PagePolicy {
    /// The smallest pages of the system, also where transparent huge pages are always on.
    #[default]
    Base,
    /// Transparent huge pages.
    Huge,
}

impl PagePolicy {
    /// Every policy.
    pub const ALL: [Self; 2] = [Self::Base, Self::Huge];

    /// The name in case ids and bundles.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Huge => "huge",
        }
    }
}

impl fmt::Display for PagePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for PagePolicy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|policy| policy.name() == text);
        found.ok_or_else(|| crate::units::unknown("page policy", text, &Self::ALL.map(Self::name)))
    }
}

/// Why there is no buffer.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    /// More than the machine or the control group would give.
    #[error("a buffer of {} does not fit: {} are available ({limit})", bytes_long(*.bytes), bytes_long(*.fits))]
    TooBig {
        /// Bytes asked for, pages rounded up.
        bytes: u64,
        /// Bytes that would fit.
        fits: u64,
        /// Which limit it is and where it was read.
        limit: String,
    },
    /// The system refused the mapping or its guard pages.
    #[error("mapping a buffer of {}: {source}", bytes_long(*.bytes))]
    Map {
        /// Bytes asked for.
        bytes: u64,
        /// The system's answer.
        source: std::io::Error,
    },
}

/// Bytes that are put aside, so that a buffer lies on other pages than the one before it: drawn up to as many as its own, within
/// these. Touching them takes milliseconds; where huge pages are larger nothing is put aside.
const LEAST_ASIDE: u64 = 1 << 20;
const MOST_ASIDE: u64 = 16 << 20;

/// A private anonymous mapping with guard pages on both sides, every page of it touched.
///
/// Without a base offset the buffer starts on a page (on a huge page under [`PagePolicy::Huge`]).
#[derive(Debug)]
pub struct Buffer {
    mapping: Mapping,
    bytes: usize,
    base_offset: usize,
    policy: PagePolicy,
    /// Why the system did not take the advice about pages, if so.
    advice: Option<String>,
}

impl Buffer {
    /// A buffer of `bytes` bytes, `base_offset` bytes behind the start of a page.
    ///
    /// # Errors
    /// [`MemoryError::TooBig`] before anything is mapped; [`MemoryError::Map`] if the system refuses.
    pub fn new(bytes: u64, policy: PagePolicy, base_offset: usize) -> Result<Self, MemoryError> {
        Self::mapped(bytes, policy, base_offset, None)
    }

    /// The same as another start of the program would get it: at an address that `rng` draws, where addresses cost nothing, and
    /// on other pages of memory. A system gives a mapping the addresses and the pages that were given back last, so that
    /// buffers of one process share their luck with the sets of caches and TLBs.
    ///
    /// # Errors
    /// As [`Buffer::new`].
    pub fn anywhere(bytes: u64, policy: PagePolicy, base_offset: usize, rng: &mut Rng) -> Result<Self, MemoryError> {
        Self::mapped(bytes, policy, base_offset, Some(rng))
    }

    fn mapped(
        bytes: u64,
        policy: PagePolicy,
        base_offset: usize,
        mut rng: Option<&mut Rng>,
    ) -> Result<Self, MemoryError> {
        let page = page_bytes();
        let align = match policy {
            PagePolicy::Base => page,
            PagePolicy::Huge => huge_page_bytes().max(page),
        };
        let (length, span) = whole_pages(bytes, base_offset, align)?;
        check_available(span as u64)?;
        let aside = rng.as_deref_mut().and_then(|rng| Self::aside(span, align, policy, rng));
        let skip = rng.filter(|_| addresses_are_free()).map(|rng| rng.below((ROOM / align) as u64));
        let skip = skip.and_then(|pages| usize::try_from(pages).ok()).map(|pages| pages * align);
        let mapping = Mapping::new(span, align, page, skip).map_err(|source| MemoryError::Map { bytes, source })?;
        let advice = advise(&mapping, policy).err();
        let mut buffer = Self { mapping, bytes: length, base_offset, policy, advice };
        buffer.touch(page);
        drop(aside);
        Ok(buffer)
    }

    /// Holds pages that were given back last while a buffer of `span` bytes gets others: up to as many as it takes, if there
    /// is room for both.
    fn aside(span: usize, align: usize, policy: PagePolicy, rng: &mut Rng) -> Option<Self> {
        let most = (span as u64).clamp(LEAST_ASIDE, MOST_ASIDE) / align as u64;
        let bytes = Some(rng.below(most + 1) * align as u64).filter(|&bytes| bytes > 0)?;
        check_available((span as u64).checked_add(bytes)?).ok()?;
        Self::new(bytes, policy, 0).ok()
    }

    /// Writes to every page. Only after the advice: pages that are there already do not become huge.
    fn touch(&mut self, page: usize) {
        let bytes = self.mapping.bytes_mut();
        bytes.iter_mut().step_by(page).for_each(|byte| *byte = 0);
        std::hint::black_box(bytes);
    }

    /// Bytes of the buffer.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes
    }

    /// Whether it has no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.mapping.bytes()[self.base_offset..self.base_offset + self.bytes]
    }

    /// Its bytes, writable.
    #[must_use]
    pub fn as_bytes_mut(&mut self) -> &mut [u8] {
        let range = self.base_offset..self.base_offset + self.bytes;
        &mut self.mapping.bytes_mut()[range]
    }

    /// Virtual address of the first byte.
    #[must_use]
    pub fn address(&self) -> u64 {
        self.as_bytes().as_ptr().addr() as u64
    }

    /// Bytes between the start of its first page and its first byte.
    #[must_use]
    pub fn base_offset(&self) -> usize {
        self.base_offset
    }

    /// What was asked for.
    #[must_use]
    pub fn policy(&self) -> PagePolicy {
        self.policy
    }

    /// What its pages are now, as the system tells.
    #[must_use]
    pub fn pages(&self) -> PageReport {
        let pages = self.mapping.bytes();
        PageReport::of_range(pages.as_ptr().addr() as u64, pages.len() as u64, self.policy, self.advice.clone())
    }
}

/// The buffer's length, and the length of the whole pages it needs.
fn whole_pages(bytes: u64, base_offset: usize, align: usize) -> Result<(usize, usize), MemoryError> {
    let length = usize::try_from(bytes).ok();
    let span = length.and_then(|length| length.max(1).checked_add(base_offset));
    let span = span.and_then(|span| span.checked_next_multiple_of(align));
    // A slice has at most isize::MAX bytes.
    let span = span.filter(|&span| isize::try_from(span).is_ok());
    let too_big = || MemoryError::TooBig { bytes, fits: isize::MAX as u64, limit: "the address space".into() };
    Ok((length.ok_or_else(too_big)?, span.ok_or_else(too_big)?))
}

fn check_available(bytes: u64) -> Result<(), MemoryError> {
    match super::available() {
        Some(available) if available.bytes < bytes => {
            Err(MemoryError::TooBig { bytes, fits: available.bytes, limit: available.source })
        }
        _ => Ok(()),
    }
}

#[cfg(target_os = "linux")]
fn advise(mapping: &Mapping, policy: PagePolicy) -> Result<(), String> {
    let (advice, name) = match policy {
        PagePolicy::Base => (memmap2::Advice::NoHugePage, "MADV_NOHUGEPAGE"),
        PagePolicy::Huge => (memmap2::Advice::HugePage, "MADV_HUGEPAGE"),
    };
    let (start, length) = mapping.range();
    mapping.map().advise_range(advice, start, length).map_err(|error| format!("madvise({name}): {error}"))
}

#[cfg(not(target_os = "linux"))]
fn advise(mapping: &Mapping, policy: PagePolicy) -> Result<(), String> {
    let _ = (mapping.map(), mapping.range());
    match policy {
        PagePolicy::Base => Ok(()),
        PagePolicy::Huge => Err("transparent huge pages are asked for with madvise, which is Linux's".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_byte_can_be_written() {
        for policy in PagePolicy::ALL {
            for (bytes, offset) in [(1, 0), (4096, 0), (5000, 64), (1 << 21, 0), ((2 << 20) + 8, 4032)] {
                let mut buffer = Buffer::new(bytes, policy, offset).unwrap();
                let length = buffer.len();
                assert_eq!(length as u64, bytes);
                assert_eq!(usize::try_from(buffer.address()).unwrap() % page_bytes(), offset % page_bytes());
                buffer.as_bytes_mut()[0] = 1;
                buffer.as_bytes_mut()[length - 1] = 2;
                assert_eq!(
                    buffer.as_bytes().iter().map(|&byte| u32::from(byte)).sum::<u32>(),
                    2 + u32::from(length > 1)
                );
            }
        }
        assert!(Buffer::new(0, PagePolicy::Base, 0).unwrap().is_empty());
    }

    #[test]
    fn what_does_not_fit_is_refused_before_it_is_mapped() {
        let error = Buffer::new(1 << 60, PagePolicy::Base, 0).unwrap_err();
        assert!(error.to_string().starts_with("a buffer of 1 EiB does not fit: "), "{error}");
        assert!(matches!(Buffer::new(u64::MAX, PagePolicy::Huge, 64), Err(MemoryError::TooBig { .. })));
        assert!(matches!(Buffer::new(64, PagePolicy::Base, usize::MAX), Err(MemoryError::TooBig { .. })));
    }

    #[test]
    fn another_start_gives_other_addresses() {
        let mut rng = Rng::new(3);
        for (policy, offset) in [(PagePolicy::Base, 64), (PagePolicy::Huge, 0)] {
            let mut seen = std::collections::BTreeSet::new();
            for _ in 0..16 {
                // Each is gone when the next one is mapped.
                let mut buffer = Buffer::anywhere(5 << 20, policy, offset, &mut rng).unwrap();
                buffer.as_bytes_mut().fill(1);
                assert_eq!(usize::try_from(buffer.address()).unwrap() % page_bytes(), offset);
                assert_eq!(buffer.pages().policy, policy);
                seen.insert(buffer.address());
            }
            assert!(seen.len() > 1 || !addresses_are_free() || ROOM / huge_page_bytes() < 64, "{policy}: {seen:?}");
        }
    }

    #[test]
    fn policies_read_back() {
        for policy in PagePolicy::ALL {
            assert_eq!(policy.name().parse(), Ok(policy));
        }
        assert!("2M".parse::<PagePolicy>().is_err());
    }
}
