//! Miss counts of independent simulators: tests/data/oracles/cache.tsv, whose comments and heading say what it holds.

use stridewise::nest::{LoopNest, LoopOrder, Operand, Role};
use stridewise::simulate::{Engine, Geometry, Options, simulate};

fn numbers(text: &str) -> Vec<u64> {
    text.split(|c: char| !c.is_ascii_digit())
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().unwrap())
        .collect()
}

#[test]
fn every_case_of_the_table_has_the_counts_of_pycachesim_and_cachegrind() {
    let caches = Geometry::parse_caches("l1=32K:8:64,l2=512K:8:64,l3=32M:16:64").unwrap();
    let geometry = Geometry::new(caches, Vec::new(), 4096, "test").unwrap();
    let table = include_str!("data/oracles/cache.tsv");
    let lines = table.lines().filter(|line| !line.starts_with('#')).skip(1);
    let mut checked = 0;
    for line in lines {
        let fields: Vec<&str> = line.split('\t').collect();
        let offset: i64 = fields[0].parse().unwrap();
        let loops: Vec<(usize, i64)> = numbers(fields[1])
            .chunks(2)
            .map(|pair| (usize::try_from(pair[0]).unwrap(), pair[1].cast_signed()))
            .collect();
        let (axes, steps): (Vec<usize>, Vec<i64>) = loops.into_iter().unzip();
        let order = LoopOrder::identity(axes.len());
        let operand = Operand { role: Role::Read, buffer: 0, itemsize: 8, start: offset, steps };
        let nest = LoopNest::new(axes, vec![operand], vec![1 << 30], &order).unwrap();
        for engine in [Engine::Automatic, Engine::Direct, Engine::Plain] {
            let report = simulate(&nest, &[1 << 30], &geometry, &Options { engine, ..Options::default() }).unwrap();
            let misses: Vec<u64> = report.cold.levels.iter().map(|level| level.misses).collect();
            assert_eq!(misses, numbers(fields[3]), "{engine:?}: {line}");
            assert_eq!(misses, numbers(fields[4]), "pycachesim: {line}");
            // The program around the loop adds up to two misses.
            let cachegrind: u64 = fields[6].parse().unwrap();
            assert!((misses[0]..=misses[0] + 2).contains(&cachegrind), "cachegrind: {line}");
        }
        checked += 1;
    }
    assert_eq!(checked, 22);
}

/// Cold misses that the tracker of this simulator names beside the table, by every engine.
#[test]
fn further_known_counts() {
    let caches = Geometry::parse_caches("l1=32K:8:64,l2=512K:8:64,l3=32M:16:64").unwrap();
    let geometry = Geometry::new(caches, Vec::new(), 4096, "test").unwrap();
    for (side, columns, offset, expected) in [
        (2048, false, 0, [524_288, 524_288, 524_288]),
        (2048, true, 0, [4_194_304, 4_194_304, 524_288]),
        (2047, true, 0, [4_190_209, 525_568, 523_777]),
        (1000, true, 0, [1_000_000, 125_000, 125_000]),
        (600, false, 24, [45_001, 45_001, 45_001]),
    ] {
        let row = i64::try_from(side).unwrap() * 8;
        let steps = if columns { vec![8, row] } else { vec![row, 8] };
        let operand = Operand { role: Role::Read, buffer: 0, itemsize: 8, start: offset, steps };
        let nest = LoopNest::new(vec![side; 2], vec![operand], vec![1 << 30], &LoopOrder::identity(2)).unwrap();
        for engine in [Engine::Automatic, Engine::Direct] {
            let report = simulate(&nest, &[1 << 30], &geometry, &Options { engine, ..Options::default() }).unwrap();
            let misses: Vec<u64> = report.cold.levels.iter().map(|level| level.misses).collect();
            assert_eq!(misses, expected, "{engine:?}: {side}, columns {columns}");
        }
    }
}
