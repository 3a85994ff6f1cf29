//! Bundles made by hand, of every family that a chart reads: what a machine with these caches might have measured.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use stridewise::bundle::{
    Block, Bundle, CaseInfo, CaseRecord, Config, End, Figures, Header, Obtained, PairRecord, Plan, SCHEMA,
    SCHEMA_VERSION, Skipped, SoloBlock, Tool,
};
use stridewise::host::{ClassCache, Kind, MachineClass};

/// A machine to make up: its name, KiB of its caches, and whether it counts.
pub struct Made<'a> {
    pub name: &'a str,
    pub caches: [u64; 3],
    pub counts: bool,
    /// Stands in every field that is free text.
    pub text: &'a str,
}

fn pages() -> Obtained {
    Obtained { policy: "base".to_owned(), base_bytes: Some(4096), huge_bytes: Some(0), reason: None }
}

/// `family/kernel/dtype/shape/order/loop/option=value`.
fn info(family: &str, kernel: &str, shape: &[u64], loops: &[u32], options: &[(&str, u64)]) -> CaseInfo {
    let words = |list: &[u64], by: &str| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(by);
    let order: Vec<u64> = loops.iter().map(|&axis| u64::from(axis)).collect();
    let mut id = format!("{family}/{kernel}/f8/{}/C/{}", words(shape, "x"), words(&order, ","));
    let mut given = BTreeMap::new();
    for (key, value) in options {
        id += &format!("/{key}={value}");
        given.insert((*key).to_owned(), value.to_string());
    }
    let steps: u64 = shape.iter().product();
    let operands = if kernel == "copy" { 2 } else { 1 };
    let mut strides: Vec<i64> = vec![8; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * i64::try_from(shape[axis]).unwrap();
    }
    CaseInfo {
        id,
        family: family.to_owned(),
        kernel: kernel.to_owned(),
        dtype: "f8".to_owned(),
        itemsize: 8,
        shape: shape.to_vec(),
        order: "C".to_owned(),
        loop_order: loops.to_vec(),
        options: given,
        strides,
        threads: options.iter().find(|(key, _)| *key == "threads").map_or(1, |(_, n)| u32::try_from(*n).unwrap()),
        footprint_bytes: steps * 8 * operands,
        steps,
        accesses: steps * operands,
        bytes_read: steps * 8,
        bytes_written: steps * 8 * (operands - 1),
        checksum: "0".repeat(32),
    }
}

/// Six rounds on each of three placements, a little apart.
fn blocks(steps: u64, baseline: f64, contender: f64) -> Vec<Block> {
    let of = |ns: f64, index: u64| (ns * steps as f64 * (1.0 + 0.004 * (index % 5) as f64)).round().max(1.0) as u64;
    (0..3)
        .map(|placement| Block {
            placement,
            at_ms: u64::from(placement) * 100,
            passes: 1,
            orders: "010101".to_owned(),
            baseline_ns: (0..12).map(|index| of(baseline, index + u64::from(placement))).collect(),
            contender_ns: (0..12).map(|index| of(contender, index + 2 * u64::from(placement))).collect(),
            disturbed: BTreeMap::new(),
            pages: pages(),
            baseline_pages: None,
            counts: None,
        })
        .collect()
}

