//! Reads /sys and /proc below a root path, so that tests can show it another machine.

use super::fact::{Absence, Fact, Source};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

/// Longest file that is read; /proc/cpuinfo of 1,000 CPUs has about 1.5 MB.
const LONGEST: u64 = 8 << 20;
/// Longest free text that is kept; a bundle allows no more.
const LONGEST_TEXT: usize = 128;

/// Where /sys and /proc are looked for.
#[derive(Clone, Debug)]
pub struct Root {
    path: PathBuf,
}

impl Root {
    /// This machine.
    #[must_use]
    pub fn live() -> Self {
        Self::at("/")
    }

    /// A tree that holds `sys` and `proc`.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Whether this is the machine itself, where /sys and /proc exist only on Linux.
    fn is_live(&self) -> bool {
        self.path == Path::new("/")
    }

    /// A whole file, such as `proc/meminfo`.
    pub(crate) fn text(&self, file: &str) -> Result<String, Absence> {
        if self.is_live() && !cfg!(target_os = "linux") {
            return Err(Absence::NotLinux);
        }
        let mut bytes = Vec::new();
        let read = std::fs::File::open(self.path.join(file)).and_then(|f| f.take(LONGEST).read_to_end(&mut bytes));
        match read {
            Ok(_) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) => Err(self.absence(file, error.kind())),
        }
    }

    fn absence(&self, file: &str, kind: ErrorKind) -> Absence {
        match kind {
            ErrorKind::PermissionDenied => Absence::Denied,
            _ if file.starts_with("sys") && self.is_empty("sys") => Absence::NoSysfs,
            _ if file.starts_with("proc") && self.is_empty("proc") => Absence::NoProcfs,
            _ => Absence::NotOffered,
        }
    }

    /// An unmounted /sys or /proc is often there as an empty folder.
    fn is_empty(&self, folder: &str) -> bool {
        std::fs::read_dir(self.path.join(folder)).map_or(true, |mut entries| entries.next().is_none())
    }

    /// A file of one line, without its end; cut to printable ASCII.
    pub(super) fn line(&self, file: &str) -> Result<String, Absence> {
        let text = plain(self.text(file)?.lines().next().unwrap_or(""));
        if text.is_empty() { Err(Absence::Malformed) } else { Ok(text) }
    }

    /// A file that holds one number.
    pub(super) fn number(&self, file: &str) -> Result<u64, Absence> {
        self.line(file)?.parse().map_err(|_| Absence::Malformed)
    }

    /// A file that holds a list of CPUs.
    pub(super) fn cpus(&self, file: &str) -> Result<Vec<u32>, Absence> {
        parse_cpus(self.text(file)?.trim()).ok_or(Absence::Malformed)
    }

    /// The chosen word of a file such as `always [madvise] never`.
    pub(super) fn choice(&self, file: &str) -> Result<String, Absence> {
        let line = self.line(file)?;
        let chosen = line.split_whitespace().find_map(|word| word.strip_prefix('[')?.strip_suffix(']'));
        chosen.map(str::to_owned).ok_or(Absence::Malformed)
    }

    /// A number with its source.
    pub(super) fn number_fact(&self, file: &str) -> Fact<u64> {
        Fact::of(self.number(file), source(file))
    }

    /// A line with its source.
    pub(super) fn line_fact(&self, file: &str) -> Fact<String> {
        Fact::of(self.line(file), source(file))
    }

    /// A switch that is 0 or something else.
    pub(super) fn switch_fact(&self, file: &str) -> Fact<bool> {
        self.number_fact(file).map(|number| number != 0)
    }

    /// Names in a folder, sorted; nothing if it is not there.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        if self.is_live() && !cfg!(target_os = "linux") {
            return Vec::new();
        }
        let Ok(entries) = std::fs::read_dir(self.path.join(folder)) else { return Vec::new() };
        let mut names: Vec<String> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        names.sort_unstable();
        names
    }
}

fn source(file: &str) -> Source {
    if file.starts_with("proc") { Source::Procfs } else { Source::Sysfs }
}

/// Printable ASCII of limited length, so that no firmware string can spoil a terminal or a bundle.
pub(super) fn plain(text: &str) -> String {
    let kept: String = text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(LONGEST_TEXT).collect();
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `field : value` of a file such as /proc/cpuinfo: the first value of `field`.
pub(super) fn field<'a>(text: &'a str, field: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == field).then(|| value.trim())
    })
}

/// `0-3,8` as numbers, ascending; `None` if it is no such list. At most 65,536 CPUs.
pub(super) fn parse_cpus(text: &str) -> Option<Vec<u32>> {
    let mut cpus = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        if first > last || last > 65_535 {
            return None;
        }
        cpus.extend(first..=last);
    }
    cpus.sort_unstable();
    cpus.dedup();
    Some(cpus)
}

/// CPU numbers as `0-3,8`, the way Linux writes them.
#[must_use]
pub fn cpu_list(cpus: &[u32]) -> String {
    let mut parts: Vec<(u32, u32)> = Vec::new();
    for &cpu in cpus {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == cpu => *last = cpu,
            _ => parts.push((cpu, cpu)),
        }
    }
    let write = |&(first, last): &(u32, u32)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    parts.iter().map(write).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_cpus_reads_back() {
        for text in ["", "0", "0-1", "0-3,8", "1,3,5-7"] {
            assert_eq!(cpu_list(&parse_cpus(text).unwrap()), text);
        }
        for wrong in ["x", "3-1", "0-", "-", "0-99999999", "1 2"] {
            assert_eq!(parse_cpus(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn firmware_strings_lose_what_a_terminal_could_obey() {
        assert_eq!(plain("AMD\u{1b}[31m  EPYC\t\u{202e}7B13 "), "AMD[31m EPYC7B13");
        assert_eq!(plain(&"x".repeat(500)).len(), LONGEST_TEXT);
    }

    #[test]
    fn a_missing_tree_and_a_missing_file_have_different_reasons() {
        let folder = tempfile::tempdir().unwrap();
        let root = Root::at(folder.path());
        assert_eq!(root.text("sys/x"), Err(Absence::NoSysfs));
        assert_eq!(root.text("proc/x"), Err(Absence::NoProcfs));
        std::fs::create_dir_all(folder.path().join("proc/sys")).unwrap();
        assert_eq!(root.text("proc/x"), Err(Absence::NotOffered));
    }
}
