//! Limits of the control group: CPU quota and memory, in version 2 and version 1.

use super::fact::{Absence, Fact, Source};
use super::root::Root;

/// Version 1 writes a number near 2^63 where there is no limit.
const NO_LIMIT: u64 = 1 << 60;

/// The folders from this process's group up to the root, for a controller; paths are never shown to anyone.
fn folders(root: &Root, controller: &str) -> Result<Vec<(String, bool)>, Absence> {
    let groups = root.text("proc/self/cgroup")?;
    let mut found = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else { continue };
        if controllers.is_empty() {
            found.extend(ancestors("sys/fs/cgroup", path).into_iter().map(|folder| (folder, true)));
        } else if controllers.split(',').any(|one| one == controller) {
            let mount = format!("sys/fs/cgroup/{controller}");
            found.extend(ancestors(&mount, path).into_iter().map(|folder| (folder, false)));
        }
    }
    Ok(found)
}

/// A namespace may show a path from outside that does not exist in here: then only the mount itself counts.
fn ancestors(mount: &str, path: &str) -> Vec<String> {
    let mut folders = vec![mount.to_owned()];
    if path.split('/').any(|part| part == "..") {
        return folders;
    }
    for part in path.split('/').filter(|part| !part.is_empty()) {
        let inner = format!("{}/{part}", folders[folders.len() - 1]);
        folders.push(inner);
    }
    folders
}

/// CPUs' worth of time per second of wall time: the smallest quota on the way up.
pub(super) fn cpu_quota(root: &Root) -> Fact<f64> {
    let folders = match folders(root, "cpu") {
        Ok(folders) => folders,
        Err(reason) => return Fact::absent(reason),
    };
    let quotas = folders.iter().filter_map(|(folder, second)| quota(root, folder, *second));
    Fact::of(quotas.reduce(f64::min).ok_or(Absence::NoLimit), Source::Cgroup)
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of a quota are far below 2^53")]
fn quota(root: &Root, folder: &str, second: bool) -> Option<f64> {
    let (quota, period) = if second {
        let line = root.line(&format!("{folder}/cpu.max")).ok()?;
        let (quota, period) = line.split_once(' ')?;
        (quota.parse::<u64>().ok()?, period.parse::<u64>().ok()?)
    } else {
        let quota = root.number(&format!("{folder}/cpu.cfs_quota_us")).ok()?;
        (quota, root.number(&format!("{folder}/cpu.cfs_period_us")).ok()?)
    };
    (quota > 0 && period > 0).then(|| quota as f64 / period as f64)
}

/// Bytes that the group may use, and how many of them are still free, for the tightest limit on the way up.
pub(super) fn memory(root: &Root) -> (Fact<u64>, Fact<u64>) {
    let folders = match folders(root, "memory") {
        Ok(folders) => folders,
        Err(reason) => return (Fact::absent(reason), Fact::absent(reason)),
    };
    let limits: Vec<(u64, u64)> = folders.iter().filter_map(|(folder, second)| limit(root, folder, *second)).collect();
    let smallest =
        |values: &mut dyn Iterator<Item = u64>| Fact::of(values.min().ok_or(Absence::NoLimit), Source::Cgroup);
    (smallest(&mut limits.iter().map(|limit| limit.0)), smallest(&mut limits.iter().map(|limit| limit.1)))
}

fn limit(root: &Root, folder: &str, second: bool) -> Option<(u64, u64)> {
    let names =
        if second { ["memory.max", "memory.current"] } else { ["memory.limit_in_bytes", "memory.usage_in_bytes"] };
    let limit = root.number(&format!("{folder}/{}", names[0])).ok().filter(|&limit| limit < NO_LIMIT)?;
    let used = root.number(&format!("{folder}/{}", names[1])).unwrap_or(0);
    Some((limit, limit.saturating_sub(used)))
}

/// Microseconds for which the group was throttled since it was made.
pub(super) fn throttled_us(root: &Root) -> Fact<u64> {
    let folders = match folders(root, "cpu") {
        Ok(folders) => folders,
        Err(reason) => return Fact::absent(reason),
    };
    let told = folders.iter().filter_map(|(folder, _)| throttled(root, folder));
    Fact::of(told.reduce(u64::max).ok_or(Absence::NotOffered), Source::Cgroup)
}

fn throttled(root: &Root, folder: &str) -> Option<u64> {
    let text = root.text(&format!("{folder}/cpu.stat")).ok()?;
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok());
    value("throttled_usec ").or_else(|| value("throttled_time ").map(|ns| ns / 1000))
}
