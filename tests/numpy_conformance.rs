//! Layouts against NumPy 2.4: every field of every case of a corpus that NumPy wrote (tests/data/layout).
//!
//! STRIDEWISE_LAYOUT_CORPUS and STRIDEWISE_PAIRS_CORPUS name other files of the same form.

use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;
use stridewise::layout::{Item, Layout, LayoutError, NpyHeader, Op, Order, OrderArg, PREFIX, nditer};

/// Printed even if the test passes: `println!` of a test that passes is swallowed.
fn say(line: &str) {
    std::io::stdout().write_all(format!("{line}\n").as_bytes()).unwrap();
}

fn corpus(variable: &str, file: &str) -> Vec<Value> {
    let own = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/layout")).join(file);
    let path = std::env::var_os(variable).map_or_else(own, PathBuf::from);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines().filter(|line| !line.trim().is_empty()).map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn integers(value: &Value) -> Vec<i64> {
    value.as_array().unwrap().iter().map(|n| n.as_i64().unwrap()).collect()
}

fn some_integers(value: &Value) -> Option<Vec<i64>> {
    (!value.is_null()).then(|| integers(value))
}

fn order(value: &Value) -> OrderArg {
    match value.as_str().unwrap() {
        "C" => OrderArg::C,
        "F" => OrderArg::F,
        "A" => OrderArg::A,
        "K" => OrderArg::K,
        other => panic!("order {other}"),
    }
}

fn item(value: &Value) -> Item {
    match value {
        Value::Null => Item::NewAxis,
        Value::String(_) => Item::Ellipsis,
        Value::Number(n) => Item::At(n.as_i64().unwrap()),
        Value::Array(parts) => Item::Slice(parts[0].as_i64(), parts[1].as_i64(), parts[2].as_i64()),
        other => panic!("item {other}"),
    }
}

fn op(value: &Value) -> Op {
    let list = |name: &str| integers(&value[name]);
    let number = |name: &str| value[name].as_i64().unwrap();
    match value["op"].as_str().unwrap() {
        "transpose" => Op::Transpose { axes: some_integers(&value["axes"]) },
        "swapaxes" => Op::SwapAxes { a: number("a"), b: number("b") },
        "moveaxis" => Op::MoveAxis { source: list("src"), destination: list("dst") },
        "index" => Op::Index { items: value["items"].as_array().unwrap().iter().map(item).collect() },
        "flip" => Op::Flip { axes: some_integers(&value["axes"]) },
        "expand_dims" => Op::ExpandDims { axes: list("axes") },
        "squeeze" => Op::Squeeze { axes: some_integers(&value["axes"]) },
        "broadcast_to" => Op::BroadcastTo { shape: list("shape") },
        "reshape" => {
            Op::Reshape { shape: list("shape"), order: order(&value["order"]), may_copy: value["copy"] == "if_needed" }
        }
        "ravel" => Op::Ravel { order: order(&value["order"]) },
        "as_strided" => Op::AsStrided { shape: list("shape"), strides: list("strides") },
        "sliding_window_view" => Op::SlidingWindowView { window: list("window"), axes: some_integers(&value["axes"]) },
        "diagonal" => Op::Diagonal { offset: number("offset"), axis1: number("axis1"), axis2: number("axis2") },
        "ascontiguousarray" => Op::AsContiguousArray,
        "asfortranarray" => Op::AsFortranArray,
        "copy" => Op::Copy { order: order(&value["order"]) },
        other => panic!("op {other}"),
    }
}

fn base(value: &Value) -> Result<Layout, LayoutError> {
    let order = if value["order"] == "C" { Order::C } else { Order::F };
    Layout::dense(&integers(&value["shape"]), usize::try_from(value["itemsize"].as_u64().unwrap()).unwrap(), order)
}

/// The layout after all ops with the numbers of those that copied, or the number and kind of the one that failed.
fn run(start: Result<Layout, LayoutError>, ops: &Value) -> Result<(Layout, Vec<usize>), (i64, &'static str)> {
    let mut layout = start.map_err(|error| (-1, error.kind()))?;
    let mut copies = Vec::new();
    for (number, value) in ops.as_array().unwrap().iter().enumerate() {
        let applied = layout.apply(&op(value)).map_err(|error| (i64::try_from(number).unwrap(), error.kind()))?;
        if applied.copied.is_some() {
            copies.push(number);
        }
        layout = applied.layout;
    }
    Ok((layout, copies))
}

/// The fields of `expect`, computed.
fn facts(layout: &Layout, copies: &[usize], expect: &Value) -> Value {
    let empty = layout.size() == 0;
    let walk = nditer(&[layout]);
    let probes = expect["probes"].as_array().unwrap();
    let offset = |probe: &Value| {
        let index: Vec<usize> = integers(&probe[0]).into_iter().map(|i| usize::try_from(i).unwrap()).collect();
        json!([probe[0], i64::try_from(layout.byte_offset(&index).unwrap()).unwrap()])
    };
    json!({
        "shape": layout.shape(),
        "strides": if empty { Value::Null } else { json!(layout.strides()) },
        "offset": if empty { Value::Null } else { json!(layout.offset()) },
        "size": u64::try_from(layout.size()).unwrap(),
        "c": layout.is_c_contiguous(),
        "f": layout.is_f_contiguous(),
        "view": copies.is_empty(),
        "copies": copies,
        "buffer_bytes": layout.buffer_bytes(),
        "bounds": layout.byte_bounds().map(|(low, high)| [i64::try_from(low).unwrap(), i64::try_from(high).unwrap()]),
        "overlap": layout.overlaps_itself(),
        "iter_axes": walk.as_ref().map(|walk| walk.axes.clone()),
        "iter_flipped": walk.as_ref().map(|walk| walk.flipped.clone()),
        "coalesced": walk.as_ref().map(|walk| json!({ "shape": walk.shape, "strides": walk.strides[0] })),
        "min_stride_axis": layout.min_stride_axis(),
        "probes": probes.iter().map(offset).collect::<Vec<_>>(),
    })
}

/// A null stride is one that NumPy leaves open.
fn equal(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(a, b)| a.is_null() || equal(a, b))
        }
        _ => expected == found,
    }
}

