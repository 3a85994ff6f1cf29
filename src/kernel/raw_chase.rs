//! Pointer chasing: loads that wait for each other, over a random cycle of addresses in a buffer.
//!
//! A node holds the address of the next one, so that nothing but the load lies between two loads. Every address is
//! checked before it is followed: the branch is predicted and no load waits for it, so it costs nothing (the bench
//! script of the family `latency` compares it with a loop in C that checks nothing), and no contents of a buffer lead
//! outside of it.
#![allow(unsafe_code, reason = "loads from addresses that a buffer holds, each checked before it is followed")]

use super::KernelError;
use super::data::Checksum;
use crate::memory::Buffer;
use crate::nest::Chase;

/// Bytes of a node: an address.
const NODE: usize = size_of::<u64>();
/// Loads of a chain between two looks at the counter.
const UNROLLED: u64 = 32;

/// A random cycle that is laid into a buffer and run through, by one chain of loads or by several at once.
///
/// ```
/// use stridewise::kernel::Cycle;
/// use stridewise::memory::{Buffer, PagePolicy};
/// use stridewise::nest::Chase;
///
/// let chase = Chase { nodes: 1024, pitch: 64, seed: 1 };
/// let mut buffer = Buffer::new(chase.buffer_bytes(), PagePolicy::Base, 0)?;
/// let cycle = Cycle::new(chase, 1)?;
/// cycle.lay(&mut buffer)?;
/// cycle.run(&buffer, 3)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Cycle {
    chase: Chase,
    chains: usize,
    order: Vec<usize>,
}

impl Cycle {
    /// How many chains there may be: their addresses stay in registers.
    pub const CHAINS: [usize; 4] = [1, 2, 4, 8];

    /// A cycle for `chains` chains, which start evenly spaced along it and take a share of a pass each.
    ///
    /// # Errors
    /// Nodes that do not fit their pitch, fewer nodes than chains, or another number of chains than those that there are.
    pub fn new(chase: Chase, chains: usize) -> Result<Self, KernelError> {
        let fits = Self::CHAINS.contains(&chains) && chase.nodes >= chains && chase.pitch >= NODE;
        if !fits || chase.buffer_bytes() > isize::MAX as u64 {
            return Err(KernelError::Cycle { nodes: chase.nodes, pitch: chase.pitch, chains });
        }
        Ok(Self { chase, chains, order: chase.visits() })
    }

    /// What is run through.
    #[must_use]
    pub fn chase(&self) -> &Chase {
        &self.chase
    }

    /// Writes every node: the address of the one after it. The buffer must not be written to until it was run through.
    ///
    /// # Errors
    /// A buffer that is too small.
    pub fn lay(&self, buffer: &mut Buffer) -> Result<(), KernelError> {
        self.check(buffer)?;
        let start = buffer.address();
        let after = self.order.iter().cycle().skip(1);
        let bytes = buffer.as_bytes_mut();
        for (&here, &next) in self.order.iter().zip(after) {
            let at = place(self.chase.offset(here));
            bytes[at..at + NODE].copy_from_slice(&(start + self.chase.offset(next)).to_ne_bytes());
        }
        Ok(())
    }

    /// Runs through the cycle `passes` times; all chains together make one access per node and pass. The result says
    /// where they ended: the same for every number of passes.
    ///
    /// # Errors
    /// A buffer that is too small, or in which the cycle is not, or no longer.
    pub fn run(&self, buffer: &Buffer, passes: u64) -> Result<Checksum, KernelError> {
        self.check(buffer)?;
        let bytes = buffer.as_bytes();
        let ends = match self.chains {
            1 => self.chained::<1>(bytes, passes).map(Vec::from),
            2 => self.chained::<2>(bytes, passes).map(Vec::from),
            4 => self.chained::<4>(bytes, passes).map(Vec::from),
            _ => self.chained::<8>(bytes, passes).map(Vec::from),
        };
        let start = buffer.address();
        let mut sum = 0_u128;
        for (chain, end) in ends.ok_or(KernelError::Astray)?.into_iter().enumerate() {
            let expected = start + self.chase.offset(self.order[self.first(self.segment_after(chain, passes))]);
            if end as u64 != expected {
                return Err(KernelError::Astray);
            }
            sum += u128::from(expected - start);
        }
        Ok(Checksum((self.chase.nodes as u128) << 64 | sum))
    }