impl Made<'_> {
    /// Level that holds `bytes`, 3 for memory.
    fn level(&self, bytes: u64) -> usize {
        self.caches.iter().position(|kib| bytes <= kib * 1024).unwrap_or(3)
    }

    fn simulated(&self, info: &CaseInfo, columns: bool) -> Value {
        let level = self.level(info.footprint_bytes);
        let (mut asked, mut levels) = (info.accesses, Vec::new());
        for (at, name) in ["L1d", "L2", "L3"].into_iter().enumerate() {
            let misses = match (at < level, at) {
                (false, _) => 0,
                (true, 0) if !columns => info.accesses / 8,
                (true, _) => asked,
            };
            levels.push(
                json!({"name": name, "accesses": asked, "hits": asked - misses, "misses": misses, "writebacks": 0}),
            );
            asked = misses;
        }
        json!({"policy": "lru", "warm": {"accesses": info.accesses, "levels": levels, "tlb": [], "lines": info.accesses / 8}})
    }

    fn counted(&self, report: &Value, accesses: u64) -> Value {
        let figure = |event: &str, level: usize, off: f64| {
            let misses = report["warm"]["levels"][level]["misses"].as_u64().unwrap() as f64 * off;
            let (enabled, value) = (1_000_000, misses.round() as u64);
            json!({"event": event, "raw": "raw:1", "value": value, "enabled_ns": enabled, "running_ns": enabled,
                   "blocks": 1, "accesses": accesses})
        };
        let count = |event: &str, value: u64| {
            json!({"event": event, "raw": "hardware:0", "value": value, "enabled_ns": 9, "running_ns": 9, "blocks": 1,
                   "accesses": accesses})
        };
        json!([
            count("cycles", 4 * accesses),
            count("instructions", 2 * accesses),
            figure("l1d-read-misses", 0, 1.04),
            figure("llc-read-misses", 2, 0.7)
        ])
    }

    fn pair(&self, baseline: CaseInfo, contender: CaseInfo, ns: [f64; 2], null: bool) -> PairRecord {
        let one = self.simulated(&baseline, false);
        let other = self.simulated(&contender, !null);
        let counted = self.counts.then(|| Figures {
            baseline: self.counted(&one, baseline.accesses),
            contender: self.counted(&other, contender.accesses),
        });
        PairRecord {
            id: if null {
                format!("null{}", contender.id.strip_prefix("order").unwrap())
            } else {
                contender.id.clone()
            },
            blocks: blocks(contender.steps, ns[0], ns[1]),
            simulated: Some(Figures { baseline: one, contender: other }),
            simulated_absent: None,
            counted_absent: counted.is_none().then(|| format!("no PMU in this machine {}", self.text)),
            counted,
            baseline: baseline.into(),
            contender: contender.into(),
            null,
        }
    }

    fn order(&self, shape: [u64; 2]) -> PairRecord {
        let [one, other] = [[0, 1], [1, 0]].map(|loops| info("order", "sum", &shape, &loops, &[]));
        let level = self.level(other.footprint_bytes);
        let row = [0.11, 0.12, 0.15, 0.24][level];
        let power = if shape[1].is_power_of_two() { 1.0 } else { 0.35 };
        let tall = 1.0 + (shape[0] as f64 / shape[1] as f64).log2().clamp(-2.0, 2.0) * 0.1;
        let column = row * [1.02, 1.0 + 5.0 * tall, 1.0 + 22.0 * power * tall, 1.0 + 27.0 * power * tall][level];
        let larger = 0.7 + (self.caches[1] as f64 / 512.0).log2() * 0.2 + (self.caches[0] as f64 / 32.0).log2() * 0.15;
        self.pair(one, other, [row, if level > 0 { column * larger } else { column }], false)
    }

    fn alone(&self, case: CaseInfo, ns: f64) -> CaseRecord {
        let samples =
            (0..8).map(|index| (ns * case.steps as f64 * (1.0 + 0.01 * f64::from(index))).round().max(1.0) as u64);
        let block = SoloBlock { placement: 0, at_ms: 5, passes: 1, ns: samples.collect(), pages: pages() };
        CaseRecord {
            case: case.into(),
            blocks: vec![block],
            simulated: None,
            simulated_absent: Some("not simulated".to_owned()),
            counted: None,
            counted_absent: Some("no PMU in this machine".to_owned()),
        }
    }

    fn pairs(&self) -> Vec<PairRecord> {
        let mut pairs: Vec<PairRecord> = [64, 512, 4096]
            .map(|side| {
                let of = || info("order", "sum", &[side, side], &[0, 1], &[]);
                self.pair(of(), of(), [0.2, 0.2], true)
            })
            .into();
        pairs.extend((5..13).map(|power| self.order([1 << power, 1 << power])));
        for rows in [64, 96, 256, 384, 1024, 1536] {
            pairs.extend(
                [64, 256, 384, 1024].iter().filter(|&&n| n != rows).map(|&columns| self.order([rows, columns])),
            );
        }
        for columns in 960..=1088_u64 {
            let [one, other] = [[0, 1], [1, 0]].map(|loops| info("conflict", "sum", &[256, columns], &loops, &[]));
            let twos = columns.trailing_zeros();
            let ns = 0.9 + 0.02 * (columns % 7) as f64 + if twos >= 5 { 0.35 * f64::from(twos - 4) } else { 0.0 };
            pairs.push(self.pair(one, other, [0.12, ns], false));
        }
        for tile in [8_u64, 16, 32, 64, 128, 256, 512] {
            let one = info("tile", "copy", &[2048, 2048], &[0, 1], &[]);
            let other = info("tile", "copy", &[2048, 2048], &[1, 0], &[("tile", tile)]);
            let ns = 1.4 + (tile as f64 / 48.0).log2().powi(2) * 0.5;
            pairs.push(self.pair(one, other, [1.0, ns], false));
        }
        for (loops, ns) in [([0, 1, 2], 2.6), ([1, 2, 0], 6.9)] {
            let product = |loops: &[u32]| info("matmul", "matmul", &[128, 128, 128], loops, &[]);
            pairs.push(self.pair(product(&[0, 2, 1]), product(&loops), [1.0, ns], false));
        }
        let [one, other] = [[0, 1], [1, 0]].map(|loops| info("tile", "copy", &[2048, 2048], &loops, &[]));
        pairs.push(self.pair(one, other, [1.0, 9.0], false));
        pairs
    }

    fn cases(&self) -> Vec<CaseRecord> {
        let mut cases = vec![self.alone(info("floor", "sum", &[32, 32], &[0, 1], &[]), 0.11)];
        for power in [11, 13, 15, 17, 19, 21, 23] {
            let size = 1_u64 << power;
            for stride in (3..17).map(|power| 1_u64 << power).filter(|stride| stride * 8 <= size * 8) {
                let level = self.level(size * 8);
                let per_line = (stride as f64 / 64.0).min(1.0);
                let page = if stride >= 4096 && level > 1 { 1.7 } else { 1.0 };
                let ns = 0.25 + [0.05, 1.2, 3.5, 9.0][level] * per_line * page;
                cases.push(self.alone(info("stride", "sum", &[size], &[0], &[("stride", stride)]), ns));
            }
        }
        for step in 0..4 * (3 + (self.caches[2] / 4).ilog2()) {
            let nodes = (64.0 * 2.0_f64.powf(f64::from(step) / 4.0)).round() as u64;
            let chase = CaseInfo { footprint_bytes: nodes * 64, ..info("latency", "chase", &[nodes], &[0], &[]) };
            let ns = [1.2, 4.0, 15.0, 90.0][self.level(chase.footprint_bytes)];
            cases.push(self.alone(chase, ns));
        }
        for threads in [1_u64, 2, 4, 8] {
            let n = threads as f64;
            for (loops, ns) in [([0, 1], 0.4 / n.min(4.0) + 0.02), ([1, 0], 6.0 / n.min(6.0))] {
                cases.push(self.alone(info("threads", "sum", &[4096, 4096], &loops, &[("threads", threads)]), ns));
            }
        }
        cases
    }

    fn machine(&self) -> MachineClass {
        let cache = |level: u8| ClassCache {
            level,
            kind: if level == 1 { Kind::Data } else { Kind::Unified },
            bytes: self.caches[usize::from(level) - 1] * 1024,
            ways: Some(8),
            line: Some(64),
            sets: None,
            shared_by: Some(1),
        };
        MachineClass {
            arch: "x86_64".to_owned(),
            vendor: Some(format!("Made up {}", self.text)),
            family: Some(6),
            model: Some(1),
            stepping: Some(0),
            model_name: Some(format!("{}{}", self.name, self.text)),
            caches: [1, 2, 3].map(cache).into(),
            page_bytes: Some(4096),
            smt: Some(true),
            physical_cores: Some(4),
            hypervisor: Some(format!("none{}", self.text)),
        }
    }

    /// The whole bundle.
    pub fn bundle(&self) -> Bundle {
        let (pairs, cases, text) = (self.pairs(), self.cases(), self.text);
        let machine = self.machine();
        let reason = json!({"code": "no_pmu", "errno": 2});
        let status = json!({"event": "cycles", "raw": "hardware:0x0", "scope": "user", "source": "perf_event_open(2)",
                            "available": self.counts, "reason": if self.counts { Value::Null } else { reason }});
        let ids: Vec<String> =
            pairs.iter().map(|pair| pair.id.clone()).chain(cases.iter().map(|c| c.case.id.clone())).collect();
        let lines = ids.len() as u64 + 1;
        let header = Header {
            schema: SCHEMA.to_owned(),
            schema_version: SCHEMA_VERSION,
            bundle_id: "0".repeat(32),
            run_id: "made-by-hand".to_owned(),
            created: "2026-01-02T03:04:05Z".to_owned(),
            tool: Tool {
                name: "stridewise".to_owned(),
                version: format!("0.1.0{text}"),
                commit: Some("0".repeat(40)),
                dirty: Some(false),
                rustc: format!("rustc 1.95.0{text}"),
                target: format!("x86_64-unknown-linux-gnu{text}"),
                isa: "avx2".to_owned(),
                debug: false,
            },
            plan: Plan { suite: format!("full{text}"), hash: "0".repeat(64), ids },
            config: Config {
                engine: "paired".to_owned(),
                seed: 7,
                placements: 3,
                placement_ns: 1_000_000,
                sample_ns: 1_000_000,
                cpu: Some(1),
                args: vec!["run".to_owned(), "--suite".to_owned(), format!("full{text}")],
                data: None,
            },
            class_id: machine.id(),
            machine,
            state: json!({}),
            noise: json!({"checks": [{"name": "load", "level": "warning", "says": format!("0.9 {text}")}]}),
            counters: json!([status]),
            geometry: json!({}),
        };
        let skipped =
            vec![Skipped { id: format!("order/sum/f8/9x9/C/1,0{text}"), reason: format!("no memory {text}") }];
        let end = Some(End { lines, noise: json!({}), sha256: "0".repeat(64) });
        Bundle { header, pairs, cases, skipped, end, remarks: Vec::new() }
    }
}