/// The first field in which they differ.
fn difference(expected: &Value, found: &Value) -> Option<String> {
    let fields = expected.as_object().unwrap();
    assert!(fields.len() == found.as_object().unwrap().len(), "{expected} {found}");
    let wrong = fields.iter().find(|(name, value)| match name.as_str() {
        "strides" => !equal(value, &found[*name]),
        _ => **value != found[*name],
    })?;
    Some(format!("{}: NumPy has {}, found {}", wrong.0, wrong.1, found[wrong.0]))
}

#[test]
fn layouts_equal_numpys() {
    let (mut cases, mut mismatches, mut first) = (0, 0, None);
    for case in corpus("STRIDEWISE_LAYOUT_CORPUS", "layout_conformance.jsonl") {
        let expect = &case["expect"];
        let found = match run(base(&case["base"]), &case["ops"]) {
            Ok((layout, copies)) if expect.get("error").is_none() => facts(&layout, &copies, expect),
            Ok((layout, _)) => json!({ "error": format!("none: {layout:?}") }),
            Err((op, kind)) => json!({ "error": { "kind": kind, "op": op } }),
        };
        cases += 1;
        let differs = if expect.get("error").is_some() != found.get("error").is_some() {
            Some(format!("error: NumPy has {expect}, found {found}"))
        } else {
            difference(expect, &found)
        };
        if let Some(difference) = differs {
            mismatches += 1;
            first.get_or_insert(format!("{}: {difference}", case["id"]));
        }
    }
    say(&format!("{cases} cases, {mismatches} mismatches"));
    assert!(
        cases > 0 && mismatches == 0,
        "{cases} cases, {mismatches} mismatches; first {}",
        first.unwrap_or_default()
    );
}

