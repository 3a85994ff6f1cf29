//! What a bundle's own curves say of its CPU.

use super::chases::{Beside, Chases, beside};
use super::infer::Inferred;
use super::model::{Costs, Known, LINES_BEGUN, Prediction, Timed, Traffic, Traffics};
use crate::bundle::{Bundle, CaseInfo, CaseRecord, Member};
use crate::kernel::{Isa, Stores, Walk};
use crate::memory::PagePolicy;
use crate::simulate::{Geometry, TlbLevel};
use crate::stats;
use crate::suite::Case;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Families that the costs are found from, and with them the stores of `write` that keep the order; what is predicted is never among
/// them unless it is one of their cases, and then that case is left out.
pub const CURVES: [&str; 5] = ["floor", "roof", "stride", "pages", "probe"];
/// Points of the stride family that a fit needs.
const LEAST_POINTS: usize = 8;
/// Bytes of a huge page where a bundle does not tell.
const HUGE: u64 = 2 << 20;
/// A contiguous read that takes this many times what it takes in the last cache has left it.
const LEFT: f64 = 1.5;
/// A walk of a kind whose floor was not measured: this much per operand over that of `sum f8`.
const UNKNOWN_OPERAND: f64 = 0.5;

/// The curves of a bundle, ready to predict with.
#[derive(Clone, Debug)]
pub struct Measured {
    geometry: Geometry,
    huge: u64,
    known: Known,
    points: Vec<Timed>,
    floors: BTreeMap<String, Floor>,
    /// The instructions that it was measured with.
    isa: Isa,
}

/// A walk inside the first cache.
#[derive(Clone, Copy, Debug)]
struct Floor {
    /// Nanoseconds per step.
    ns: f64,
    /// What it executes of the innermost loop per step, and of the two innermost ones.
    loops: [f64; 2],
}

/// What a case is called among the points: the same nest by another name is the same.
#[must_use]
pub fn walk_name(case: &Case) -> String {
    let Ok(nest) = case.nest() else { return case.to_string() };
    let loops: Vec<String> = (0..nest.loops().len())
        .map(|depth| {
            let steps: Vec<String> =
                (0..nest.operands().len()).map(|operand| nest.loop_step(operand, depth).to_string()).collect();
            format!("{}:{}", nest.max_extent(depth), steps.join("/"))
        })
        // A loop of one iteration is none.
        .filter(|text| !text.starts_with("1:"))
        .collect();
    let options = &case.options;
    let stores = if options.stores == Stores::Plain { "" } else { " nt" };
    format!("{} {}{stores} {} {} {}", case.kernel, case.dtype, options.walk, options.pages, loops.join(" "))
}

impl Measured {
    /// Takes the curves out of a bundle.
    ///
    /// # Errors
    /// What the bundle lacks, and what to run.
    pub fn of(bundle: &Bundle) -> Result<Self, String> {
        let geometry = geometry(bundle)?;
        let latency = latencies(&geometry, Chases::of(bundle).caches().as_ref());
        let last = geometry.levels.last().map_or(0, |level| level.bytes / u64::from(level.line)) as f64;
        let known = Known { stream: streams(bundle, &geometry)?, latency, tlbs: geometry.tlbs.len(), last };
        let floors = floors(bundle);
        let isa = bundle.header.tool.isa.parse().unwrap_or(Isa::Baseline);
        let mut measured = Self { geometry, huge: HUGE, known, points: Vec::new(), floors, isa };
        measured.points = measured.points(bundle);
        let strides = measured.points.len();
        if strides < LEAST_POINTS {
            return Err(format!(
                "has {strides} points of the family stride, {LEAST_POINTS} are needed; measure one with: stridewise run \
                 --suite standard"
            ));
        }
        Ok(measured)
    }

    /// The caches that are simulated: the machine's, the last of them as large as the curve shows it.
    #[must_use]
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Dependent-load latency per level, the second cache first and memory last, where the chase was measured.
    #[must_use]
    pub fn latency(&self) -> &[Option<f64>] {
        &self.known.latency
    }

    /// Nanoseconds per line that streams, per level, the second cache first and memory last.
    #[must_use]
    pub fn stream(&self) -> &[f64] {
        &self.known.stream
    }

