//! A bundle reduced to what comparing needs.

use crate::bundle::{Bundle, Member, PairRecord, shown};
use crate::host::MachineClass;
use crate::stats::median_in_place;
use crate::suite::SizeClass;
use std::collections::BTreeMap;

/// The logarithm of a ratio or of nanoseconds, as one run has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Mean over the placements of their medians.
    pub log: f64,
    /// Variance of that mean by the placements; `None` with fewer than two.
    pub variance: Option<f64>,
    /// Degrees of freedom of the variance: one less than there are placements.
    pub freedom: u32,
}

impl Estimate {
    #[expect(clippy::cast_precision_loss, reason = "placements are few")]
    fn of(medians: &[f64]) -> Option<Self> {
        let n = medians.len() as f64;
        let mean = medians.iter().sum::<f64>() / n;
        let squares: f64 = medians.iter().map(|value| (value - mean).powi(2)).sum();
        let variance = (medians.len() > 1).then(|| squares / (n - 1.0) / n);
        let freedom = u32::try_from(medians.len()).unwrap_or(u32::MAX).saturating_sub(1);
        (!medians.is_empty()).then_some(Self { log: mean, variance, freedom })
    }
}

/// One pair of one run.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// Log ratio of the contender's time to the baseline's.
    pub penalty: Estimate,
    /// Log of the contender's nanoseconds per step.
    pub contender: Estimate,
    /// Nanoseconds per step of the contender, median.
    pub nanos: f64,
    /// Bytes of all the arrays.
    pub footprint_bytes: u64,
    /// Where they lie.
    pub class: SizeClass,
    /// Whether the null control of its size class disqualifies verdicts.
    pub noisy: bool,
    /// Simulated misses of the first level per step, contender.
    pub simulated_l1: Option<f64>,
}

impl Cell {
    #[expect(clippy::cast_precision_loss, reason = "nanoseconds of a sample and steps of a pass are below 2^53")]
    fn of(pair: &PairRecord, class: SizeClass, noisy: bool) -> Option<Self> {
        let (mut ratios, mut times) = (Vec::new(), Vec::new());
        let (mut all, mut one, mut each) = (Vec::new(), Vec::new(), Vec::new());
        let steps = pair.contender.steps.max(1) as f64;
        for block in &pair.blocks {
            one.clear();
            each.clear();
            let per_step = 1.0 / (block.passes as f64 * steps);
            for round in block.used_rounds() {
                let ([a, b], [c, d]) = (block.baseline_of(round), block.contender_of(round));
                one.push(crate::stats::log_ratio([a, b], [c, d]));
                each.extend([c as f64 * per_step, d as f64 * per_step]);
            }
            all.extend_from_slice(&each);
            ratios.extend(median_in_place(&mut one));
            times.extend(median_in_place(&mut each).map(f64::ln));
        }
        Some(Self {
            penalty: Estimate::of(&ratios)?,
            contender: Estimate::of(&times)?,
            nanos: median_in_place(&mut all)?,
            footprint_bytes: pair.contender.footprint_bytes,
            class,
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
    /// Digest of the bundle without its last line, or how far it came; tells two files of one identity apart.
    pub digest: String,
    /// Whether it has its end.
    pub whole: bool,
    /// Hash of the machine class.
    pub class_id: String,
    /// What the hash was made of.
    pub machine: MachineClass,
    /// Name of the CPU, safe to show.
    pub cpu: String,
    /// Hash of the list of cases.
    pub plan: String,
    /// Cases that were planned, and those that were measured or skipped.
    pub planned: [usize; 2],
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
        let mut cell = |pair: &PairRecord| {
            let bytes = pair.contender.footprint_bytes;
            let class = bundle.size_class(bytes);
            let known = noisy.iter().find(|(known, _)| *known == class).copied();
            let (class, answer) = known.unwrap_or_else(|| {
                noisy.push((class, bundle.is_noisy(bytes)));
                noisy[noisy.len() - 1]
            });
            Some((pair.id.clone(), Cell::of(pair, class, answer)?))
        };
        let cells = bundle.pairs.iter().filter(|pair| !pair.null).filter_map(&mut cell).collect();
        let done = bundle.pairs.len() + bundle.cases.len() + bundle.skipped.len();
        Self {
            bundle_id: header.bundle_id.clone(),
            run_id: header.run_id.clone(),
            created: header.created.clone(),
            // Lines are only ever appended: two files of a run that are as long are the same.
            digest: bundle.end.as_ref().map_or_else(|| format!("cut off after {done}"), |end| end.sha256.clone()),
            whole: bundle.end.is_some(),
            class_id: header.class_id.clone(),
            machine: header.machine.clone(),
            cpu: shown(&bundle.cpu_name()),
            plan: header.plan.hash.clone(),
            planned: [header.plan.ids.len(), done],
            debug: header.tool.debug,
            caches: bundle.data_caches(),
            cells,
        }
    }
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
