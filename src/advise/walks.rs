//! Several walks over one array: which storage order serves them best.

use super::choices::Adviser;
use crate::layout::Order;
use crate::nest::LoopOrder;
use crate::suite::{Case, Edges};

/// Tile edge with which walks are blocked where no storage order is good to all of them.
const BLOCK: usize = 64;

/// One way to store the array, with every walk's time.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// Storage order.
    pub order: Order,
    /// Edge of the tiles that the walks are blocked with; 0 for none.
    pub tile: usize,
    /// Nanoseconds of a pass of each walk.
    pub passes: Vec<f64>,
    /// All together: times weights.
    pub weighted: f64,
}

/// Every storage order, plain and blocked, with the weighted time of the walks; the best first.
///
/// # Errors
/// A walk that does not fit the array.
pub fn stored(adviser: &mut Adviser<'_>, case: &Case, walks: &[(LoopOrder, f64)]) -> Result<Vec<Stored>, String> {
    let mut found = Vec::new();
    for order in [Order::C, Order::F] {
        for tile in [0, BLOCK] {
            let mut passes = Vec::new();
            for (loops, _) in walks {
                let walk = Case { order, loops: loops.clone(), ..case.clone() };
                let plain = adviser.pass(&walk).ok_or_else(|| format!("walk {loops}: {walk} walks no nest"))?;
                let blocked = || adviser.pass(&walk.with(|options| options.tile = Edges::from(tile)));
                // A walk that is good already is not blocked.
                passes.push(if tile == 0 { plain } else { blocked().map_or(plain, |ns| ns.min(plain)) });
            }
            let weighted = passes.iter().zip(walks).map(|(ns, (_, weight))| ns * weight).sum();
            found.push(Stored { order, tile, passes, weighted });
        }
    }
    found.sort_by(|a, b| a.weighted.total_cmp(&b.weighted));
    // Blocking that gains nothing is not told.
    let plain =
        |order| found.iter().find(|one| one.order == order && one.tile == 0).map_or(f64::MAX, |one| one.weighted);
    let limits = [plain(Order::C), plain(Order::F)];
    found.retain(|one| one.tile == 0 || one.weighted < 0.97 * limits[usize::from(one.order == Order::F)]);
    Ok(found)
}
