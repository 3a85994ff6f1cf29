//! Tests of what nests ask of the memory system.

use super::super::Pattern;
use super::*;
use crate::layout::{Layout, Order};

fn zen3() -> Geometry {
    let caches = Geometry::parse_caches("l1=32K:8:64,l2=512K:8:64,l3=32M:16:64").unwrap();
    Geometry::new(caches, Geometry::parse_tlbs("l1=64,l2=2048:8").unwrap(), 4096, "test").unwrap()
}

fn sum(rows: usize, columns: usize, order: &str) -> LoopNest {
    let array = Layout::contiguous(&[rows, columns], 8, Order::C).unwrap();
    LoopNest::of_layouts(&[(&array, Role::Read)], &order.parse().unwrap()).unwrap()
}

/// On a core that has much under way and whose TLBs draw.
fn traffic(nest: &LoopNest, page: u64) -> Traffic {
    let [first, ..] = Traffic::of(nest, Stores::Plain, &zen3(), page);
    first
}

#[test]
fn rows_stream_and_columns_are_far() {
    let rows = traffic(&sum(4096, 4096, "0,1"), 4096);
    let [stream, among, near, far, ..] = rows.lines[2];
    assert!((stream - 0.125).abs() < 0.002 && among < 0.001 && near < 0.001 && far < 0.001, "{rows:?}");
    // Every page is looked up, by a stream that comes from the one before.
    assert!((rows.crossings[1] - 1.0 / 512.0).abs() < 2e-4 && rows.translations[1] < 1e-4, "{rows:?}");
    let columns = traffic(&sum(4096, 4096, "1,0"), 4096);
    assert!(columns.crossings.iter().all(|&count| count < 1e-12), "{columns:?}");
    // A line is used by eight columns: the last level keeps it, since its sets are strewn.
    assert!((columns.misses() - 1.0).abs() < 0.01 && columns.lines[1][Pattern::Few as usize] > 0.8, "{columns:?}");
    // 4,096 pages, whose translations 2,048 entries keep a fifth of (e^-1.6).
    assert!((columns.translations[1] - 0.8).abs() < 0.02, "{columns:?}");
    let huge = traffic(&sum(4096, 4096, "1,0"), 2 << 20);
    assert!(huge.translations[1] < 0.01, "{huge:?}");
}

#[test]
fn what_fits_is_served_where_it_fits() {
    let small = traffic(&sum(32, 64, "1,0"), 4096);
    assert!(small.misses() < 1e-12 && small.translations == [0.0, 0.0], "{small:?}");
    assert!((small.runs - 1.0 / 32.0).abs() < 1e-12);
    let second = traffic(&sum(128, 128, "0,1"), 4096);
    assert!((second.lines[0][0] - 0.125).abs() < 0.02, "{second:?}");
    // Eight megabytes: filled into the third cache, though only a part is walked.
    let third = traffic(&sum(2048, 2048, "1,0"), 2 << 20);
    assert!((third.lines[1].iter().sum::<f64>() - 1.0).abs() < 0.05, "{third:?}");
}

#[test]
fn written_lines_are_told_of() {
    let array = Layout::contiguous(&[1024, 1024], 8, Order::C).unwrap();
    let nest = LoopNest::of_layouts(&[(&array, Role::Write)], &"0,1".parse().unwrap()).unwrap();
    let traffic = traffic(&nest, 4096);
    assert!((traffic.written.iter().flatten().sum::<f64>() - 0.125).abs() < 0.01, "{traffic:?}");
}

/// Along a row eight stores go to a line, down a column one does; what is stored past the caches is gathered first.
#[test]
fn stores_turn_to_another_line() {
    let array = Layout::contiguous(&[32, 64], 8, Order::C).unwrap();
    let turns = |order: &str, role: Role, stores: Stores| {
        let nest = LoopNest::of_layouts(&[(&array, role)], &order.parse().unwrap()).unwrap();
        Traffic::of(&nest, stores, &zen3(), 4096)[0].turns
    };
    assert!((turns("0,1", Role::Write, Stores::Plain) - 0.125).abs() < 1e-12);
    assert!((turns("1,0", Role::Write, Stores::Plain) - 1.0).abs() < 1e-12);
    assert!(turns("1,0", Role::Update, Stores::Plain).abs() < 1e-12);
    assert!(turns("1,0", Role::Write, Stores::NonTemporal).abs() < 1e-12);
}

/// Stores past the caches go to memory a line each in order, and none is brought in or given back.
#[test]
fn stores_past_the_caches_bring_no_lines() {
    let array = Layout::contiguous(&[512, 512], 8, Order::C).unwrap();
    let nest = LoopNest::of_layouts(&[(&array, Role::Write)], &"0,1".parse().unwrap()).unwrap();
    let [traffic, ..] = Traffic::of(&nest, Stores::NonTemporal, &zen3(), 4096);
    assert!((traffic.past[0] - 0.125).abs() < 1e-3 && traffic.past[1] < 1e-3, "{traffic:?}");
    assert!(traffic.misses() < 1e-12 && traffic.written.iter().flatten().all(|&count| count < 1e-12));
}

