//! Pointer chasing: the one access pattern that is not affine.

use crate::units::Rng;

/// Bytes of a line: what a step of the line walk takes, the edge of a block, and by what nodes are moved inside their pages.
pub const LINE: usize = 64;
/// Smallest pitch at which they are.
const PAGE: usize = 4096;

/// A random cycle over `nodes` nodes, one in every `pitch` bytes; each load gives the address of the next.
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

    /// First byte of a node. One in each page (a pitch of 4096 or more) lies on a line of its page that is as good as
    /// random: at the start of each, all nodes would share one set of the first cache. Node 0 lies at 0.
    #[must_use]
    pub fn offset(&self, node: usize) -> u64 {
        let lines = if self.pitch < PAGE { 1 } else { self.pitch / LINE };
        // Fibonacci hashing: Knuth, "The Art of Computer Programming", volume 3, section 6.4.
        let hash = (node as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let line = hash % lines as u64;
        (node as u64).saturating_mul(self.pitch as u64).saturating_add(line * LINE as u64)
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

    #[test]
    fn nodes_stay_in_their_pitch_and_spread_over_the_sets_of_a_cache() {
        let chase = Chase { nodes: 4096, pitch: 4096, seed: 5 };
        let mut sets = [0_u32; 64];
        for node in 0..chase.nodes {
            let inside = chase.offset(node) - (node as u64) * 4096;
            assert!(inside < 4096 && inside.is_multiple_of(64));
            sets[usize::try_from(inside / 64).unwrap()] += 1;
        }
        assert!(sets.iter().all(|&count| (32..128).contains(&count)), "{sets:?}");
        assert_eq!((chase.offset(0), Chase { pitch: 128, ..chase }.offset(9)), (0, 9 * 128));
    }
}
