//! Known counts, and the engines held to each other.

use super::*;
use crate::layout::{Layout, Order};
use crate::nest::{LoopOrder, Operand, Role};
use crate::units::Rng;

fn zen3() -> Geometry {
    let caches = Geometry::parse_caches("l1=32K:8:64,l2=512K:8:64,l3=32M:16:64").unwrap();
    Geometry::new(caches, Geometry::parse_tlbs("l1=64,l2=2048:8").unwrap(), 4096, "test").unwrap()
}

fn misses(rows: usize, columns: usize, order: &str, offset: u64) -> Vec<u64> {
    let array = Layout::contiguous(&[rows, columns], 8, Order::C).unwrap();
    let nest = LoopNest::of_layouts(&[(&array, Role::Read)], &order.parse().unwrap()).unwrap();
    let report = simulate(&nest, &[(1 << 30) + offset], &zen3(), &Options::default()).unwrap();
    report.cold.levels.iter().map(|level| level.misses).collect()
}

#[test]
fn known_counts() {
    assert_eq!(misses(2048, 2048, "0,1", 0), [524_288, 524_288, 524_288]);
    assert_eq!(misses(2048, 2048, "1,0", 0), [4_194_304, 4_194_304, 524_288]);
    assert_eq!(misses(2047, 2047, "1,0", 0), [4_190_209, 525_568, 523_777]);
    assert_eq!(misses(1000, 1000, "1,0", 0), [1_000_000, 125_000, 125_000]);
    assert_eq!(misses(600, 600, "0,1", 24), [45_001, 45_001, 45_001]);
}

#[test]
fn warm_passes_of_what_fits_miss_nothing() {
    let array = Layout::contiguous(&[32, 64], 8, Order::C).unwrap();
    let nest = LoopNest::of_layouts(&[(&array, Role::Update)], &"1,0".parse().unwrap()).unwrap();
    let report = simulate(&nest, &[1 << 20], &zen3(), &Options { classify: true, ..Options::default() }).unwrap();
    let (cold, warm) = (&report.cold.levels[0], &report.warm.levels[0]);
    assert_eq!((cold.accesses, cold.misses, cold.compulsory, cold.conflict), (4096, 256, Some(256), Some(0)));
    assert_eq!((warm.accesses, warm.misses, warm.writebacks), (4096, 0, 0));
    assert_eq!((warm.compulsory, warm.capacity, warm.conflict), (Some(0), Some(0), Some(0)));
}

#[test]
fn conflicts_are_told_from_capacity() {
    // 16 lines in one set of 8 ways: all conflict, since 512 lines would fit.
    let array = Layout::contiguous(&[16, 512], 8, Order::C).unwrap();
    let operand = Operand { steps: vec![4096], ..Operand::of_layout(&array, Role::Read, 0) };
    let nest = LoopNest::new(vec![16], vec![operand], vec![65_536], &"0".parse().unwrap()).unwrap();
    let report = simulate(&nest, &[0], &zen3(), &Options { classify: true, ..Options::default() }).unwrap();
    let warm = &report.warm.levels[0];
    assert_eq!((warm.misses, warm.capacity, warm.conflict), (16, Some(0), Some(16)));
}

/// L1 misses of the columns of 500x500 f8 under each policy, as independent simulators count them.
#[test]
fn policies_have_the_published_counts() {
    let array = Layout::contiguous(&[500, 500], 8, Order::C).unwrap();
    let run = |order: &str, model: Model| {
        let nest = LoopNest::of_layouts(&[(&array, Role::Read)], &order.parse().unwrap()).unwrap();
        let options = Options { model, ..Options::default() };
        simulate(&nest, &[1 << 30], &zen3(), &options).unwrap().cold.levels[0].misses
    };
    let of = |replacement| run("1,0", Model { replacement, ..Model::default() });
    assert_eq!([Replacement::Lru, Replacement::Plru, Replacement::Fifo].map(of), [31_500, 31_643, 62_446]);
    // A next line halves the misses of rows and throws out what columns come back for.
    let ahead = Model { prefetch: Prefetch::NextLine, ..Model::default() };
    assert_eq!(run("0,1", Model::default()), 31_250);
    assert_eq!(run("0,1", ahead), 15_625);
    assert!(run("1,0", ahead) > 200_000);
    let stride = Model { prefetch: Prefetch::Stride, ..Model::default() };
    // Two equal distances show after three lines.
    assert_eq!(run("0,1", stride), 3);
}