    /// Follows the nodes of a buffer from the first one on, by their distances, and mixes them: equal for equal cycles
    /// wherever they lie, and not for one that leaves out a node. Slow; not for timed code.
    #[must_use]
    pub fn checksum(&self, buffer: &Buffer, ran: Checksum) -> Checksum {
        const PRIME: u64 = 0x9e37_79b9_7f4a_7c15;
        let (start, bytes) = (buffer.address(), buffer.as_bytes());
        let (mut at, mut mixed) = (0, PRIME);
        for _ in 0..self.chase.nodes {
            let node = bytes.get(at..).and_then(|rest| rest.first_chunk::<NODE>());
            let next = node.map_or(u64::MAX, |node| u64::from_ne_bytes(*node)).wrapping_sub(start);
            mixed = (mixed.rotate_left(23) ^ next).wrapping_mul(PRIME);
            at = usize::try_from(next).unwrap_or(usize::MAX);
        }
        Checksum(ran.0 ^ u128::from(mixed))
    }

    /// Visits before a segment, which is what a chain makes in a pass.
    fn first(&self, segment: usize) -> usize {
        let before = (self.order.len() as u128) * (segment as u128) / (self.chains as u128);
        usize::try_from(before).unwrap_or(0)
    }

    /// The segment in which a chain stands after `passes` passes: it goes on where the next one began.
    fn segment_after(&self, chain: usize, passes: u64) -> usize {
        let chains = self.chains as u64;
        usize::try_from((chain as u64 + passes % chains) % chains).unwrap_or(0)
    }

    /// Loads that a chain makes in `passes` passes.
    fn loads(&self, chain: usize, passes: u64) -> u64 {
        let (nodes, chains) = (self.order.len() as u64, self.chains as u64);
        let end = self.first(self.segment_after(chain, passes)) as u64;
        let begin = self.first(chain) as u64;
        // Whole rounds through the cycle, and the way from where it began to where it ends.
        let part = if end >= begin { end - begin } else { nodes - begin + end };
        (passes / chains).saturating_mul(nodes).saturating_add(part)
    }

    /// All chains; where they ended, or nothing if one was led outside.
    fn chained<const K: usize>(&self, bytes: &[u8], passes: u64) -> Option<[usize; K]> {
        let start = bytes.as_ptr().addr();
        let mut at = [0; K];
        let mut loads = [0; K];
        for chain in 0..K {
            at[chain] = start + place(self.chase.offset(self.order[self.first(chain)]));
            loads[chain] = self.loads(chain, passes);
        }
        let together = loads.iter().copied().min().unwrap_or(0);
        let mut ends = follow(bytes, at, together)?;
        for (end, loads) in ends.iter_mut().zip(loads) {
            [*end] = follow(bytes, [*end], loads - together)?;
        }
        Some(ends)
    }

    fn check(&self, buffer: &Buffer) -> Result<(), KernelError> {
        let (found, needed) = (buffer.len() as u64, self.chase.buffer_bytes());
        if found < needed { Err(KernelError::BufferSize { index: 0, found, needed }) } else { Ok(()) }
    }
}

