//! Pointer chasing: the one access pattern that is not affine.

use crate::units::Rng;

/// A random cycle over `nodes` nodes, `pitch` bytes apart; each load gives the address of the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chase {
    /// Nodes in the cycle.
    pub nodes: usize,
    /// Bytes from node to node in memory.
    pub pitch: usize,
    /// Seed of the cycle.
    pub seed: u64,
}

impl Chase {
    /// The nodes in the order in which they are visited, starting at node 0: one cycle through all of them, drawn
    /// evenly from all such cycles (Sattolo, "An algorithm to generate a random cyclic permutation", 1986).
    #[must_use]
    pub fn visits(&self) -> Vec<usize> {
        let mut next: Vec<usize> = (0..self.nodes).collect();
        let mut rng = Rng::new(self.seed);
        for last in (1..self.nodes).rev() {
            let other = usize::try_from(rng.below(last as u64)).unwrap_or(0);
            next.swap(last, other);
        }
        let mut at = 0;
        let step = |_| {
            let here = at;
            at = next[here];
            here
        };
        (0..self.nodes).map(step).collect()
    }

    /// Bytes from the first byte of the first node to the end of the last node's pitch.
    #[must_use]
    pub fn buffer_bytes(&self) -> u64 {
        (self.nodes as u64).saturating_mul(self.pitch as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::Chase;

    #[test]
    fn a_cycle_visits_every_node_once() {
        for nodes in [0, 1, 2, 3, 1000] {
            let mut visits = Chase { nodes, pitch: 64, seed: 5 }.visits();
            assert_eq!(visits.first().copied().unwrap_or(0), 0);
            visits.sort_unstable();
            assert_eq!(visits, (0..nodes).collect::<Vec<_>>());
        }
    }
}
