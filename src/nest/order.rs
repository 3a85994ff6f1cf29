//! Loop orders: axis numbers, outermost first.

use std::fmt;
use std::str::FromStr;

/// A permutation of the axes, outermost loop first; `1,0` walks a 2-D array by columns.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LoopOrder(Vec<usize>);

impl LoopOrder {
    /// # Errors
    /// A message if `axes` is not a permutation of `0..axes.len()`.
    pub fn new(axes: Vec<usize>) -> Result<Self, String> {
        let mut sorted = axes.clone();
        sorted.sort_unstable();
        if sorted.iter().copied().eq(0..axes.len()) {
            return Ok(Self(axes));
        }
        let listed: Vec<_> = axes.iter().map(ToString::to_string).collect();
        let wanted: Vec<_> = (0..axes.len()).map(|axis| axis.to_string()).collect();
        Err(format!("loop order {} is not a permutation of the axes {}", listed.join(","), wanted.join(",")))
    }

    /// Axis 0 outermost, the last axis innermost.
    #[must_use]
    pub fn identity(rank: usize) -> Self {
        Self((0..rank).collect())
    }

    /// Axis numbers, outermost first.
    #[must_use]
    pub fn axes(&self) -> &[usize] {
        &self.0
    }

    /// Every order of `rank` axes in lexicographic order; `rank!` of them.
    #[must_use]
    pub fn all(rank: usize) -> Vec<Self> {
        let mut orders = vec![Vec::new()];
        for _ in 0..rank {
            orders = orders
                .into_iter()
                .flat_map(|order: Vec<usize>| {
                    (0..rank)
                        .filter(|axis| !order.contains(axis))
                        .map(|axis| [order.as_slice(), &[axis]].concat())
                        .collect::<Vec<_>>()
                })
                .collect();
        }
        orders.into_iter().map(Self).collect()
    }
}

impl fmt::Display for LoopOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.pad(&text.join(","))
    }
}

impl FromStr for LoopOrder {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(Vec::new()));
        }
        let axes = text.split(',').map(|axis| axis.trim().parse().ok()).collect::<Option<Vec<usize>>>();
        axes.ok_or_else(|| format!("loop order {text:?}: expected axis numbers, outermost first, such as 1,0"))
            .and_then(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_read_back_and_others_are_refused() {
        assert_eq!("2,0,1".parse::<LoopOrder>().unwrap().to_string(), "2,0,1");
        for wrong in ["0,0", "1", "0,2", "a", "0,", "-1,0"] {
            assert!(wrong.parse::<LoopOrder>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn all_orders_are_distinct_permutations() {
        let orders = LoopOrder::all(4);
        assert_eq!(orders.len(), 24);
        assert!(orders.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(orders.iter().all(|order| LoopOrder::new(order.axes().to_vec()).is_ok()));
        assert_eq!(LoopOrder::all(0), [LoopOrder::identity(0)]);
    }
}
