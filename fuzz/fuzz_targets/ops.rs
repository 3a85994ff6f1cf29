//! Operations in NumPy's spelling, applied to a small array: nothing panics, every view stays in its buffer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stridewise::layout::{Layout, Ops, Order};

fuzz_target!(|text: &str| {
    let Ok(ops) = text.parse::<Ops>() else { return };
    let mut layout = Layout::contiguous(&[4, 3, 5], 8, Order::C).unwrap();
    for op in ops.0 {
        match layout.apply(&op) {
            Ok(applied) => layout = applied.layout,
            Err(_) => return,
        }
        if let Some((low, high)) = layout.byte_bounds() {
            assert!(low >= 0 && high <= i128::from(layout.buffer_bytes()), "{layout:?}");
        }
    }
});
