//! Classes of machines side by side: penalties at working sets in multiples of each CPU's own caches. Descriptive.

use super::run::{Cell, Run};
use crate::stats::quantile;
use std::collections::BTreeMap;
use std::str::FromStr;

/// Where the penalty is read off: a multiple of a cache.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct At {
    /// How many times the cache.
    pub times: f64,
    /// Its level: 2 or 3.
    pub level: usize,
}

impl std::fmt::Display for At {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}xL{}", self.times, self.level)
    }
}

/// Where the penalties of a table stand.
pub const PLACES: [At; 3] = [At { times: 0.5, level: 2 }, At { times: 4.0, level: 2 }, At { times: 2.0, level: 3 }];

/// What is read off a walk by columns at one working set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Logarithm of the penalty.
    pub log_penalty: f64,
    /// Nanoseconds per access.
    pub nanos: f64,
    /// Simulated misses of the first level per access; `None` where it was not simulated.
    pub misses: Option<f64>,
}

type Curve = BTreeMap<u64, Point>;

/// What a comparison of classes needs of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct Brief {
    class_id: String,
    cpu: String,
    caches: Vec<(String, u64)>,
    curve: Curve,
}

impl Brief {
    /// Of a run.
    #[must_use]
    pub fn of(run: &Run) -> Self {
        let point = |cell: &Cell| Point { log_penalty: cell.penalty.log, nanos: cell.nanos, misses: cell.simulated_l1 };
        let cells = run.cells.iter().filter(|(id, _)| counts(id));
        Self {
            class_id: run.class_id.clone(),
            cpu: run.cpu.clone(),
            caches: run.caches.clone(),
            curve: cells.map(|(_, cell)| (cell.footprint_bytes, point(cell))).collect(),
        }
    }
}

/// One class of machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    /// Its hash.
    pub class_id: String,
    /// Its name.
    pub cpu: String,
    /// Runs.
    pub runs: usize,
    /// Data caches.
    pub caches: Vec<(String, u64)>,
    /// Medians over the runs by working set, bytes.
    curve: Curve,
    /// Penalties at [`PLACES`]: median, 10 % and 90 % quantiles of the runs; `None` outside of what was measured.
    pub penalties: Vec<Option<[f64; 3]>>,
    /// The smallest working set from which on the penalty stays above 1.5.
    pub onset_bytes: Option<u64>,
}

/// All classes, the mildest penalty first.
#[derive(Clone, Debug, PartialEq)]
pub struct Across {
    /// By the penalty at four times L2, then by class.
    pub classes: Vec<Class>,
}

/// The walks that are compared: sums over C-order squares of f8 by columns, as the code is written.
fn counts(id: &str) -> bool {
    let mut parts = id.split('/');
    let head = [parts.next(), parts.next(), parts.next()];
    let shape = parts.next().unwrap_or_default();
    let square = shape.split_once('x').is_some_and(|(a, b)| a == b);
    head == [Some("order"), Some("sum"), Some("f8")] && square && parts.eq(["C", "1,0"])
}

/// What is read at `bytes` on a curve, linear in the logarithm of the bytes; `None` outside.
#[expect(clippy::cast_precision_loss, reason = "sizes of arrays")]
fn at(curve: &Curve, bytes: f64) -> Option<Point> {
    let below = curve.iter().rev().find(|(size, _)| (**size as f64) <= bytes)?;
    let above = curve.iter().find(|(size, _)| (**size as f64) >= bytes)?;
    if below.0 == above.0 {
        return Some(*below.1);
    }
    let share = (bytes.ln() - (*below.0 as f64).ln()) / ((*above.0 as f64).ln() - (*below.0 as f64).ln());
    let between = |a: f64, b: f64| a + share * (b - a);
    let (a, b) = (below.1, above.1);
    Some(Point {
        log_penalty: between(a.log_penalty, b.log_penalty),
        nanos: between(a.nanos, b.nanos),
        misses: a.misses.zip(b.misses).map(|(a, b)| between(a, b)),
    })
}

/// The point of medians.
fn middle(points: &[Point]) -> Option<Point> {
    let of = |values: Vec<f64>| quantile(&values, 0.5);
    Some(Point {
        log_penalty: of(points.iter().map(|point| point.log_penalty).collect())?,
        nanos: of(points.iter().map(|point| point.nanos).collect())?,
        misses: of(points.iter().filter_map(|point| point.misses).collect()),
    })
}

impl Class {
    #[expect(clippy::cast_precision_loss, reason = "sizes of caches")]
    fn bytes(&self, place: At) -> Option<f64> {
        Some(self.caches.get(place.level.checked_sub(1)?)?.1 as f64 * place.times)
    }

    /// What the class has at a place.
    #[must_use]
    pub fn read(&self, place: At) -> Option<Point> {
        at(&self.curve, self.bytes(place)?)
    }

