//! Asks about the array in hand: `cargo run --example ndarray_layout --features ndarray`.
#![allow(clippy::print_stdout, reason = "an example shows its result")]

use ndarray::{Array3, s};
use stridewise::layout::{Layout, nditer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let image = Array3::<u8>::zeros((224, 224, 3));
    let red = image.slice(s![.., .., 0]);
    let layout = Layout::of_view(&red)?;
    println!("shape {:?}, strides {:?} bytes", layout.shape(), layout.strides());
    for order in [[0, 1], [1, 0]] {
        let found = layout.locality(&order, 64, 4096, &[]).ok_or("an empty view")?;
        println!(
            "loop order {order:?}: {:.3} lines per element, {:.1}x fetched",
            found.lines_per_element, found.amplification
        );
    }
    println!("nditer walks axes {:?}", nditer(&[&layout]).ok_or("an empty view")?.axes);
    Ok(())
}
