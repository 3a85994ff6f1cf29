//! What is simulated: cache levels and data TLBs, of this host, of a specification, or of another CPU.

use crate::host::Host;
use crate::units::{bytes_tick, parse_bytes};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Caches and TLBs that are simulated at most.
const MOST_LEVELS: usize = 8;
/// Bytes of a cache at most.
const MOST_BYTES: u64 = 4 << 30;
/// Lines of a cache at most: what is allocated is in proportion to them.
const MOST_LINES: u64 = MOST_BYTES / 64;
/// Ways at most; a fully associative TLB has as many as entries.
const MOST_WAYS: u32 = 65_536;

/// One cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// `L1d`, `L2`, …
    pub name: String,
    /// Capacity in bytes: line × ways × sets.
    pub bytes: u64,
    /// Ways of associativity.
    pub ways: u32,
    /// Line in bytes, a power of two, the same in every level.
    pub line: u32,
    /// Number of sets; not only powers of two.
    pub sets: u32,
}

/// One data TLB.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlbLevel {
    /// `L1 dTLB`, `L2 dTLB`.
    pub name: String,
    /// Number of entries.
    pub entries: u32,
    /// Ways; equal to the entries if fully associative.
    pub ways: u32,
}

/// Caches from the CPU outwards, and the TLBs for one page size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Geometry {
    /// Caches from the CPU outwards; at least one.
    pub levels: Vec<Level>,
    /// Data TLBs from the CPU outwards; may be empty.
    pub tlbs: Vec<TlbLevel>,
    /// Bytes of a page.
    pub page: u64,
    /// Where the figures come from.
    pub source: String,
}

/// A geometry that cannot be simulated; the message names the field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct GeometryError(pub(super) String);

fn refuse<T>(message: String) -> Result<T, GeometryError> {
    Err(GeometryError(message))
}

impl Level {
    /// A level of `bytes` with `ways` and lines of `line` bytes.
    ///
    /// # Errors
    /// The field at fault: a line that is no power of two, no ways, bytes that are no whole number of sets.
    pub fn new(name: &str, bytes: u64, ways: u32, line: u32) -> Result<Self, GeometryError> {
        if !line.is_power_of_two() || !(8..=4096).contains(&line) {
            return refuse(format!("{name}: line {line}: expected a power of two from 8 to 4096"));
        }
        if ways == 0 || ways > MOST_WAYS {
            return refuse(format!("{name}: ways {ways}: expected 1 to {MOST_WAYS}"));
        }
        let set = u64::from(line) * u64::from(ways);
        if bytes == 0 || bytes > MOST_BYTES || !bytes.is_multiple_of(set) {
            return refuse(format!(
                "{name}: size {bytes}: expected a multiple of line * ways = {set} bytes, at most {}",
                bytes_tick(MOST_BYTES)
            ));
        }
        if bytes / u64::from(line) > MOST_LINES {
            return refuse(format!("{name}: size {bytes}: more than {MOST_LINES} lines of {line} bytes"));
        }
        let sets =
            u32::try_from(bytes / set).map_err(|_| GeometryError(format!("{name}: size {bytes}: too many sets")))?;
        Ok(Self { name: name.to_owned(), bytes, ways, line, sets })
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.name, bytes_tick(self.bytes), self.ways)
    }
}

impl TlbLevel {
    /// A TLB.
    ///
    /// # Errors
    /// The field at fault: no entries, or entries that are no whole number of sets.
    pub fn new(name: &str, entries: u32, ways: u32) -> Result<Self, GeometryError> {
        if entries == 0 || entries > MOST_WAYS {
            return refuse(format!("{name}: entries {entries}: expected 1 to {MOST_WAYS}"));
        }
        if ways == 0 || !entries.is_multiple_of(ways) {
            return refuse(format!("{name}: ways {ways}: expected a divisor of the {entries} entries"));
        }
        Ok(Self { name: name.to_owned(), entries, ways })
    }
}