/// Eight machines of the fleet.
pub const FLEET: [Made<'static>; 8] = [
    Made { name: "AMD EPYC 7763 64-Core Processor", caches: [32, 512, 32_768], counts: true, text: "" },
    Made { name: "AMD EPYC 9654 96-Core Processor", caches: [32, 1024, 32_768], counts: false, text: "" },
    Made { name: "Intel(R) Xeon(R) Platinum 8488C", caches: [48, 2048, 107_520], counts: true, text: "" },
    Made { name: "Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz", caches: [48, 1280, 55_296], counts: true, text: "" },
    Made { name: "Neoverse-N1", caches: [64, 1024, 32_768], counts: false, text: "" },
    Made { name: "Neoverse-V2", caches: [64, 2048, 36_864], counts: false, text: "" },
    Made { name: "Intel(R) Core(TM) i7-1185G7 @ 3.00GHz", caches: [48, 1280, 12_288], counts: true, text: "" },
    Made { name: "AMD Ryzen 7 7840U with Radeon 780M Graphics", caches: [32, 1024, 16_384], counts: true, text: "" },
];

/// Texts that no page and no picture may take for markup.
pub const HOSTILE: [&str; 8] = [
    "</title><script>window.sentinel=1</script>",
    "\"><img src=x onerror=window.sentinel=1>",
    "</style></script><!--<script>window.sentinel=1//\u{2028}\u{2029}",
    "]]></text></svg><svg onload=window.sentinel=1>",
    "\u{0}\u{7}\u{1b}[2J\u{9b}\u{85}\u{feff}\u{ffff}",
    "javascript:window.sentinel=1 url(http://localhost/x) expression(1)",
    "\u{202e}abc\u{2066}\u{200b}'\"&lt;&#60;",
    "=cmd|' /C calc'!A0\t@SUM(1)\r\n+1",
];

