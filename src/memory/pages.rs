//! Which pages a range of memory has, read from the system and never assumed.

use super::PagePolicy;

/// What the pages of a buffer are. What could not be read is absent and has a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageReport {
    /// What was asked for.
    pub policy: PagePolicy,
    /// Bytes in base pages.
    pub base_bytes: Option<u64>,
    /// Bytes in huge pages.
    pub huge_bytes: Option<u64>,
    /// Where the figures were read; empty if nowhere.
    pub source: &'static str,
    /// Why figures are absent or not what was asked for.
    pub reason: Option<String>,
}

impl PageReport {
    /// Whether every page is of the kind asked for; `None` if unknown.
    #[must_use]
    pub fn as_asked(&self) -> Option<bool> {
        match self.policy {
            PagePolicy::Base => self.huge_bytes.map(|bytes| bytes == 0),
            PagePolicy::Huge => self.base_bytes.map(|bytes| bytes == 0),
        }
    }

    /// Reads the pages of `length` bytes at `start`, which no other mapping touches.
    pub(super) fn of_range(start: u64, length: u64, policy: PagePolicy, advice: Option<String>) -> Self {
        let report = |base_bytes, huge_bytes, source, reason| Self { policy, base_bytes, huge_bytes, source, reason };
        let unread = |why: String| report(None, None, "", Some(advice.clone().unwrap_or(why)));
        if !cfg!(target_os = "linux") {
            return unread("page sizes of a mapping are read from /proc/self/smaps, which only Linux has".into());
        }
        let text = match std::fs::read_to_string("/proc/self/smaps") {
            Ok(text) => text,
            Err(error) => return unread(format!("/proc/self/smaps: {error}")),
        };
        let Some((resident, huge)) = in_smaps(&text, start, start + length) else {
            return unread("/proc/self/smaps does not list the buffer's pages".into());
        };
        let short = policy == PagePolicy::Huge && huge < length;
        let reason = advice.clone().or_else(|| short.then(why_not_huge));
        report(Some(resident.saturating_sub(huge)), Some(huge), "/proc/self/smaps", reason)
    }
}

/// Resident bytes and bytes in huge pages of the mappings inside `start..end`.
fn in_smaps(text: &str, start: u64, end: u64) -> Option<(u64, u64)> {
    let (mut inside, mut found) = (false, None);
    for line in text.lines() {
        if let Some((low, high)) = address_range(line) {
            inside = low >= start && high <= end;
        } else if inside {
            let (resident, huge) = found.get_or_insert((0, 0));
            match line.split_once(':') {
                Some(("Rss", kb)) => *resident += kib(kb)?,
                Some(("AnonHugePages" | "Private_Hugetlb", kb)) => *huge += kib(kb)?,
                _ => {}
            }
        }
    }
    found
}

/// `7f0c4d000000-7f0c4d021000 rw-p …`.
fn address_range(line: &str) -> Option<(u64, u64)> {
    let (low, high) = line.split_whitespace().next()?.split_once('-')?;
    Some((u64::from_str_radix(low, 16).ok()?, u64::from_str_radix(high, 16).ok()?))
}

/// `   2048 kB` in bytes.
fn kib(text: &str) -> Option<u64> {
    text.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

const THP: &str = "/sys/kernel/mm/transparent_hugepage";

fn why_not_huge() -> String {
    match std::fs::read_to_string(format!("{THP}/enabled")) {
        Ok(text) if text.contains("[never]") => format!("{THP}/enabled is never"),
        Ok(text) => format!("the system had too few free huge pages ({THP}/enabled: {})", text.trim()),
        Err(error) => format!("no transparent huge pages here ({THP}/enabled: {error})"),
    }
}

/// Bytes of a transparent huge page; 2 MiB where the system does not tell.
#[must_use]
pub fn huge_page_bytes() -> usize {
    let told = std::fs::read_to_string(format!("{THP}/hpage_pmd_size")).ok();
    let told = told.and_then(|text| text.trim().parse().ok());
    told.filter(|bytes: &usize| bytes.is_power_of_two() && *bytes <= 1 << 30).unwrap_or(2 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::Buffer;

    #[test]
    fn only_the_mappings_of_the_range_count() {
        let text = "1000-3000 ---p 00000000 00:00 0\nRss: 0 kB\nAnonHugePages: 0 kB\n\
                    3000-9000 rw-p 00000000 00:00 0\nRss:     24 kB\nAnonHugePages:   8 kB\nVmFlags: rd wr\n\
                    a000-b000 rw-p 00000000 00:00 0\nRss: 4 kB\n";
        assert_eq!(in_smaps(text, 0x3000, 0x9000), Some((24 << 10, 8 << 10)));
        assert_eq!(in_smaps(text, 0xc000, 0xd000), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_report_covers_every_byte_and_says_why_pages_are_not_huge() {
        for policy in PagePolicy::ALL {
            let buffer = Buffer::new(6 << 20, policy, 0).unwrap();
            let report = buffer.pages();
            let (base, huge) = (report.base_bytes.unwrap(), report.huge_bytes.unwrap());
            assert_eq!(base + huge, 6 << 20, "{report:?}");
            match policy {
                PagePolicy::Base => assert_eq!(huge, 0, "{report:?}"),
                PagePolicy::Huge => assert_eq!(huge < 6 << 20, report.reason.is_some(), "{report:?}"),
            }
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn two_buffers_do_not_count_each_others_pages() {
        let both =
            [Buffer::new(4 << 20, PagePolicy::Huge, 0).unwrap(), Buffer::new(4 << 20, PagePolicy::Huge, 0).unwrap()];
        for report in both.iter().map(Buffer::pages) {
            assert_eq!(report.base_bytes.unwrap() + report.huge_bytes.unwrap(), 4 << 20, "{report:?}");
        }
    }
}