#[test]
fn the_last_level_may_include_or_exclude_the_others() {
    let caches = || Geometry::parse_caches("l1=256:4:64,l2=512:8:64").unwrap();
    let geometry = Geometry::new(caches(), vec![], 4096, "test").unwrap();
    let array = Layout::contiguous(&[12, 8], 8, Order::C).unwrap();
    let nest = LoopNest::of_layouts(&[(&array, Role::Read)], &"0,1".parse().unwrap()).unwrap();
    let warm = |last, lines: usize| {
        let nest =
            LoopNest::new(vec![lines, 8], nest.operands().to_vec(), nest.buffers().to_vec(), &"0,1".parse().unwrap());
        let options = Options { model: Model { last, ..Model::default() }, ..Options::default() };
        simulate(&nest.unwrap(), &[0], &geometry, &options).unwrap().warm.levels[1].misses
    };
    // 12 lines: 4 + 8 places hold them only if none is held twice.
    assert_eq!(warm(LastLevel::NonInclusive, 12), 12);
    assert_eq!(warm(LastLevel::Exclusive, 12), 0);
    assert_eq!(warm(LastLevel::Inclusive, 8), 0);
    // A line that leaves the last level leaves the first: 0 is used all the time, so L2 never sees it again.
    let hot = Operand { steps: vec![0, 0], ..Operand::of_layout(&array, Role::Read, 0) };
    let cold = Operand { start: 64, steps: vec![64, 0], ..hot.clone() };
    let pair = LoopNest::new(vec![11, 1], vec![hot, cold], vec![768], &"0,1".parse().unwrap()).unwrap();
    let first = |last| {
        let options = Options { model: Model { last, ..Model::default() }, ..Options::default() };
        simulate(&pair, &[0], &geometry, &options).unwrap().cold.levels[0].misses
    };
    assert_eq!(first(LastLevel::NonInclusive), 12);
    assert_eq!(first(LastLevel::Inclusive), 13);
}

#[test]
fn stores_that_do_not_allocate_go_on() {
    let array = Layout::contiguous(&[64, 8], 8, Order::C).unwrap();
    let nest = LoopNest::of_layouts(&[(&array, Role::Write)], &"0,1".parse().unwrap()).unwrap();
    let model = Model { writes: Writes::NoAllocate, ..Model::default() };
    let report = simulate(&nest, &[0], &zen3(), &Options { model, ..Options::default() }).unwrap();
    let misses: Vec<u64> = report.warm.levels.iter().map(|level| level.misses).collect();
    assert_eq!(misses, [512, 512, 512]);
    assert_eq!(report.policy, "lru, no write-allocate");
}

#[test]
fn a_chase_misses_where_it_does_not_fit() {
    let chase = |nodes| Chase { nodes, pitch: 64, seed: 3 };
    let geometry = zen3();
    for engine in [Engine::Automatic, Engine::Plain] {
        let options = Options { engine, ..Options::default() };
        let report = simulate_chase(&chase(512), 1 << 20, &geometry, &options).unwrap();
        assert_eq!((report.cold.levels[0].misses, report.warm.levels[0].misses), (512, 0));
        let report = simulate_chase(&chase(4096), 1 << 20, &geometry, &options).unwrap();
        assert_eq!((report.cold.accesses, report.warm.levels[1].misses, report.cold.lines), (4096, 0, Some(4096)));
        assert_eq!(report.warm.levels[0].misses, 4096);
    }
}

/// Random nests of up to three operands with strides of both signs and 0, straddling elements, tiles.
#[test]
fn all_engines_count_the_same() {
    let mut rng = Rng::new(77);
    let small = Geometry::parse_caches("l1=1K:4:64,l2=6K:6:64").unwrap();
    let geometry = Geometry::new(small, Geometry::parse_tlbs("l1=4,l2=12:3").unwrap(), 256, "test").unwrap();
    for number in 0..std::env::var("STRIDEWISE_NESTS").ok().and_then(|n| n.parse().ok()).unwrap_or(3000) {
        let nest = random_nest(&mut rng);
        let bases: Vec<u64> = nest.buffers().iter().map(|_| (1 << 20) + rng.below(300)).collect();
        let classify = number % 4 == 0;
        let [plain, direct, automatic] = [Engine::Plain, Engine::Direct, Engine::Shortcut].map(|engine| {
            simulate(&nest, &bases, &geometry, &Options { engine, classify, ..Options::default() }).unwrap()
        });
        assert_eq!(plain, direct, "nest {number}: {nest:?} at {bases:?}");
        assert_eq!(plain, automatic, "nest {number}: {nest:?} at {bases:?}");
        // Every line is fetched once at least: what the first level misses first are the lines touched.
        let compulsory = plain.cold.levels[0].compulsory;
        assert!(compulsory.is_none() || compulsory == plain.cold.lines, "nest {number}: {nest:?} at {bases:?}");
    }
}