/// A later run of the same machine whose first pair costs 1.5 times as much.
pub fn rerun(bundle: &Bundle) -> Bundle {
    let mut later = bundle.clone();
    later.header.bundle_id = "1".repeat(32);
    later.header.run_id = "made-later".to_owned();
    later.header.created = "2026-01-03T03:04:05Z".to_owned();
    let slower = later.pairs.iter_mut().find(|pair| !pair.null).unwrap();
    for ns in slower.blocks.iter_mut().flat_map(|block| &mut block.contender_ns) {
        *ns = *ns * 3 / 2;
    }
    later
}

/// What `run --shape` of its largest square would have left.
pub fn of_one_array(bundle: &Bundle) -> Bundle {
    let mut own = bundle.clone();
    own.header.plan.suite = "custom".to_owned();
    own.cases.clear();
    own.pairs.retain(|pair| pair.null || pair.contender.family == "order" && pair.contender.shape == [4096, 4096]);
    own
}

/// Which of the bundles the chart of this name is drawn from: all of them, two runs of the first, one array of it, or
/// the first.
pub fn drawn_from(chart: &str, bundles: &[Bundle]) -> Vec<Bundle> {
    match chart {
        "fleet" => bundles.to_vec(),
        "loop-orders" => vec![of_one_array(&bundles[0])],
        "forest" => vec![bundles[0].clone(), rerun(&bundles[0])],
        _ => bundles[..1].to_vec(),
    }
}
