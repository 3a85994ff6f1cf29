//! How much memory could be mapped and touched without swapping or being killed.

use std::path::Path;

/// Bytes that fit, and the limit that says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Available {
    /// Bytes.
    pub bytes: u64,
    /// The tightest limit and the file it was read from.
    pub source: String,
}

/// The tightest of the machine's free memory and the limits of the control groups; `None` where neither can be read.
#[must_use]
pub fn available() -> Option<Available> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let limits = group_limits(&groups, Path::new("/sys/fs/cgroup"));
    free_memory().into_iter().chain(limits).min_by_key(|limit| limit.bytes)
}

fn free_memory() -> Option<Available> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib = line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?;
    Some(Available { bytes: kib.checked_mul(1024)?, source: "MemAvailable in /proc/meminfo".into() })
}

/// The limits of the process' control groups and of all their ancestors.
fn group_limits(groups: &str, root: &Path) -> Vec<Available> {
    let mut limits = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else { continue };
        let (root, files) = match controllers {
            "" => (root.to_owned(), ["memory.max", "memory.current"]),
            "memory" => (root.join("memory"), ["memory.limit_in_bytes", "memory.usage_in_bytes"]),
            _ => continue,
        };
        let leaf = root.join(group.trim_start_matches('/'));
        limits.extend(leaf.ancestors().take_while(|at| at.starts_with(&root)).filter_map(|at| room_in(at, files)));
    }
    limits
}

/// What one control group leaves: its limit less what it uses, where file cache that can be dropped does not count.
fn room_in(group: &Path, [limit, usage]: [&str; 2]) -> Option<Available> {
    let read = |name: &str| std::fs::read_to_string(group.join(name)).ok();
    let limit_bytes = read(limit)?.trim().parse::<u64>().ok()?;
    let used = read(usage)?.trim().parse::<u64>().ok()?;
    let stat = read("memory.stat").unwrap_or_default();
    let cache = stat.lines().find_map(|line| line.strip_prefix("inactive_file ")?.trim().parse::<u64>().ok());
    let bytes = limit_bytes.saturating_sub(used.saturating_sub(cache.unwrap_or(0)));
    Some(Available { bytes, source: format!("the limit in {}", group.join(limit).display()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tightest_group_of_the_ancestry_counts() {
        let root = tempfile::tempdir().unwrap();
        let put = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        put("a/memory.max", "1000\n");
        put("a/memory.current", "700\n");
        put("a/memory.stat", "anon 5\ninactive_file 200\n");
        put("a/b/memory.max", "max\n");
        put("a/b/memory.current", "1\n");
        put("memory/c/memory.limit_in_bytes", "90\n");
        put("memory/c/memory.usage_in_bytes", "100\n");
        let limits = group_limits("5:memory:/c\n3:cpu:/x\n0::/a/b\n", root.path());
        let bytes: Vec<_> = limits.iter().map(|limit| limit.bytes).collect();
        assert_eq!(bytes, [0, 500]);
        assert!(limits[1].source.ends_with("a/memory.max"), "{limits:?}");
        assert!(group_limits("", root.path()).is_empty());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_machine_has_some_memory() {
        assert!(available().is_some_and(|available| available.bytes > 0 && !available.source.is_empty()));
    }
}