impl Geometry {
    /// Checked levels.
    ///
    /// # Errors
    /// None or too many levels, lines of different sizes, or a page that is no power of two of at least a line.
    pub fn new(levels: Vec<Level>, tlbs: Vec<TlbLevel>, page: u64, source: &str) -> Result<Self, GeometryError> {
        if levels.is_empty() || levels.len() > MOST_LEVELS || tlbs.len() > MOST_LEVELS {
            return refuse(format!("expected 1 to {MOST_LEVELS} caches and at most {MOST_LEVELS} TLBs"));
        }
        // Files may hold anything: every level is made anew.
        for level in &levels {
            let made = Level::new(&level.name, level.bytes, level.ways, level.line)?;
            if made.sets != level.sets {
                return refuse(format!("{}: sets {}: expected {}", level.name, level.sets, made.sets));
            }
        }
        for tlb in &tlbs {
            TlbLevel::new(&tlb.name, tlb.entries, tlb.ways)?;
        }
        let line = levels[0].line;
        if let Some(other) = levels.iter().find(|level| level.line != line) {
            return refuse(format!("{}: line {}: expected {line}, as in {}", other.name, other.line, levels[0].name));
        }
        if !page.is_power_of_two() || page < u64::from(line) || page > 1 << 40 {
            return refuse(format!("page {page}: expected a power of two, at least a line"));
        }
        Ok(Self { levels, tlbs, page, source: source.to_owned() })
    }

    /// The data caches of a host with its TLBs for base pages. TLBs whose ways the CPU does not tell are left out.
    ///
    /// # Errors
    /// If the host does not tell its caches.
    pub fn of_host(host: &Host) -> Result<Self, GeometryError> {
        let mut levels = Vec::new();
        for cache in host.data_caches() {
            let name = cache.name();
            let unknown = |what: &str| GeometryError(format!("{name}: this machine does not tell its {what}"));
            let line = cache.line.ok_or_else(|| unknown("line"))?;
            let ways = cache.ways.ok_or_else(|| unknown("ways"))?;
            levels.push(Level::new(&name, cache.bytes, ways, line)?);
        }
        if levels.is_empty() {
            let why = host.caches_absent.map_or_else(String::new, |reason| format!(": {reason}"));
            return refuse(format!("this machine does not tell its caches{why}; give them with --cache"));
        }
        let page = host.pages.base.value().copied().unwrap_or(4096);
        let tlb = |tlb: &&crate::host::Tlb| TlbLevel::new(&format!("L{} dTLB", tlb.level), tlb.entries, tlb.ways?).ok();
        let tlbs = host.data_tlbs(page).iter().filter_map(tlb).collect();
        Self::new(levels, tlbs, page, "host")
    }

    /// Caches from a text such as `l1=32K:8:64,l2=512K:8:64`: size, ways, line (64 if left out).
    ///
    /// # Errors
    /// The part at fault and what would be right.
    pub fn parse_caches(text: &str) -> Result<Vec<Level>, GeometryError> {
        let one = |part: &str| {
            let wrong = || GeometryError(format!("{part:?}: expected name=size:ways:line, such as l1=32K:8:64"));
            let (name, rest) = part.split_once('=').ok_or_else(wrong)?;
            let fields: Vec<&str> = rest.split(':').collect();
            let (size, ways, line) = match fields.as_slice() {
                [size, ways] => (size, ways, "64"),
                [size, ways, line] => (size, ways, *line),
                _ => return Err(wrong()),
            };
            let name = match name.to_ascii_lowercase().as_str() {
                "l1" | "l1d" => "L1d".to_owned(),
                other if other.len() == 2 && other.starts_with('l') => other.to_uppercase(),
                _ => return refuse(format!("{part:?}: expected a level such as l1, l2 or l3, not {name:?}")),
            };
            let bytes = parse_bytes(size)
                .ok_or_else(|| GeometryError(format!("{part:?}: size {size:?}: expected bytes such as 32K")))?;
            let number = |what: &str, text: &str| {
                text.parse().map_err(|_| GeometryError(format!("{part:?}: {what} {text:?}: expected a number")))
            };
            Level::new(&name, bytes, number("ways", ways)?, number("line", line)?)
        };
        text.split(',').map(str::trim).map(one).collect()
    }

