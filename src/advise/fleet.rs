//! One loop on several CPUs: the change that is best on all, or where they part.

use super::choices::{AS_GOOD, Advice, Change};

/// What several CPUs say.
#[derive(Clone, Debug, PartialEq)]
pub struct Agreement {
    /// The change whose worst loss against each CPU's own best is least.
    pub change: Change,
    /// That loss: 1.05 is five per cent on the CPU where it loses most.
    pub worst: f64,
    /// Whether it is every CPU's own best, or as good as that.
    pub everywhere: bool,
}

/// The change to make on all CPUs; `None` without advice or a change that all considered.
#[must_use]
pub fn agreement(advice: &[Advice]) -> Option<Agreement> {
    let best = |one: &Advice| one.choices.iter().map(|choice| choice.total).fold(f64::INFINITY, f64::min);
    let loss = |one: &Advice, change: &Change| {
        let total = one.choices.iter().find(|choice| same_kind(&choice.change, change))?.total;
        Some(total / best(one))
    };
    let first = advice.first()?;
    let worst = |change: &Change| advice.iter().map(|one| loss(one, change)).collect::<Option<Vec<f64>>>();
    let candidates = first.choices.iter().filter_map(|choice| {
        let losses = worst(&choice.change)?;
        Some((choice.change.clone(), losses.into_iter().fold(1.0, f64::max)))
    });
    let found: Vec<(Change, f64)> = candidates.collect();
    // Of those that are as good everywhere the first of the ranking, as each CPU by itself would say.
    let good = found.iter().find(|(_, worst)| *worst <= AS_GOOD);
    let (change, worst) = good.or_else(|| found.iter().min_by(|a, b| a.1.total_cmp(&b.1))).cloned()?;
    Some(Agreement { change, worst, everywhere: worst <= AS_GOOD })
}

/// Tiles and paddings may have other sizes on other CPUs.
fn same_kind(one: &Change, other: &Change) -> bool {
    match (one, other) {
        (Change::Tile(_), Change::Tile(_))
        | (Change::Pad(_), Change::Pad(_))
        | (Change::PadAndHuge(_), Change::PadAndHuge(_)) => true,
        _ => one == other,
    }
}