    /// What a case asks of the memory system, per [`Habit`](super::model::Habit), and of loops beyond what its floor has; `None`
    /// if it walks no nest.
    #[must_use]
    pub fn traffic(&self, case: &Case) -> Option<Traffics> {
        let traffics = Traffic::of(&case.nest().ok()?, case.options.stores, &self.geometry, self.page(case));
        Some(traffics.map(|traffic| self.beyond_floor(case, traffic)))
    }

    /// What a case will take by these costs; `None` if it walks no nest.
    #[must_use]
    pub fn predicted(&self, costs: &Costs, case: &Case) -> Option<Prediction> {
        let (nest, stores) = (case.nest().ok()?, case.options.stores);
        let traffic = Traffic::on(&nest, stores, &self.geometry, self.page(case), costs.habit);
        Some(costs.predict(&self.beyond_floor(case, traffic), self.core(case)))
    }

    /// Bytes of the pages that a case is in.
    fn page(&self, case: &Case) -> u64 {
        if case.options.pages == PagePolicy::Huge { self.huge } else { self.geometry.page }
    }

    /// Per element, with the loops that its floor does not have.
    fn beyond_floor(&self, case: &Case, traffic: Traffic) -> Traffic {
        let loops = self.floor(case).map_or([0.0; 2], |floor| floor.loops);
        let mut traffic = traffic.per(case.elements_per_step());
        traffic.runs -= loops[0];
        traffic.blocks -= loops[1];
        // A floor goes along rows.
        traffic.turns = (traffic.turns - case.dtype.itemsize() as f64 / self.geometry.line() as f64).max(0.0);
        // A block that is turned in registers has as many lines begun as a vector has elements, each in pieces of a vector.
        let vector = self.isa.vector_bytes();
        if case.options.walk == Walk::Block && vector / case.dtype.itemsize() > LINES_BEGUN {
            traffic.in_pieces(self.geometry.line() as f64 / vector as f64)
        } else {
            traffic
        }
    }

    fn floor(&self, case: &Case) -> Option<Floor> {
        let [exact, any] = floor_names(case).map(|name| self.floors.get(&name));
        exact.or(any).copied()
    }

    /// The arithmetic of a case, nanoseconds per step: the floor of its kernel, dtype and walk with the same operands in
    /// registers, or else with others; of a kernel or dtype whose floor was not measured, that of the sum, and half as much
    /// more for each further operand.
    #[must_use]
    pub fn core(&self, case: &Case) -> f64 {
        let walk = case.options.walk.to_string();
        let sum = || self.floors.get(&floor_name("sum", "f8", &walk)).map_or(0.25, |floor| floor.ns);
        let operands = case.kernel.roles().len() as f64;
        self.floor(case).map_or_else(
            || sum() * (1.0 + UNKNOWN_OPERAND * (operands - 1.0)) / case.elements_per_step() as f64,
            |floor| floor.ns,
        )
    }

    /// The costs, from the curves without the walks of these names.
    #[must_use]
    pub fn costs(&self, without: &[String]) -> Costs {
        let points: Vec<Timed> = self.points.iter().filter(|point| !without.contains(&point.id)).cloned().collect();
        Costs::fit(&self.known, &points)
    }

    /// Whether a walk of this name is on the curves.
    #[must_use]
    pub fn is_on_a_curve(&self, name: &str) -> bool {
        self.points.iter().any(|point| point.id == name)
    }

    fn points(&self, bundle: &Bundle) -> Vec<Timed> {
        let mut found: BTreeMap<String, (Case, Vec<f64>)> = BTreeMap::new();
        let mut add = |info: &CaseInfo, ns: Option<f64>| {
            let Some((case, ns)) = info.case().ok().zip(ns) else { return };
            if case.options.threads == 1 {
                found.entry(walk_name(&case)).or_insert_with(|| (case, Vec::new())).1.push(ns);
            }
        };
        let median = |pair: &crate::bundle::PairRecord, member| pair.per_step(member).map(|step| step.median);
        let is_curve = |case: &CaseInfo| {
            let stores = case.family == "write" && !case.options.contains_key("dest");
            stores || CURVES.contains(&case.family.as_str())
        };
        for pair in bundle.pairs.iter().filter(|pair| is_curve(&pair.contender) && !pair.null) {
            add(&pair.baseline, median(pair, Member::Baseline));
            add(&pair.contender, median(pair, Member::Contender));
        }
        for record in bundle.cases.iter().filter(|record| is_curve(&record.case)) {
            add(&record.case, record.per_step().map(|step| step.median));
        }
        let point = |(id, (case, ns)): (String, (Case, Vec<f64>))| {
            let core = self.core(&case);
            Some(Timed { id, traffic: self.traffic(&case)?, core, ns: stats::median(&ns)? })
        };
        // Each is a simulation of its own.
        found.into_par_iter().filter_map(point).collect()
    }
}