    /// TLBs from a text such as `l1=64:64,l2=2048:8`: entries, ways (fully associative if left out).
    ///
    /// # Errors
    /// The part at fault and what would be right.
    pub fn parse_tlbs(text: &str) -> Result<Vec<TlbLevel>, GeometryError> {
        let one = |part: &str| {
            let wrong = || GeometryError(format!("{part:?}: expected name=entries:ways, such as l2=2048:8"));
            let (name, rest) = part.split_once('=').ok_or_else(wrong)?;
            let (entries, ways) = rest.split_once(':').unwrap_or((rest, rest));
            let number = |text: &str| text.parse::<u32>().map_err(|_| wrong());
            TlbLevel::new(&format!("{} dTLB", name.to_uppercase()), number(entries)?, number(ways)?)
        };
        text.split(',').map(str::trim).map(one).collect()
    }

    /// Whether there is nothing to simulate.
    pub(super) fn is_empty(&self) -> bool {
        self.levels.is_empty() && self.tlbs.is_empty()
    }

    /// Sets and ways of the caches and then the TLBs.
    pub(super) fn sets(&self) -> Vec<[u64; 2]> {
        let caches = self.levels.iter().map(|level| [level.sets.into(), level.ways.into()]);
        caches.chain(self.tlbs.iter().map(|tlb| [u64::from(tlb.entries / tlb.ways), tlb.ways.into()])).collect()
    }

    /// The first levels only, and the first TLBs.
    pub(super) fn first(&self, levels: usize) -> Self {
        let mut first = self.clone();
        first.levels.truncate(levels);
        first.tlbs.truncate(levels);
        first
    }

    /// What is touched: a line, or a page where there are TLBs only.
    pub(super) fn unit(&self) -> u64 {
        if self.levels.is_empty() { self.page } else { self.line() }
    }

    /// Bytes of a line.
    #[must_use]
    pub fn line(&self) -> u64 {
        self.levels.first().map_or(64, |level| level.line.into())
    }
}

impl fmt::Display for Geometry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let levels: Vec<String> = self.levels.iter().map(ToString::to_string).collect();
        f.pad(&levels.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specifications_read_back_and_others_name_the_field() {
        let levels = Geometry::parse_caches("l1=32K:8:64, l2=512K:8:64,l3=32M:16").unwrap();
        assert_eq!(levels.iter().map(|level| level.sets).collect::<Vec<_>>(), [64, 1024, 32_768]);
        assert_eq!(levels[0].to_string(), "L1d 32K/8");
        // 12 ways and 48 KiB: 64 sets; 20 ways: sets that are no power of two.
        assert_eq!(Geometry::parse_caches("l1=48K:12,l2=1920K:20").unwrap()[1].sets, 1536);
        for (wrong, field) in [
            ("l1=32K:8:63", "line 63"),
            ("l1=32K:0:64", "ways 0"),
            ("l1=4E:8:64", "size"),
            ("l1=33000:8:64", "size 33000"),
            ("l1=4G:8:8", "lines of 8 bytes"),
            ("l1=32K", "expected name=size:ways:line"),
            ("x=32K:8:64", "level"),
            ("l1=32K:8:64,l2=512K:x:64", "ways \"x\""),
        ] {
            let error = Geometry::parse_caches(wrong).unwrap_err().to_string();
            assert!(error.contains(field), "{wrong}: {error}");
        }
        assert_eq!(Geometry::parse_tlbs("l1=64,l2=2048:8").unwrap()[1].ways, 8);
        assert!(Geometry::parse_tlbs("l1=64:7").is_err());
        let (one, other) = (Level::new("L1d", 32768, 8, 64).unwrap(), Level::new("L2", 524_288, 8, 128).unwrap());
        assert!(Geometry::new(vec![one, other], vec![], 4096, "test").is_err());
    }
}