/// A column of 32 rows, a power of two apart, overflows its set of the first cache; but the column after it comes while
/// its lines are under way, the one after five of these does not.
#[test]
fn lines_under_way_are_not_fetched_again() {
    let column =
        |rows, habit: usize| Traffic::of(&sum(rows, 512, "1,0"), Stores::Plain, &zen3(), 2 << 20)[habit].misses();
    let close = |rows, habit, misses: f64| {
        let found = column(rows, habit);
        assert!((found - misses).abs() < 0.01, "{rows} {habit}: {found}");
    };
    close(32, 0, 0.25);
    close(256, 0, 1.0);
    // With 48 accesses under way, of eight columns the first, the fourth and the seventh.
    close(16, 2, 3.0 / 8.0);
    close(32, 2, 0.5);
    close(48, 2, 1.0);
}

/// A tile of eight rows and eight columns loads each line of the last cache once far and seven times while it is under way; rows
/// are brought by prefetchers, and columns of 64 rows are there when they are asked for again.
#[test]
fn lines_under_way_are_met_again() {
    let array = Layout::contiguous(&[1024, 520], 8, Order::C).unwrap();
    let again = |order: &str, tile: usize| {
        let nest = LoopNest::of_layouts(&[(&array, Role::Read)], &order.parse().unwrap()).unwrap();
        let nest = if tile > 0 { nest.tiled(&[(0, tile), (1, tile)]).unwrap() } else { nest };
        Traffic::of(&nest, Stores::Plain, &zen3(), 2 << 20)[2].kept([1e9, 0.0], 1.0).again
    };
    let close = |found: &[f64], expected: f64| {
        assert!((found[1] - expected).abs() < 0.05 && found[0] < 1e-12 && found[2] < 0.05, "{found:?}");
    };
    close(&again("1,0", 8), 5.0 / 8.0);
    close(&again("0,1", 0), 0.0);
    close(&again("1,0", 0), 0.0);
}

/// Of 4,096 pages in huge ones none is looked up, unless what lies below splits them.
#[test]
fn huge_pages_may_be_split_below() {
    let huge = traffic(&sum(4096, 4096, "1,0"), 2 << 20);
    assert!(huge.translations[1] < 0.01 && (huge.split[1] - 0.8).abs() < 0.02, "{huge:?}");
    let base = traffic(&sum(4096, 4096, "1,0"), 4096);
    assert!(base.split == [0.0, 0.0], "{base:?}");
    // Where the oldest goes, a cycle of twice the entries finds none.
    let oldest = &Traffic::of(&sum(4096, 4096, "1,0"), Stores::Plain, &zen3(), 4096)[1];
    assert!((oldest.translations[1] - 1.0).abs() < 0.01, "{oldest:?}");
}

/// Sixteen rows walked by columns: sixteen streams that a prefetcher follows.
#[test]
fn a_few_pages_in_turn_are_streams() {
    let turns = traffic(&sum(16, 65_536, "1,0"), 4096);
    let all: f64 = turns.misses();
    let streams: f64 = turns.lines.iter().map(|level| level[0] + level[1]).sum();
    assert!(streams > 0.94 * all, "{turns:?}");
}

/// Eight megabytes: rows find all again in a last cache that others use too, and columns that take forty times as long hardly any;
/// what a walk asks for again soon stays.
#[test]
fn a_last_cache_keeps_lines_for_a_time() {
    let kept = |order: &str, ns: f64| {
        let [.., traffic] = Traffic::of(&sum(1024, 1024, order), Stores::Plain, &zen3(), 4096);
        assert!(traffic.lines[1..].iter().flatten().all(|&count| count < 1e-12), "{traffic:?}");
        let all = traffic.misses();
        // Room for 24 MiB, and a line of others in ten nanoseconds.
        let kept = traffic.kept([393_216.0, 0.1], ns);
        assert!(kept.aged.is_empty() && (kept.misses() - all).abs() < 1e-9, "{kept:?}");
        [1, 2].map(|level| kept.lines[level].iter().sum::<f64>())
    };
    let close = |[_, memory]: [f64; 2], expected: f64| {
        assert!((memory - expected).abs() < 0.02, "{memory}");
    };
    close(kept("0,1", 0.15), 0.0);
    close(kept("0,1", 6.0), 1.0 / 8.0);
    // Columns ask for a line again seven times and soon, and then after a pass.
    close(kept("1,0", 0.1), 0.0);
    close(kept("1,0", 8.0), 1.0 / 8.0);
    assert!(kept("1,0", 8.0)[0] > 0.25, "{:?}", kept("1,0", 8.0));
}