fn floor_name(kernel: &str, dtype: &str, walk: &str) -> String {
    format!("{kernel} {dtype} {walk}")
}

/// What a floor is known by: with the operands that the innermost loop keeps in registers, and without.
fn floor_names(case: &Case) -> [String; 2] {
    let any = floor_name(case.kernel.name(), case.dtype.name(), &case.options.walk.to_string());
    let Ok(nest) = case.nest() else { return [any.clone(), any] };
    let kept: String = (0..nest.operands().len()).map(|at| if nest.is_hoisted(at) { '1' } else { '0' }).collect();
    [format!("{any} {kept}"), any]
}

/// Walks inside the first cache, by kernel, dtype and walk; vectors by the smallest roof. Where another's thread shares the core, as on an
/// EPYC 7003 in a virtual machine (2026-12-01), a product takes 0.35 ns per step in some placements and 0.6 in others: the median would
/// be one or the other.
fn floors(bundle: &Bundle) -> BTreeMap<String, Floor> {
    let mut floors: BTreeMap<String, Floor> = BTreeMap::new();
    let mut smallest: BTreeMap<String, u64> = BTreeMap::new();
    for record in &bundle.cases {
        let (Ok(case), Some(ns)) = (record.case.case(), record.midmean_per_step()) else { continue };
        let Ok(nest) = case.nest() else { continue };
        let [exact, name] = floor_names(&case);
        let loops = Traffic::loops(&nest).map(|count| count / case.elements_per_step() as f64);
        let floor = Floor { ns, loops };
        match record.case.family.as_str() {
            // Of several the one whose loops are longest: it has the arithmetic and little else.
            "floor" => {
                for name in [exact, name] {
                    let known = floors.entry(name).or_insert(floor);
                    let shorter = floor.loops[0].total_cmp(&known.loops[0]);
                    if shorter.then(floor.ns.total_cmp(&known.ns)).is_lt() {
                        *known = floor;
                    }
                }
            }
            "roof" if smallest.get(&name).is_none_or(|&bytes| record.case.footprint_bytes < bytes) => {
                smallest.insert(name.clone(), record.case.footprint_bytes);
                floors.insert(name, floor);
            }
            _ => {}
        }
    }
    floors
}

/// The machine's caches, the last as large as the curves show it if that is less.
fn geometry(bundle: &Bundle) -> Result<Geometry, String> {
    let given: Geometry = serde_json::from_value(bundle.header.geometry.clone())
        .map_err(|_| "has no cache geometry, so nothing can be predicted from it".to_owned())?;
    let Geometry { mut levels, mut tlbs, page, .. } = given;
    if tlbs.is_empty() {
        tlbs = shown_tlbs(bundle);
    }
    let nominal: Vec<(String, u64)> = levels.iter().map(|level| (level.name.clone(), level.bytes)).collect();
    let found = Chases::of(bundle).caches();
    let rows = beside(&nominal, found.as_ref(), |bytes| bytes.to_string());
    if let (Some(last), Some(seen)) =
        (levels.last_mut(), rows.get(nominal.len().wrapping_sub(1)).and_then(|row| row.found))
    {
        let set = u64::from(last.line) * u64::from(last.ways);
        let own = nominal.iter().rev().nth(1).map_or(0, |(_, bytes)| *bytes);
        let shown = seen.capacity.estimate.max(streamed(bundle, own).unwrap_or(0.0));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below the nominal size")]
        let sets = (shown.min(last.bytes as f64) / set as f64).round().max(1.0) as u64;
        let shrunk = crate::simulate::Level::new(&last.name, sets * set, last.ways, last.line);
        *last = shrunk.map_err(|error| error.to_string())?;
    }
    Geometry::new(levels, tlbs, page, "bundle").map_err(|error| error.to_string())
}

/// Contiguous reads, in base pages.
fn roofs(bundle: &Bundle) -> impl Iterator<Item = &CaseRecord> {
    let cases = bundle.cases.iter();
    cases.filter(|CaseRecord { case, .. }| case.family == "roof" && case.kernel == "sum" && case.is_in_base_pages())
}

