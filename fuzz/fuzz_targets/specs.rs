//! The grammars of --cache, --tlb, --nest, --require, --loop, --dtype and case ids: nothing panics, an id that is
//! accepted is canonical, a nest that is accepted stays in its buffers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stridewise::compare::Require;
use stridewise::layout::DType;
use stridewise::nest::{LoopNest, LoopOrder};
use stridewise::simulate::Geometry;
use stridewise::suite::Case;

fuzz_target!(|text: &str| {
    if let (Ok(levels), Ok(tlbs)) = (Geometry::parse_caches(text), Geometry::parse_tlbs("64@4k")) {
        let _ = Geometry::new(levels, tlbs, 4096, "fuzz");
    }
    let _ = Geometry::parse_tlbs(text);
    let _ = text.parse::<Require>();
    let _ = text.parse::<DType>();
    if let Ok(order) = text.parse::<LoopOrder>() {
        assert_eq!(order.to_string().parse::<LoopOrder>().unwrap(), order);
    }
    if let Ok(case) = text.parse::<Case>() {
        assert_eq!(case.to_string(), text);
        let _ = (case.nest(), case.footprint(), case.baseline().to_string());
    }
    if let Ok(nest) = LoopNest::parse(text, 8) {
        let _ = (nest.steps(), nest.accesses(), nest.bytes_read_written());
        let mut runs = nest.runs();
        for _ in 0..64 {
            let Some(length) = runs.advance() else { break };
            let last = i128::try_from(length).unwrap() - 1;
            for ((operand, step), &at) in nest.operands().iter().zip(nest.inner_steps()).zip(runs.at()) {
                let room = i128::from(nest.buffers()[operand.buffer]);
                let ends = [i128::from(at), i128::from(at) + last * i128::from(step)];
                assert!(ends.iter().all(|end| (0..=room - 8).contains(end)), "{text}: {ends:?} of {room}");
            }
        }
    }
});
