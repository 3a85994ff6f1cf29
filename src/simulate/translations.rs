//! Data TLBs asked access by access: how many of a walk's translations each answers.

use super::cache::{Entries, Scalar};
use super::geometry::TlbLevel;
use super::placed::frame_of;
use crate::units::Rng;
use rustc_hash::FxHashMap;

/// Which translation gives way to a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Victims {
    /// Any may take any entry, and which one is drawn: a cycle that is a little too long loses a part of its translations.
    Drawn,
    /// The one of its set that was not used for longest; the set is given by a hash of the page's number. A cycle that is one
    /// too long for a set loses all of the set. The last of several TLBs keeps the entries of page directories that
    /// are read for what it lacks, as those of AMD's cores do (Software Optimization Guide for the AMD Family 19h
    /// Processors).
    Oldest,
}

/// Ways of a TLB beyond the first at least. An AMD EPYC 7003 names 8 of 2,048 entries; but chases of pages begin to be looked up
/// between 1,024 and 1,536, whether they are one, two or sixteen pages apart, and a half is at 2,048 (2026-11-30): sets of 16 that
/// a hash gives.
const FARTHER_WAYS: u32 = 16;
/// The number of a page directory's entry is told from those of pages by this bit.
const DIRECTORY: u64 = 1 << 50;
/// An entry of a page directory is for 512 pages.
const PAGES_OF_DIRECTORY_BITS: u32 = 9;

/// TLBs for pages of one size, from the CPU outwards.
#[derive(Clone, Debug)]
pub struct Translations {
    tlbs: Vec<Tlb>,
    page_bits: u32,
    /// The page of the last access.
    last: Option<u64>,
}

#[derive(Clone, Debug)]
enum Tlb {
    Drawn(Drawn),
    Oldest { entries: Entries<u64>, sets: u64 },
}

impl Tlb {
    fn access(&mut self, page: u64) -> bool {
        match self {
            Self::Drawn(tlb) => tlb.access(page),
            // A number that tells the page and has the hash where sets are read from.
            Self::Oldest { entries, sets } => entries.access::<Scalar>(page * *sets + frame_of(page, 0) % *sets),
        }
    }
}

/// Ways of a TLB, given its number: the first is as it is named.
fn ways(number: usize, level: &TlbLevel) -> u32 {
    let mut ways = level.ways.clamp(1, level.entries.max(1));
    while number > 0 && ways < FARTHER_WAYS && level.entries.is_multiple_of(2 * ways) {
        ways *= 2;
    }
    ways
}

impl Translations {
    /// Empty ones for pages of `page` bytes, a power of two; `seed` is for what is drawn.
    #[must_use]
    pub fn new(tlbs: &[TlbLevel], page: u64, victims: Victims, seed: u64) -> Self {
        let tlb = |(number, level): (usize, &TlbLevel)| match victims {
            Victims::Drawn => Tlb::Drawn(Drawn::new(level.entries, seed)),
            Victims::Oldest => {
                let (entries, ways) = (level.entries.max(1), ways(number, level));
                Tlb::Oldest { entries: Entries::new(entries, ways), sets: u64::from(entries / ways) }
            }
        };
        Self { tlbs: tlbs.iter().enumerate().map(tlb).collect(), page_bits: page.trailing_zeros(), last: None }
    }

    /// Uses the translation of `address`: the TLB that had it, 0 being the first; as many as there are if it has to be
    /// looked up. A farther TLB is asked where the nearer ones do not know.
    pub fn access(&mut self, address: u64) -> usize {
        let page = address >> self.page_bits;
        if self.last.replace(page) == Some(page) {
            return 0;
        }
        let found = self.tlbs.iter_mut().position(|tlb| tlb.access(page));
        if let (None, [_, .., farther @ Tlb::Oldest { .. }]) = (found, &mut self.tlbs[..]) {
            farther.access(DIRECTORY | page >> PAGES_OF_DIRECTORY_BITS);
        }
        found.unwrap_or(self.tlbs.len())
    }
}

/// A TLB in which any page may take any entry, and which entry it takes is drawn.
#[derive(Clone, Debug)]
struct Drawn {
    pages: Vec<u64>,
    /// Where each page is among them.
    at: FxHashMap<u64, usize>,
    entries: usize,
    rng: Rng,
}

impl Drawn {
    fn new(entries: u32, seed: u64) -> Self {
        let entries = entries.max(1) as usize;
        Self { pages: Vec::new(), at: FxHashMap::default(), entries, rng: Rng::new(seed) }
    }

    /// Uses the translation of a page; whether it was here.
    fn access(&mut self, page: u64) -> bool {
        if self.at.contains_key(&page) {
            return true;
        }
        let entry = if self.pages.len() < self.entries {
            self.pages.push(page);
            self.pages.len() - 1
        } else {
            let drawn = usize::try_from(self.rng.below(self.entries as u64)).unwrap_or(0);
            self.at.remove(&std::mem::replace(&mut self.pages[drawn], page));
            drawn
        };
        self.at.insert(page, entry);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::Geometry;

    /// Share of `pages` that the TLB of that number answers, once passes repeat.
    fn answered(victims: Victims, pages: &[u64], tlb: usize) -> f64 {
        let tlbs = Geometry::parse_tlbs("l1=64,l2=2048:8").unwrap();
        let mut translations = Translations::new(&tlbs, 4096, victims, 1);
        let mut pass = || pages.iter().filter(|&&page| translations.access(page << 12) == tlb).count();
        (0..20).for_each(|_| _ = pass());
        let found: usize = (0..20).map(|_| pass()).sum();
        found as f64 / (20 * pages.len()) as f64
    }

    /// Of 128 pages in 64 entries whose victims are drawn a share p = exp(-2 (1 - p)), a fifth, is found again; of the
    /// oldest none is.
    #[test]
    fn a_cycle_that_is_too_long_loses_a_part_or_all() {
        let cycle: Vec<u64> = (0..128).collect();
        let share = answered(Victims::Drawn, &cycle, 0);
        assert!((share - 0.203).abs() < 0.03, "{share}");
        assert!(answered(Victims::Oldest, &cycle, 0) < 1e-12);
        assert!((answered(Victims::Oldest, &cycle, 1) - 1.0).abs() < 1e-12);
    }

    /// Sets overflow before the TLB is full, wherever the pages are.
    #[test]
    fn pages_are_strewn_over_sets() {
        let oldest = |pages: u64, pitch: u64| {
            let apart: Vec<u64> = (0..pages).map(|page| page * pitch + page / 64).collect();
            answered(Victims::Oldest, &apart, 1)
        };
        for pitch in [1, 2, 16] {
            let shares = [1024, 1536, 2048, 3072].map(|pages| oldest(pages, pitch));
            let expected = [0.95..=1.0, 0.7..=0.95, 0.3..=0.6, 0.0..=0.05];
            assert!(shares.iter().zip(&expected).all(|(share, range)| range.contains(share)), "{pitch}: {shares:?}");
        }
    }

    #[test]
    fn the_page_of_the_last_access_is_known() {
        let mut translations = Translations::new(&[], 4096, Victims::Oldest, 1);
        assert_eq!([0, 4095, 4096].map(|address| translations.access(address)), [0, 0, 0]);
        let mut translations = Translations::new(&Geometry::parse_tlbs("l1=1").unwrap(), 4096, Victims::Oldest, 1);
        assert_eq!([0, 4095, 4096, 4097, 0].map(|address| translations.access(address)), [1, 0, 1, 0, 1]);
    }
}