/// Walks of the kind that the shortcut is for, on caches small enough that many of them take it.
#[test]
fn the_shortcut_counts_what_every_access_counts() {
    let mut rng = Rng::new(9);
    let mut below = |n: u64| usize::try_from(rng.below(n)).unwrap();
    // A hundred thousand in release take half a minute.
    let all = std::env::var("STRIDEWISE_NESTS").ok().and_then(|n| n.parse().ok()).unwrap_or(4000);
    let mut taken = 0;
    for number in 0..all {
        let caches = ["l1=512:2:64,l2=2K:4:64", "l1=1K:4:64,l2=6K:6:64,l3=32K:8:64", "l1=256:1:64"][below(3)];
        let tlbs = Geometry::parse_tlbs(["l1=4,l2=12:3", "l1=8:2"][below(2)]).unwrap();
        let geometry = Geometry::new(Geometry::parse_caches(caches).unwrap(), tlbs, [128, 512][below(2)], "t").unwrap();
        let (rows, columns) = (2 + below(120), 2 + below(120));
        let item = [4, 8, 16][below(3)];
        let shape =
            if below(4) == 0 { vec![2 + below(20), rows.min(40), columns.min(30)] } else { vec![rows, columns] };
        let pad = [0, 0, 8, 64, 20, 3][below(6)];
        let mut steps = vec![0; shape.len()];
        let mut step = item;
        for axis in (0..shape.len()).rev() {
            steps[axis] = i64::try_from(step).unwrap();
            step = step * shape[axis] + if axis + 1 == shape.len() { pad } else { 0 };
        }
        let mut start = 0;
        for (axis, length) in shape.iter().enumerate() {
            if below(6) == 0 {
                start += steps[axis] * i64::try_from(length - 1).unwrap();
                steps[axis] = -steps[axis];
            }
        }
        let orders = LoopOrder::all(shape.len());
        let order = &orders[below(orders.len() as u64)];
        let operand = Operand { role: Role::Read, buffer: 0, itemsize: item, start, steps };
        let nest = LoopNest::new(shape, vec![operand], vec![step as u64 + 64], order).unwrap();
        let bases = [(1 << 20) + [0, 0, 8, 24, 3][below(5)]];
        let plain = Options { engine: Engine::Plain, ..Options::default() };
        let expected = simulate(&nest, &bases, &geometry, &plain).unwrap();
        let any = shortcut::Budget::ANY;
        taken += usize::from(shortcut::find::<u64>(&nest, &bases, &geometry, any).iter().all(Option::is_some));
        let shortcut = Options { engine: Engine::Shortcut, ..Options::default() };
        let automatic = simulate(&nest, &bases, &geometry, &shortcut).unwrap();
        assert_eq!(automatic, expected, "{number}: {nest:?} at {bases:?} on {geometry:?}");
    }
    assert!(taken > all / 8, "{taken} of {all}");
}

fn random_nest(rng: &mut Rng) -> LoopNest {
    let axes: Vec<usize> = (0..=rng.below(3)).map(|_| 1 + usize::try_from(rng.below(9)).unwrap()).collect();
    let operands: Vec<Operand> = (0..=rng.below(2))
        .map(|buffer| {
            let itemsize = [1, 4, 8, 16, 64][usize::try_from(rng.below(5)).unwrap()];
            let mut step = || if rng.below(5) == 0 { 0 } else { rng.below(401).cast_signed() - 200 };
            let steps: Vec<i64> = axes.iter().map(|_| step()).collect();
            let role = [Role::Read, Role::Write, Role::Update][usize::try_from(rng.below(3)).unwrap()];
            Operand { role, buffer: usize::try_from(buffer).unwrap(), itemsize, start: 8000, steps }
        })
        .collect();
    let mut order: Vec<usize> = (0..axes.len()).collect();
    rng.shuffle(&mut order);
    let order = LoopOrder::new(order).unwrap();
    let buffers = vec![16_400; operands.len()];
    let nest = LoopNest::new(axes.clone(), operands, buffers, &order).unwrap();
    let tile = 1 + usize::try_from(rng.below(4)).unwrap();
    let nest = if rng.coin() { nest.tiled(&[(0, tile)]).unwrap() } else { nest };
    if rng.coin() { nest.hoisting() } else { nest }
}

