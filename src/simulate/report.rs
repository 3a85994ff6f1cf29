//! What a simulation says.

use serde::{Deserialize, Serialize};

/// One level over one pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LevelCounts {
    /// `L1d`, `L2`, …
    pub name: String,
    /// Lines asked for: of the first level by the program, of the others by the level before.
    pub accesses: u64,
    /// Found.
    pub hits: u64,
    /// Not found.
    pub misses: u64,
    /// Misses of lines never touched before; absent unless classification was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compulsory: Option<u64>,
    /// Misses that a fully associative LRU cache of the same size has too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u64>,
    /// Misses that only the division into sets causes; where the sets happen to help, none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<u64>,
    /// Written lines that left for the next level.
    pub writebacks: u64,
}

/// One TLB over one pass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlbCounts {
    /// `L1 dTLB`, …
    pub name: String,
    /// Translations asked for; an access that lies in two pages asks twice.
    pub accesses: u64,
    /// Found.
    pub hits: u64,
    /// Not found.
    pub misses: u64,
}

/// One pass over the nest.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pass {
    /// Loads and stores of the program.
    pub accesses: u64,
    /// Caches from the CPU outwards.
    pub levels: Vec<LevelCounts>,
    /// TLBs from the CPU outwards.
    pub tlb: Vec<TlbCounts>,
    /// Translations that no TLB had; absent where no TLB is simulated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub page_walks: Option<u64>,
    /// Distinct lines that the pass touches; absent where telling them would take long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<u64>,
    /// Lines fetched ahead, in a what-if with a prefetcher.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefetches: Option<u64>,
}

impl Pass {
    /// From what was counted: accesses, misses, write-backs, and if they are told apart compulsory and capacity misses.
    pub(super) fn new(accesses: u64, mut levels: Vec<LevelCounts>, mut tlb: Vec<TlbCounts>) -> Self {
        for level in &mut levels {
            level.hits = level.accesses - level.misses;
            let other = level.compulsory.zip(level.capacity).map(|(compulsory, capacity)| compulsory + capacity);
            level.conflict = other.map(|other| level.misses.saturating_sub(other));
        }
        tlb.iter_mut().for_each(|tlb| tlb.hits = tlb.accesses - tlb.misses);
        let page_walks = tlb.last().map(|tlb| tlb.misses);
        Self { accesses, levels, tlb, page_walks, lines: None, prefetches: None }
    }

    /// Puts the misses of the caches in place that were found without walking: reads only.
    pub(super) fn set_levels(&mut self, names: impl Iterator<Item = String>, touches: u64, misses: &[u64]) {
        let mut asked = touches;
        let level = |(name, &misses): (String, &u64)| {
            let accesses = std::mem::replace(&mut asked, misses);
            LevelCounts { name, accesses, hits: accesses - misses, misses, ..LevelCounts::default() }
        };
        self.levels = names.zip(misses).map(level).collect();
    }

    /// The same for the TLBs.
    pub(super) fn set_tlbs(&mut self, names: impl Iterator<Item = String>, touches: u64, misses: &[u64]) {
        let mut asked = touches;
        let level = |(name, &misses): (String, &u64)| {
            let accesses = std::mem::replace(&mut asked, misses);
            TlbCounts { name, accesses, hits: accesses - misses, misses }
        };
        self.tlb = names.zip(misses).map(level).collect();
        self.page_walks = misses.last().copied();
    }
}

/// The same nest from empty caches, and in the steady state of repeated passes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The model: `lru`, or what else was asked for.
    pub policy: String,
    /// The first pass, from empty caches.
    pub cold: Pass,
    /// A further pass once passes repeat; timed loops are in this state.
    pub warm: Pass,
}
