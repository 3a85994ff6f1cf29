//! Every family's shape of result, by exact counts on the caches of one CPU: what cannot be noise.

use stridewise::simulate::{Geometry, Options, Pass, simulate, simulate_chase};
use stridewise::suite::{Case, Item, Level, Machine, Walked, items};

/// The caches that the counts are made with: those of an AMD Zen 3.
const CACHES: &str = "l1=32K:8:64,l2=512K:8:64,l3=32M:16:64";
/// Its TLBs.
const TLBS: &str = "l1=64,l2=2048:8";

fn case(id: &str) -> Case {
    id.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// The steady state of repeated passes.
fn pass(id: &str) -> Pass {
    let case = case(id);
    let huge = case.options.pages == stridewise::memory::PagePolicy::Huge;
    let (caches, tlbs) = (Geometry::parse_caches(CACHES).unwrap(), Geometry::parse_tlbs(TLBS).unwrap());
    let geometry = Geometry::new(caches, tlbs, if huge { 2 << 20 } else { 4096 }, "test").unwrap();
    match case.walked().unwrap() {
        Walked::Nest(nest) => {
            let bases: Vec<u64> = (0..nest.buffers().len() as u64).map(|buffer| (buffer + 1) << 32).collect();
            simulate(&nest, &bases, &geometry, &Options::default()).unwrap().warm
        }
        Walked::Chase(chase) => simulate_chase(&chase, 1 << 32, &geometry, &Options::default()).unwrap().warm,
    }
}

/// Misses of the first cache.
fn misses(id: &str) -> u64 {
    pass(id).levels[0].misses
}

/// Lines of so many `f8`.
const fn lines(elements: u64) -> u64 {
    elements / 8
}

/// Whether a count is what is expected, within a share of it.
fn near(found: u64, expected: u64, share: f64) -> bool {
    (found as f64 - expected as f64).abs() <= share * expected as f64
}

const N: u64 = 1024;

#[test]
fn stride_a_longer_step_costs_more_up_to_a_line_and_then_a_page() {
    // One element per stride of a row of 1 Mi: the steps fall, the lines only from a line on.
    let step = |elements: u64, stride: u64| {
        let only = if stride > 1 { "/only=1" } else { "" };
        pass(&format!("stride/sum/f8/{}x{stride}/C/1,0{only}", elements / stride))
    };
    let counts = [1, 2, 4, 8, 16].map(|stride| step(1 << 20, stride).levels[0].misses);
    assert_eq!(counts[..4], [lines(1 << 20); 4], "{counts:?}");
    assert_eq!(counts[4], lines(1 << 20) / 2);
    let walks = |stride: u64| step(1 << 22, stride).tlb[0].misses;
    assert_eq!((walks(8), walks(512), walks(1024)), (1 << 13, 1 << 13, 1 << 12));
}

#[test]
fn conflict_a_power_of_two_spikes_and_padding_cures() {
    let columns = |length: u64| misses(&format!("conflict/sum/f8/1024x{length}/C/1,0"));
    let padded = misses("conflict/sum/f8/1024x1024/C/1,0/pad=64");
    assert_eq!(columns(1024), N * N);
    // Neighbours and padded rows spread over the sets of the second cache, which then holds what comes again.
    let second = |id: &str| pass(id).levels[1].misses;
    assert!(second("conflict/sum/f8/1024x1024/C/1,0") > 6 * second("conflict/sum/f8/1024x1024/C/1,0/pad=64"));
    assert!(second("conflict/sum/f8/1024x1024/C/1,0") > 6 * second("conflict/sum/f8/1024x1023/C/1,0"));
    assert!(padded <= columns(1024));
}

#[test]
fn ndim_the_innermost_axis_decides_and_sums_touch_their_result_as_their_loops_say() {
    let cube = |loops: &str| misses(&format!("ndim/sum/f8/128x128x128/C/{loops}"));
    let best = cube("0,1,2");
    assert_eq!(best, lines(1 << 21));
    assert!(cube("1,0,2") < 2 * best && cube("2,1,0") > 7 * best && cube("0,2,1") >= best);
    let accesses = |loops: &str, axis: u64| pass(&format!("ndim/reduce/f8/{N}x{N}/C/{loops}/axis={axis}")).accesses;
    // Along the innermost axis the sum stays in a register; else it is loaded and stored at every step.
    assert_eq!(accesses("0,1", 1), N * N + 2 * N);
    assert_eq!(accesses("0,1", 0), 3 * N * N);
    assert_eq!(accesses("1,0", 0), N * N + 2 * N);
    let reduce = |loops: &str| misses(&format!("ndim/reduce/f8/{N}x{N}/C/{loops}/axis=0"));
    assert!(near(reduce("0,1"), lines(N * N), 0.05), "{}", reduce("0,1"));
    assert!(reduce("1,0") > 7 * reduce("0,1"));
}

#[test]
fn transpose_tiles_halves_and_blocks_fetch_every_line_once() {
    let of = |rest: &str| misses(&format!("transpose/copy/f8/{N}x{N}/C/0,1/dest=F{rest}"));
    let once = 2 * lines(N * N);
    assert!(of("") > 4 * once, "{}", of(""));
    assert_eq!(of("/walk=block"), once);
    assert_eq!(of("/tile=64/walk=block"), once);
    // A power of two meets in few sets: a tile one line wide keeps to the ways of a set, a wider one does not.
    assert!(near(of("/tile=8"), once, 0.1), "{}", of("/tile=8"));
    let padded = |rest: &str| misses(&format!("transpose/copy/f8/{N}x{N}/C/0,1/dest=F{rest}"));
    for rest in ["/leaf=16/pad=64", "/pad=64/tile=16"] {
        assert!(near(padded(rest), once, 0.15), "{rest}: {}", padded(rest));
    }
    // The plain copy reads and writes every line once as well.
    assert_eq!(misses(&format!("transpose/copy/f8/{N}x{N}/C/0,1")), once);
}

#[test]
fn view_a_pass_over_the_copy_misses_an_eighth() {
    assert_eq!(misses(&format!("view/sum/f8/{N}x{N}/C/1,0")), 8 * misses(&format!("view/sum/f8/{N}x{N}/C/0,1")));
}

#[test]
fn tile_a_band_of_columns_uses_whole_lines() {
    let of = |rest: &str| misses(&format!("tile/sum/f8/1000x1000/C/1,0{rest}"));
    assert!(of("") > 7 * lines(1_000_000));
    assert!(near(of("/tile=32"), lines(1_000_000), 0.2), "{}", of("/tile=32"));
}

#[test]
fn window_a_view_touches_its_source_once_and_the_array_of_windows_every_element() {
    let view = pass("window/sum/f8/1000007/C/0,1/window=8");
    let dense = pass("window/sum/f8/1000007/C/0,1/form=dense/window=8");
    assert_eq!((view.accesses, dense.accesses), (8_000_000, 8_000_000));
    assert!(near(view.levels[0].misses, 125_001, 0.001), "{}", view.levels[0].misses);
    assert_eq!(dense.levels[0].misses, 1_000_000);
}

#[test]
fn record_a_field_of_eight_fetches_eight_times_its_bytes() {
    let field = |fields: u64| misses(&format!("record/sum/f8/1000000x{fields}/C/1,0/only=1"));
    assert_eq!(misses("record/sum/f8/1000000x1/C/1,0"), 125_000);
    assert_eq!([2, 4, 8, 16].map(field), [250_000, 500_000, 1_000_000, 1_000_000]);
}

#[test]
fn matmul_each_order_misses_by_what_its_innermost_loop_walks() {
    let n = 256_u64;
    let of = |loops: &str, rest: &str| pass(&format!("matmul/matmul/f8/{n}x{n}x{n}/C/{loops}{rest}"));
    let (cube, square) = (n.pow(3), n.pow(2));
    // What stands still is loaded, and stored if it is c, once per run.
    assert_eq!(of("0,1,2", "").accesses, 2 * cube + 2 * square);
    assert_eq!(of("0,2,1", "").accesses, 3 * cube + square);
    assert_eq!(of("1,2,0", "").accesses, 3 * cube + square);
    let missed = |loops: &str, rest: &str| of(loops, rest).levels[0].misses;
    let ikj = missed("0,2,1", "");
    // b is swept whole for every row of a.
    assert!(near(ikj, cube / 8, 0.1), "{ikj}");
    // A column of b has a line per step; two columns, those of a and c, have two.
    assert!(near(missed("0,1,2", ""), cube, 0.15), "{}", missed("0,1,2", ""));
    assert!(near(missed("1,2,0", ""), 2 * cube, 0.15), "{}", missed("1,2,0", ""));
    assert!(missed("0,1,2", "/b=F") < missed("0,1,2", "") / 4);
    // Rows a power of two apart meet in few sets, so that a tile needs padding too.
    assert!(missed("0,2,1", "/tile=32") > ikj / 2);
    assert!(missed("0,2,1", "/pad=64/tile=32") < ikj / 4, "{}", missed("0,2,1", "/pad=64/tile=32"));
}

#[test]
fn stencil_rows_that_are_needed_again_are_still_there_and_columns_are_not() {
    let plane = |loops: &str, rest: &str| pass(&format!("stencil/stencil5/f8/2050x514/C/{loops}{rest}"));
    // Three rows of the source and one of the result fit the first cache.
    let once = 2 * lines(2050 * 514);
    assert_eq!(plane("0,1", "").accesses, 6 * N * N);
    assert!(near(plane("0,1", "").levels[0].misses, once, 0.05), "{}", plane("0,1", "").levels[0].misses);
    assert!(plane("1,0", "").levels[0].misses > 5 * once);
    let space = |loops: &str, rest: &str| pass(&format!("stencil/stencil7/f8/130x130x130/C/{loops}{rest}"));
    assert_eq!(space("0,1,2", "").accesses, 8 * (1 << 21));
    assert!(space("2,1,0", "").levels[0].misses > 4 * space("0,1,2", "").levels[0].misses);
    // Bands of three planes that fit the first cache: the planes above and below are not fetched again.
    let bands = space("0,1,2", "/tile=1000,4,1000").levels[0].misses;
    assert!(bands < space("0,1,2", "").levels[0].misses, "{bands}");
}

#[test]
fn latency_a_cycle_misses_where_it_does_not_fit() {
    let chase = |bytes: u64| pass(&format!("latency/chase/f8/{}/C/0", bytes / 64));
    let missed = |bytes: u64, level: usize| chase(bytes).levels[level].misses * 64;
    for (fits, not, level) in [(32 << 10, 64 << 10, 0), (512 << 10, 1 << 20, 1)] {
        assert_eq!((missed(fits, level), missed(not, level)), (0, not), "level {level}");
    }
}

#[test]
fn pages_huge_ones_save_the_walks_of_columns() {
    let walks = |rest: &str| pass(&format!("pages/sum/f8/4096x4096/C/1,0{rest}")).page_walks.unwrap();
    // A column has a page per element, more than both TLBs hold.
    assert_eq!(walks(""), 4096 * 4096);
    assert_eq!(walks("/pages=huge"), 0);
}

#[test]
fn threads_and_write_move_the_bytes_of_their_baselines() {
    let bytes = |id: &str| case(id).walked().unwrap().bytes_read_written();
    assert_eq!(bytes("threads/sum/f8/4096x4096/C/1,0/threads=2"), bytes("threads/sum/f8/4096x4096/C/0,1"));
    assert_eq!(bytes("write/copy/f8/1048576/C/0/stores=nt/walk=stream"), (8 << 20, 8 << 20));
    // Neighbouring accumulators lie in one line, padded ones in lines of their own.
    let step = |pad: &str| case(&format!("threads/scale/f8/2x1/C/0,1{pad}/repeat=8")).strides().unwrap()[0];
    assert!(step("") < 64 && step("/pad=120") == 128);
}

#[test]
fn idioms_touch_what_their_kernels_touch() {
    let of = |rest: &str| case(&format!("idiom/sum/f8/256x256/C/0,1{rest}")).walked().unwrap();
    assert_eq!(of("/idiom=index"), of(""));
}

/// Members of a pair make equally many steps, in the plans of machines as they are.
#[test]
fn pairs_of_every_family_are_of_equal_work() {
    let machine =
        Machine { caches: vec![32 << 10, 512 << 10, 32 << 20], memory: Some(16 << 30), huge_pages: true, cpus: 2 };
    let mut families = std::collections::BTreeSet::new();
    for item in items(Level::Standard, &machine) {
        families.insert(item.contender().family.clone());
        let Item::Pair { baseline, contender } = item else { continue };
        let [one, other] = [&baseline, &contender].map(|case| case.walked().unwrap());
        // A sum that is kept in a register is stored less often; a copy is divided by a pass over it.
        if baseline.kernel != contender.kernel || contender.kernel.hoists() {
            continue;
        }
        let written = |walked: &Walked| walked.bytes_read_written().1;
        assert_eq!(written(&one), written(&other), "{contender} against {baseline}");
    }
    for family in stridewise::suite::FAMILIES.iter().filter(|family| family.name != "npy") {
        assert!(families.contains(family.name), "{}", family.name);
    }
}
