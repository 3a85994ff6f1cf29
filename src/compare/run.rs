//! A bundle reduced to what comparing needs.

use crate::bundle::{Bundle, Member, PairRecord, shown};
use crate::host::MachineClass;
use crate::stats::median;
use crate::suite::SizeClass;
use std::collections::BTreeMap;

/// One pair of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// Mean over the placements of the median log ratio, contender over baseline.
    pub log_penalty: f64,
    /// Variance of that mean by the placements; `None` with fewer than two.
    pub variance: Option<f64>,
    /// Nanoseconds per step of baseline and contender, medians.
    pub nanos: [f64; 2],
    /// Bytes of all the arrays.
    pub footprint_bytes: u64,
    /// Whether the null control of its size class disqualifies verdicts.
    pub noisy: bool,
    /// Simulated misses of the first level per step, contender.
    pub simulated_l1: Option<f64>,
}

impl Cell {
    fn of(pair: &PairRecord, noisy: bool) -> Option<Self> {
        let medians: Vec<f64> = pair.log_ratios().iter().filter_map(|rounds| median(rounds)).collect();
        if medians.is_empty() {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "placements are few")]
        let n = medians.len() as f64;
        let mean = medians.iter().sum::<f64>() / n;
        let squares: f64 = medians.iter().map(|value| (value - mean).powi(2)).sum();
        let nanos = [Member::Baseline, Member::Contender].map(|member| pair.per_step(member));
        let [Some(baseline), Some(contender)] = nanos else { return None };
        Some(Self {
            log_penalty: mean,
            variance: (medians.len() > 1).then(|| squares / (n - 1.0) / n),
            nanos: [baseline.median, contender.median],
            footprint_bytes: pair.contender.footprint_bytes,
            noisy,
            simulated_l1: pair.simulated_misses(Member::Contender, 0),
        })
    }
}

/// One run on one machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Random identity of its bundle.
    pub bundle_id: String,
    /// Names the run.
    pub run_id: String,
    /// UTC, RFC 3339: sorts in time.
    pub created: String,
    /// Digest of the bundle without its last line; tells two files of one identity apart.
    pub digest: String,
    /// Hash of the machine class.
    pub class_id: String,
    /// What the hash was made of.
    pub machine: MachineClass,
    /// Name of the CPU, safe to show.
    pub cpu: String,
    /// Hash of the list of cases.
    pub plan: String,
    /// Whether it was measured by a debug build.
    pub debug: bool,
    /// Data caches: name and bytes.
    pub caches: Vec<(String, u64)>,
    /// Pairs by the contender's id; null controls are not among them.
    pub cells: BTreeMap<String, Cell>,
}

impl Run {
    /// What comparing needs of a bundle.
    #[must_use]
    pub fn of(bundle: &Bundle) -> Self {
        let header = &bundle.header;
        // Asked once per size class: the answer takes all rounds of its controls.
        let mut noisy: Vec<(SizeClass, bool)> = Vec::new();
        let mut is_noisy = |bytes: u64| {
            let class = bundle.size_class(bytes);
            if let Some((_, known)) = noisy.iter().find(|(known, _)| *known == class) {
                return *known;
            }
            let answer = bundle.is_noisy(bytes);
            noisy.push((class, answer));
            answer
        };
        let mut cells = BTreeMap::new();
        for pair in bundle.pairs.iter().filter(|pair| !pair.null) {
            if let Some(cell) = Cell::of(pair, is_noisy(pair.contender.footprint_bytes)) {
                cells.insert(pair.id.clone(), cell);
            }
        }
        Self {
            bundle_id: header.bundle_id.clone(),
            run_id: header.run_id.clone(),
            created: header.created.clone(),
            digest: bundle.end.as_ref().map_or_else(String::new, |end| end.sha256.clone()),
            class_id: header.class_id.clone(),
            machine: header.machine.clone(),
            cpu: shown(&bundle.cpu_name()),
            plan: header.plan.hash.clone(),
            debug: header.tool.debug,
            caches: bundle.data_caches(),
            cells,
        }
    }
}

/// Two different bundles under one identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("conflicting bundles: run {run_id} is there twice with different content")]
pub struct Conflict {
    /// The run.
    pub run_id: String,
}

/// Runs in the order of time and identity, each once.
///
/// # Errors
/// [`Conflict`] if two runs have one bundle's identity, or one run's name on one class, and differ.
pub fn distinct(mut runs: Vec<Run>) -> Result<Vec<Run>, Conflict> {
    let key = |run: &Run| (run.created.clone(), run.run_id.clone(), run.bundle_id.clone(), run.digest.clone());
    runs.sort_by_cached_key(key);
    runs.dedup_by(|a, b| a.bundle_id == b.bundle_id && a.digest == b.digest);
    let mut seen = std::collections::HashMap::new();
    for run in &runs {
        for name in [run.bundle_id.clone(), format!("{}/{}", run.class_id, run.run_id)] {
            if seen.insert(name, &run.digest).is_some_and(|other| *other != run.digest) {
                return Err(Conflict { run_id: run.run_id.clone() });
            }
        }
    }
    Ok(runs)
}

/// The fields in which two machine classes differ: name, value of `a`, value of `b`.
#[must_use]
pub fn differing_fields(a: &MachineClass, b: &MachineClass) -> Vec<(String, String, String)> {
    let fields = |class: &MachineClass| {
        let mut flat = BTreeMap::new();
        flatten("", &serde_json::to_value(class).unwrap_or_default(), &mut flat);
        flat
    };
    let (a, b) = (fields(a), fields(b));
    let names: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let value = |of: &BTreeMap<String, String>, name: &String| of.get(name).cloned().unwrap_or_else(|| "absent".into());
    names.into_iter().map(|name| (name.clone(), value(&a, name), value(&b, name))).filter(|(_, a, b)| a != b).collect()
}

fn flatten(at: &str, value: &serde_json::Value, flat: &mut BTreeMap<String, String>) {
    let join = |key: &str| if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") };
    match value {
        serde_json::Value::Object(fields) => fields.iter().for_each(|(key, value)| flatten(&join(key), value, flat)),
        serde_json::Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, value)| flatten(&format!("{at}[{i}]"), value, flat));
        }
        value => {
            flat.insert(at.to_owned(), value.to_string().trim_matches('"').to_owned());
        }
    }
}