/// Bytes that stay in a last cache while they are read in order, again and again, beside a cache of `own` bytes. Where others
/// use it too a chase shows less: it comes back to a line much later, when they have driven it out.
fn streamed(bundle: &Bundle, own: u64) -> Option<f64> {
    let read = |record: &CaseRecord| Some((record.case.footprint_bytes as f64, 1.0 / record.rate()?));
    stays(roofs(bundle).filter(|record| record.case.footprint_bytes >= 2 * own).filter_map(read).collect())
}

/// Of contiguous reads, as bytes and time per byte, what lies halfway between the last that takes no longer than the smallest and
/// the next one; or half as much again as the largest.
fn stays(mut reads: Vec<(f64, f64)>) -> Option<f64> {
    reads.sort_by(|a, b| a.0.total_cmp(&b.0));
    let plateau = reads.first()?.1;
    let within = reads.iter().take_while(|(_, ns)| *ns <= LEFT * plateau).count();
    let last = reads[within - 1].0;
    Some(f64::midpoint(last, reads.get(within).map_or(2.0 * last, |next| next.0)))
}

/// The TLBs that the page chase shows, for a machine that names none: virtual ones often do not. Any page may take any
/// entry.
fn shown_tlbs(bundle: &Bundle) -> Vec<TlbLevel> {
    let found = Chases::of(bundle).tlbs();
    let levels = found.iter().flat_map(|found| &found.levels).take(2).zip(1..);
    // The curve's capacity is where half of a cycle is found again. Of a cycle of n pages in e entries whose victims are
    // drawn a share of p = exp(-(1 - p) n / e) is: half at n = 2 e ln 2.
    let entries = |capacity: f64| (capacity / (2.0 * std::f64::consts::LN_2)).round().max(1.0);
    let spec: Vec<String> =
        levels.map(|(level, number)| format!("l{number}={}", entries(level.capacity.estimate))).collect();
    Geometry::parse_tlbs(&spec.join(",")).unwrap_or_default()
}

/// Nanoseconds per line of contiguous reads, per level; a level without a roof takes that of the next one out, or else of
/// the last one in.
fn streams(bundle: &Bundle, geometry: &Geometry) -> Result<Vec<f64>, String> {
    let mut rates: BTreeMap<usize, f64> = BTreeMap::new();
    let sizes: Vec<u64> = geometry.levels.iter().map(|level| level.bytes).collect();
    let largest = roofs(bundle).map(|record| record.case.footprint_bytes).max();
    for record in roofs(bundle) {
        let bytes = record.case.footprint_bytes;
        let class = sizes.iter().position(|&size| bytes <= size).unwrap_or(sizes.len());
        // Where several live in a cache, what nearly fills it has lines elsewhere too; and what is little larger than the last
        // has lines in it.
        if let Some(rate) = record.rate().filter(|_| class < sizes.len() || Some(bytes) == largest) {
            rates.entry(class).and_modify(|known| *known = known.max(rate)).or_insert(rate);
        }
    }
    let line = geometry.line() as f64;
    // Suites stay below a last cache of hundreds of megabytes: memory is then taken as dear as the farthest read.
    let known = |class: usize| rates.range(class..).next().or_else(|| rates.range(..class).next_back());
    let at = |class: usize| known(class).map(|(_, rate)| line / rate);
    let found: Option<Vec<f64>> = (1..=sizes.len()).map(at).collect();
    found.ok_or_else(|| "has no contiguous reads (family roof)".to_owned())
}

/// The chase's latency of each level beyond the first, memory last.
fn latencies(geometry: &Geometry, found: Option<&Inferred>) -> Vec<Option<f64>> {
    let nominal: Vec<(String, u64)> = geometry.levels.iter().map(|level| (level.name.clone(), level.bytes)).collect();
    let rows = beside(&nominal, found, |bytes| bytes.to_string());
    let level = |row: &Beside| row.found.map(|level| level.latency.estimate);
    rows.iter().take(nominal.len()).skip(1).map(level).chain([found.map(|found| found.beyond.estimate)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_last_cache_is_as_large_as_contiguous_reads_stay_fast() {
        // As measured on an Intel Xeon (MiB and ns per line, 2026-11-30), in any order.
        let reads = vec![(64.0, 5.8), (4.0, 2.8), (32.0, 3.2)];
        assert_eq!(stays(reads), Some(48.0));
        assert_eq!(stays(vec![(4.0, 2.4), (32.0, 2.5), (64.0, 3.4)]), Some(96.0));
        assert_eq!(stays(Vec::new()), None);
    }
}