    fn of(runs: &[&Brief]) -> Option<Self> {
        let first = runs.first()?;
        let mut sizes: BTreeMap<u64, Vec<Point>> = BTreeMap::new();
        for (bytes, point) in runs.iter().flat_map(|run| &run.curve) {
            sizes.entry(*bytes).or_default().push(*point);
        }
        let curve: Curve = sizes.into_iter().filter_map(|(bytes, points)| Some((bytes, middle(&points)?))).collect();
        let low = |point: &Point| point.log_penalty < 1.5_f64.ln();
        let below = curve.iter().rev().find(|(_, point)| low(point)).map_or(0, |(bytes, _)| *bytes);
        let onset_bytes = curve.range(below + 1..).next().map(|(bytes, _)| *bytes);
        let mut class = Self {
            class_id: first.class_id.clone(),
            cpu: first.cpu.clone(),
            runs: runs.len(),
            caches: first.caches.clone(),
            curve,
            penalties: Vec::new(),
            onset_bytes,
        };
        class.penalties = PLACES
            .iter()
            .map(|&place| {
                let bytes = class.bytes(place)?;
                let values: Vec<f64> =
                    runs.iter().filter_map(|run| Some(at(&run.curve, bytes)?.log_penalty.exp())).collect();
                Some([quantile(&values, 0.5)?, quantile(&values, 0.1)?, quantile(&values, 0.9)?])
            })
            .collect();
        Some(class)
    }
}

/// Groups runs by class.
#[must_use]
pub fn across(runs: &[Brief]) -> Across {
    let mut groups: BTreeMap<&str, Vec<&Brief>> = BTreeMap::new();
    for run in runs {
        groups.entry(&run.class_id).or_default().push(run);
    }
    let mut classes: Vec<Class> = groups.into_values().filter_map(|runs| Class::of(&runs)).collect();
    let key = |class: &Class| class.penalties[1].map_or(f64::INFINITY, |[median, ..]| median);
    classes.sort_by(|a, b| key(a).total_cmp(&key(b)).then_with(|| a.class_id.cmp(&b.class_id)));
    Across { classes }
}

/// `penalty@4xL2<=6`: what every class must satisfy.
#[derive(Clone, Debug, PartialEq)]
pub struct Require {
    /// As it was written.
    pub text: String,
    nanos: bool,
    place: At,
    most: bool,
    value: f64,
}

impl FromStr for Require {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?}: expected penalty@4xL2<=6 or ns@2xL3<=10 (also >=)");
        let (what, rest) = text.split_once('@').ok_or_else(wrong)?;
        let (most, (place, value)) = match (rest.split_once("<="), rest.split_once(">=")) {
            (Some(parts), None) => (true, parts),
            (None, Some(parts)) => (false, parts),
            _ => return Err(wrong()),
        };
        let (times, level) = place.trim().split_once("xL").ok_or_else(wrong)?;
        let number = |text: &str| {
            text.trim().parse::<f64>().ok().filter(|value| value.is_finite() && *value > 0.0).ok_or_else(wrong)
        };
        let nanos = match what.trim() {
            "penalty" => false,
            "ns" => true,
            _ => return Err(wrong()),
        };
        let level = level.parse().ok().filter(|level| (1..=4).contains(level)).ok_or_else(wrong)?;
        let place = At { times: number(times)?, level };
        Ok(Self { text: text.trim().to_owned(), nanos, place, most, value: number(value)? })
    }
}

impl Require {
    /// The value of a class and whether it satisfies the rule; `None` where the class was not measured there.
    #[must_use]
    pub fn check(&self, class: &Class) -> Option<(f64, bool)> {
        let point = class.read(self.place)?;
        let value = if self.nanos { point.nanos } else { point.log_penalty.exp() };
        Some((value, if self.most { value <= self.value } else { value >= self.value }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_read_and_others_say_what_is_right() {
        let rule: Require = "penalty@4xL2<=6".parse().unwrap();
        assert_eq!((rule.place, rule.most, rule.value), (At { times: 4.0, level: 2 }, true, 6.0));
        for wrong in
            ["penalty", "penalty@4xL2", "time@4xL2<=6", "penalty@4L2<=6", "penalty@4xL9<=6", "penalty@xL2<=nan"]
        {
            assert!(wrong.parse::<Require>().unwrap_err().contains("expected penalty@4xL2<=6"), "{wrong}");
        }
    }

    #[test]
    fn a_curve_is_read_between_its_points_only() {
        let point = |log_penalty, nanos, misses| Point { log_penalty, nanos, misses };
        let curve = BTreeMap::from([(1024, point(1.0, 10.0, Some(0.5))), (4096, point(3.0, 30.0, None))]);
        assert!((at(&curve, 2048.0).unwrap().log_penalty - 2.0).abs() < 1e-12);
        assert_eq!(at(&curve, 2048.0).unwrap().misses, None);
        assert_eq!(at(&curve, 4096.0), Some(point(3.0, 30.0, None)));
        assert_eq!(at(&curve, 512.0), None);
    }

    #[test]
    fn only_squares_by_columns_count() {
        assert!(counts("order/sum/f8/64x64/C/1,0"));
        for other in ["order/sum/f8/64x64/F/1,0", "order/sum/f8/64x64/C/1,0/walk=line", "order/sum/f8/64x32/C/1,0"] {
            assert!(!counts(other), "{other}");
        }
    }
}