/// An offset inside a buffer, which fits.
fn place(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

/// `loads` loads of each chain, in turn; `None` as soon as an address is none of `bytes`.
fn follow<const K: usize>(bytes: &[u8], mut at: [usize; K], loads: u64) -> Option<[usize; K]> {
    let last = bytes.len().checked_sub(NODE)?;
    let start = bytes.as_ptr().expose_provenance();
    let mut left = loads;
    while left >= UNROLLED {
        for _ in 0..UNROLLED {
            // SAFETY: `last` bytes and a node are all bytes.
            at = unsafe { step(start, last, at)? };
        }
        left -= UNROLLED;
    }
    for _ in 0..left {
        // SAFETY: likewise.
        at = unsafe { step(start, last, at)? };
    }
    Some(at)
}

/// One load of each chain.
///
/// # Safety
/// `last` bytes and a node behind `start` must be valid for reads, and their provenance exposed.
#[inline(always)]
unsafe fn step<const K: usize>(start: usize, last: usize, mut at: [usize; K]) -> Option<[usize; K]> {
    for address in &mut at {
        if address.wrapping_sub(start) > last {
            return None;
        }
        // A pointer made from the start would put its subtraction between two loads.
        let node = std::ptr::with_exposed_provenance::<u64>(*address);
        // SAFETY: the address lies in the bytes the caller vouches for; no alignment is assumed.
        let next = unsafe { node.read_unaligned() };
        *address = place(next);
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::PagePolicy;
    use proptest::prelude::*;

    /// A buffer whose last byte is the last one before the guard page, and the cycle laid into it.
    fn laid(chase: Chase, chains: usize) -> (Cycle, Buffer) {
        let bytes = usize::try_from(chase.buffer_bytes()).unwrap();
        let offset = bytes.next_multiple_of(4096) - bytes;
        let mut buffer = Buffer::new(chase.buffer_bytes(), PagePolicy::Base, offset).unwrap();
        let cycle = Cycle::new(chase, chains).unwrap();
        cycle.lay(&mut buffer).unwrap();
        (cycle, buffer)
    }

    /// What the buffer says, followed node by node.
    fn followed(cycle: &Cycle, buffer: &Buffer) -> Vec<u64> {
        let mut at = 0;
        let step = |_| {
            let here = at;
            let node = buffer.as_bytes()[usize::try_from(at).unwrap()..].first_chunk().unwrap();
            at = u64::from_ne_bytes(*node) - buffer.address();
            here
        };
        (0..cycle.chase.nodes).map(step).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

        #[test]
        fn every_node_is_visited_once_in_the_order_of_the_chase(
            nodes in 8_usize..300, pitch in 8_usize..300, chains in 0_usize..4, passes in 0_u64..40, seed: u64
        ) {
            let chase = Chase { nodes, pitch, seed };
            let (cycle, buffer) = laid(chase, Cycle::CHAINS[chains]);
            let visits: Vec<u64> = chase.visits().into_iter().map(|node| chase.offset(node)).collect();
            prop_assert_eq!(followed(&cycle, &buffer), visits);
            prop_assert!(cycle.run(&buffer, passes).is_ok());
            prop_assert_eq!(cycle.run(&buffer, passes), cycle.run(&buffer, 1));
            // All chains together make one load per node and pass.
            let loads: u64 = (0..cycle.chains).map(|chain| cycle.loads(chain, passes)).sum();
            prop_assert_eq!(loads, nodes as u64 * passes);
        }
    }

    #[test]
    fn one_node_per_page_stays_inside() {
        for chains in Cycle::CHAINS {
            let (cycle, buffer) = laid(Chase { nodes: 40, pitch: 4096, seed: 1 }, chains);
            assert!(cycle.run(&buffer, 7).is_ok());
        }
    }

    #[test]
    fn a_buffer_without_the_cycle_is_an_error_and_nothing_outside_is_read() {
        let chase = Chase { nodes: 100, pitch: 64, seed: 2 };
        let (cycle, mut buffer) = laid(chase, 1);
        let (node, address) = (64 * 50, buffer.address());
        // Outside on either side, across the end, at no node, and back to an earlier node.
        for wrong in [0, u64::MAX, address - 8, address + 6400 - 7, address + 3, address] {
            buffer.as_bytes_mut()[node..node + 8].copy_from_slice(&wrong.to_ne_bytes());
            assert_eq!(cycle.run(&buffer, 2), Err(KernelError::Astray), "{wrong:#x}");
            assert_ne!(cycle.checksum(&buffer, Checksum(0)), {
                let (cycle, whole) = laid(chase, 1);
                cycle.checksum(&whole, Checksum(0))
            });
            cycle.lay(&mut buffer).unwrap();
        }
        let never = Buffer::new(6400, PagePolicy::Base, 0).unwrap();
        assert_eq!(cycle.run(&never, 1), Err(KernelError::Astray));
        let small = Buffer::new(6399, PagePolicy::Base, 0).unwrap();
        assert!(matches!(cycle.run(&small, 1), Err(KernelError::BufferSize { found: 6399, needed: 6400, .. })));
    }

    #[test]
    fn checksums_are_equal_wherever_the_cycle_lies() {
        let (cycle, buffer) = laid(Chase { nodes: 64, pitch: 64, seed: 3 }, 4);
        let mut other = Buffer::new(64 * 64, PagePolicy::Huge, 128).unwrap();
        cycle.lay(&mut other).unwrap();
        let of = |buffer| cycle.checksum(buffer, cycle.run(buffer, 1).unwrap());
        assert_eq!(of(&buffer), of(&other));
        let (reversed, again) = laid(Chase { nodes: 64, pitch: 64, seed: 4 }, 4);
        assert_ne!(of(&buffer), reversed.checksum(&again, reversed.run(&again, 1).unwrap()));
    }

    #[test]
    fn what_cannot_be_a_cycle_is_refused() {
        for (nodes, pitch, chains) in [(0, 64, 1), (10, 7, 1), (3, 64, 4), (10, 64, 3), (usize::MAX, 64, 1)] {
            let refused = Cycle::new(Chase { nodes, pitch, seed: 0 }, chains).unwrap_err();
            assert_eq!(refused, KernelError::Cycle { nodes, pitch, chains });
        }
    }
}