#[test]
fn pairs_of_layouts_equal_numpys() {
    let (mut cases, mut mismatches, mut first) = (0, 0, None);
    for case in corpus("STRIDEWISE_PAIRS_CORPUS", "layout_pairs.jsonl") {
        let own = if case["b_base"].is_null() { &case["base"] } else { &case["b_base"] };
        let (a, _) = run(base(&case["base"]), &case["a"]).unwrap();
        let (b, _) = run(base(own), &case["b"]).unwrap();
        let one_buffer = case["b_base"].is_null();
        let walk = nditer(&[&a, &b]);
        let merged = |walk: &stridewise::layout::Walk| json!({ "shape": walk.shape, "a_strides": walk.strides[0], "b_strides": walk.strides[1] });
        let found = json!({
            "a_shape": a.shape(),
            "b_shape": b.shape(),
            "may_share": one_buffer.then(|| a.may_share(&b)),
            "shares": if one_buffer { a.shares(&b) } else { None },
            "iter_axes": walk.as_ref().map(|walk| walk.axes.clone()),
            "iter_flipped": walk.as_ref().map(|walk| walk.flipped.clone()),
            "coalesced": walk.as_ref().map(merged),
        });
        cases += 1;
        if let Some(difference) = difference(&case["expect"], &found) {
            mismatches += 1;
            first.get_or_insert(format!("{}: {difference}", case["id"]));
        }
    }
    say(&format!("{cases} pairs, {mismatches} mismatches"));
    assert!(
        cases > 0 && mismatches == 0,
        "{cases} pairs, {mismatches} mismatches; first {}",
        first.unwrap_or_default()
    );
}

#[test]
fn npy_files_are_read_or_refused() {
    let own = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/layout/npy"));
    let folder = std::env::var_os("STRIDEWISE_NPY_CORPUS").map_or_else(own, PathBuf::from);
    let manifest = std::fs::read_to_string(folder.join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_str(&manifest).unwrap();
    let (mut files, mut wrong, mut first) = (0, 0, None);
    for entry in manifest["files"].as_array().unwrap() {
        let name = entry["file"].as_str().unwrap();
        let bytes = std::fs::read(folder.join(name)).unwrap();
        let read = NpyHeader::parse(&bytes[..bytes.len().min(PREFIX)], bytes.len() as u64);
        let difference = match (entry["must"].as_str().unwrap(), &read) {
            ("reject", Ok(header)) => Some(format!("was accepted: {header:?}")),
            ("accept", Err(error)) => Some(format!("was refused: {error}")),
            ("accept" | "may", Ok(header)) => npy_difference(&entry["expect"], header, &bytes),
            _ => None,
        };
        files += 1;
        if let Some(difference) = difference {
            wrong += 1;
            first.get_or_insert(format!("{name}: {difference}"));
        }
    }
    say(&format!("{files} files, {wrong} wrong"));
    assert!(files > 0 && wrong == 0, "{files} files, {wrong} wrong; first {}", first.unwrap_or_default());
}

fn npy_difference(expect: &Value, header: &NpyHeader, bytes: &[u8]) -> Option<String> {
    let layout = header.layout().unwrap();
    let empty = layout.size() == 0;
    let byteorder = match (header.dtype.itemsize(), header.big_endian) {
        (1, _) => "none",
        (_, true) => "big",
        (_, false) => "little",
    };
    let end = header.data_offset + header.data_bytes;
    let probe = |probe: &Value| {
        let index: Vec<usize> = integers(&probe[0]).into_iter().map(|i| usize::try_from(i).unwrap()).collect();
        let at = usize::try_from(header.data_offset).unwrap()
            + usize::try_from(layout.byte_offset(&index).unwrap()).unwrap();
        let element: String = bytes[at..at + layout.itemsize()].iter().map(|byte| format!("{byte:02x}")).collect();
        json!([probe[0], at, element])
    };
    let probes = expect["probes"].as_array().cloned().unwrap_or_default();
    let found = json!({
        "version": header.version,
        "itemsize": header.dtype.itemsize(),
        "byteorder": byteorder,
        "fortran_order": header.order == Order::F,
        "shape": header.shape,
        "strides": if empty { Value::Null } else { json!(layout.strides()) },
        "c": layout.is_c_contiguous(),
        "f": layout.is_f_contiguous(),
        "data_offset": header.data_offset,
        "data_bytes": header.data_bytes,
        "trailing_bytes": bytes.len() as u64 - end,
        "probes": probes.iter().map(probe).collect::<Vec<_>>(),
    });
    let wrong = found.as_object().unwrap().iter().find(|(name, value)| expect[name.as_str()] != **value)?;
    Some(format!("{}: NumPy has {}, found {}", wrong.0, expect[wrong.0], wrong.1))
}
