//! What the chases of a bundle show, beside what the machine says of itself.

use super::infer::{self, Curve, Inferred, Point};
use crate::bundle::{Bundle, CaseRecord, SoloBlock};

/// Octaves from its nominal size at which a cache counts as another size.
const SMALLER: f64 = 0.25;

/// The chases that were measured on a machine, as in a bundle.
#[derive(Clone, Copy, Debug)]
pub struct Chases<'a> {
    /// Cases by themselves; those of the family `latency` count.
    pub cases: &'a [CaseRecord],
    /// Bytes of a base page.
    pub page: u64,
    /// Bytes of a line.
    pub line: u64,
}

impl<'a> Chases<'a> {
    /// Of a bundle.
    #[must_use]
    pub fn of(bundle: &'a Bundle) -> Self {
        let machine = &bundle.header.machine;
        let line = machine.caches.iter().find_map(|cache| cache.line).unwrap_or(64).into();
        Self { cases: &bundle.cases, page: machine.page_bytes.unwrap_or(4096), line }
    }

    /// A latency curve: one node per line over bytes, or one per page over pages.
    #[must_use]
    pub fn curve(&self, pages: &str, per_page: bool) -> Curve {
        self.points(pages, |record| (pitch(record).unwrap_or(self.line) >= self.page) == per_page)
    }

    /// The chases on such pages that `wanted` says; by bytes, or by nodes where a node is a page or more.
    fn points(&self, pages: &str, wanted: impl Fn(&CaseRecord) -> bool) -> Curve {
        let of = |record: &&CaseRecord| {
            let case = &record.case;
            let policy = case.options.get("pages").map_or("base", String::as_str);
            case.family == "latency" && policy == pages && case.threads == 1 && wanted(record)
        };
        let point = |record: &CaseRecord| {
            let case = &record.case;
            let steps = case.steps.max(1) as f64;
            let per_step = |block: &SoloBlock, ns: u64| ns as f64 / block.passes.max(1) as f64 / steps;
            let samples = record.blocks.iter().flat_map(|block| block.ns.iter().map(move |&ns| per_step(block, ns)));
            let per_page = pitch(record).is_some_and(|pitch| pitch >= self.page);
            let size = if per_page { steps } else { case.footprint_bytes as f64 };
            Point { size, samples: samples.collect() }
        };
        Curve::new(self.cases.iter().filter(of).map(point).collect())
    }

    /// The caches that the chase shows: on huge pages where there are some, so that no TLB mixes in.
    #[must_use]
    pub fn caches(&self) -> Option<Inferred> {
        ["huge", "base"].iter().find_map(|pages| infer::infer(&self.curve(pages, false)))
    }

    /// The TLBs for base pages that the page chase shows, in pages.
    #[must_use]
    pub fn tlbs(&self) -> Option<Inferred> {
        let nodes = |point: &Point| Point { size: point.size / self.line as f64, samples: point.samples.clone() };
        let dense = Curve::new(self.curve("base", false).points().iter().map(nodes).collect());
        // Nodes a whole page apart meet in one set of the first cache, which looks like a small TLB.
        let apart = self.points("base", |record| pitch(record).is_some_and(|pitch| pitch > self.page));
        infer::infer(&infer::translation(&apart, &dense)?)
    }
}

/// Bytes from node to node, where they are not a line.
fn pitch(record: &CaseRecord) -> Option<u64> {
    record.case.options.get("pitch")?.parse().ok()
}

/// A cache or TLB as the machine names it beside what its curve shows.
#[derive(Clone, Debug, PartialEq)]
pub struct Beside {
    /// `L1d`, `L2 dTLB`.
    pub name: String,
    /// Bytes, or pages of a TLB, as the machine says; `None` for a level that it does not name.
    pub nominal: Option<u64>,
    /// What the curve shows of it; `None` where it shows no such level.
    pub found: Option<infer::Level>,
    /// A disagreement, in words.
    pub remark: Option<String>,
}

/// Puts what was inferred beside what the machine says: each found level goes to the nearest nominal one that is left.
#[must_use]
pub fn beside(nominal: &[(String, u64)], found: Option<&Inferred>, unit: impl Fn(u64) -> String) -> Vec<Beside> {
    let levels = found.map_or(&[][..], |found| &found.levels);
    let mut rows: Vec<Beside> = nominal
        .iter()
        .map(|(name, size)| Beside { name: name.clone(), nominal: Some(*size), found: None, remark: None })
        .collect();
    let mut next = 0;
    for level in levels {
        let octaves = |size: &u64| (level.capacity.estimate / *size as f64).log2().abs();
        let nearest = (next..nominal.len()).min_by(|&a, &b| octaves(&nominal[a].1).total_cmp(&octaves(&nominal[b].1)));
        match nearest {
            Some(at) => {
                rows[at].found = Some(*level);
                next = at + 1;
            }
            None => rows.push(Beside { name: "beyond".to_owned(), nominal: None, found: Some(*level), remark: None }),
        }
    }
    for row in &mut rows {
        row.remark = remark(row, found.is_some(), &unit);
    }
    rows
}

/// Where the machine and its curve disagree.
fn remark(row: &Beside, measured: bool, unit: &impl Fn(u64) -> String) -> Option<String> {
    let Beside { name, nominal, found, .. } = row;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "sizes are positive and below 2^53")]
    let shown = |size: f64| unit(size.round() as u64);
    match (nominal, found) {
        (Some(nominal), Some(level)) => {
            let off = (level.capacity.estimate / *nominal as f64).log2();
            let why = if off < -SMALLER && level.capacity.high < *nominal as f64 {
                "others use it too, or its sets are unevenly filled"
            } else if off > SMALLER && level.capacity.low > *nominal as f64 {
                "it holds what others gave up, or what was named is not all of it"
            } else {
                return None;
            };
            Some(format!(
                "the machine says {} of {name}; the curve leaves it at {} ({} to {}): {why}",
                unit(*nominal),
                shown(level.capacity.estimate),
                shown(level.range[0]),
                shown(level.range[1])
            ))
        }
        (Some(nominal), None) if measured => {
            Some(format!("the machine says {} of {name}; the curve shows no such level: unresolved", unit(*nominal)))
        }
        (None, Some(level)) => {
            Some(format!("the curve has a step at {} that the machine does not name", shown(level.capacity.estimate)))
        }
        _ => None,
    }
}