/// Nests whose outermost loop moves all operands by lines, on caches small enough that states repeat: several operands,
/// writes, tiles with remainders, hoisted operands, levels that everything fits into.
#[test]
fn fast_forwarding_counts_what_every_access_counts() {
    let mut rng = Rng::new(23);
    let all = std::env::var("STRIDEWISE_NESTS").ok().and_then(|n| n.parse().ok()).unwrap_or(3000);
    let mut leapt = 0;
    for number in 0..all {
        let (nest, geometry) = repeating_nest(&mut rng);
        let bases: Vec<u64> = nest.buffers().iter().map(|_| (1 << 20) + 8 * rng.below(300)).collect();
        let of = |engine| simulate(&nest, &bases, &geometry, &Options { engine, ..Options::default() }).unwrap();
        let expected = of(Engine::Plain);
        for engine in [Engine::Direct, Engine::Shortcut, Engine::Automatic] {
            assert_eq!(of(engine), expected, "{number}, {engine:?}: {nest:?} at {bases:?} on {geometry:?}");
        }
        let caches = Geometry { tlbs: Vec::new(), ..geometry };
        let sets: Vec<u64> = caches.sets().iter().map(|[sets, _]| *sets).collect();
        let Some(plan) = warp::Plan::of(&nest, &bases, caches.unit(), &sets, warp::Effort::Any) else { continue };
        let mut machine = engine::Machine::<u32>::new(&caches, false);
        machine.pass(&Accesses::Nest { nest: &nest, bases: &bases }, Some(&plan));
        leapt += usize::from(machine.leapt > 0);
    }
    assert!(leapt > all / 4, "{leapt} of {all}");
}

fn repeating_nest(rng: &mut Rng) -> (LoopNest, Geometry) {
    let mut below = |n: u64| usize::try_from(rng.below(n)).unwrap();
    let caches = ["l1=512:2:64,l2=2K:4:64", "l1=1K:4:64,l2=6K:6:64,l3=32K:8:64", "l1=256:1:64"][below(3)];
    let tlbs = Geometry::parse_tlbs(["l1=4,l2=12:3", "l1=8:2"][below(2)]).unwrap();
    let geometry = Geometry::new(Geometry::parse_caches(caches).unwrap(), tlbs, [128, 512][below(2)], "t").unwrap();
    let mut axes = vec![10 + below(70), 1 + below(12), 1 + below(12)];
    axes.truncate(2 + below(2));
    let outer = [0, 64, 128, 64, 512, 1024, 8, 16, 72][below(9)];
    let operands: Vec<Operand> = (0..=below(3))
        .map(|k| {
            // As the others do, or otherwise in most sets' eyes the same.
            let first = [outer, outer, outer + 512, 0, -outer][below(5)];
            let mut inner = || [8, 64, 0, 72, 256, -8, -64][below(7)];
            let mut steps = vec![first, inner(), inner()];
            steps.truncate(axes.len());
            let role = [Role::Read, Role::Read, Role::Write, Role::Update][below(4)];
            let buffer = if below(8) == 0 { 0 } else { k };
            Operand { role, buffer, itemsize: [8, 8, 4, 16][below(4)], start: 200_000, steps }
        })
        .collect();
    let buffers = vec![400_000; operands.len()];
    let orders = LoopOrder::all(axes.len());
    // The long axis outermost as a rule.
    let order = if below(4) > 0 { &orders[0] } else { &orders[below(orders.len() as u64)] };
    let nest = LoopNest::new(axes, operands, buffers, order).unwrap();
    let nest = if below(3) == 0 { nest.tiled(&[(0, 1 + below(5)), (1, 1 + below(5))]).unwrap() } else { nest };
    (if below(2) == 0 { nest.hoisting() } else { nest }, geometry)
}
