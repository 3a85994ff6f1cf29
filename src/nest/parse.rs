//! The spelling of a raw nest, as `--nest` takes it.

use super::{LoopNest, LoopOrder, Operand, Role};
use crate::layout::byte_range;

impl LoopNest {
    /// A nest as `512:16384,512:32;w:512:8,512:4096`: `EXTENT:STEP` per loop, outermost first, operands separated by
    /// `;`, each with `r:` (read, if nothing is said), `w:` (write) or `u:` (update) before it. Steps are in bytes. Each
    /// operand has a buffer of its own, as large as its walk needs; a walk of negative steps begins inside it.
    ///
    /// # Errors
    /// What is wrong, with the part at fault and what would be right.
    pub fn parse(text: &str, itemsize: usize) -> Result<Self, String> {
        let mut extents: Option<Vec<usize>> = None;
        let (mut operands, mut buffers) = (Vec::new(), Vec::new());
        for (buffer, part) in text.split(';').map(str::trim).enumerate() {
            let (role, loops) = match part.split_at_checked(2) {
                Some(("r:", rest)) => (Role::Read, rest),
                Some(("w:", rest)) => (Role::Write, rest),
                Some(("u:", rest)) => (Role::Update, rest),
                _ => (Role::Read, part),
            };
            let (mut here, mut steps) = (Vec::new(), Vec::new());
            for one in loops.split(',') {
                let wrong = || format!("{one:?}: expected EXTENT:STEP, such as 512:16384");
                let (extent, step) = one.trim().split_once(':').ok_or_else(wrong)?;
                here.push(extent.parse::<usize>().map_err(|_| wrong())?);
                steps.push(step.parse::<i64>().map_err(|_| wrong())?);
            }
            if extents.as_ref().is_some_and(|known| *known != here) {
                return Err(format!("{part:?}: every operand has the same extents"));
            }
            extents = Some(here.clone());
            // The buffer is what the walk needs; negative steps begin inside it.
            let axes = here.iter().copied().zip(steps.iter().copied());
            let (low, high) = byte_range(0, itemsize, axes).unwrap_or((0, 0));
            let fits = |value: i128| i64::try_from(value).map_err(|_| "the walk leaves 2^63 bytes".to_owned());
            let (start, bytes) = (fits(low.saturating_neg())?, fits(high.saturating_sub(low))?);
            operands.push(Operand { role, buffer, itemsize, start, steps });
            buffers.push(bytes.unsigned_abs());
        }
        if itemsize == 0 {
            return Err("--itemsize 0: expected at least one byte".to_owned());
        }
        let extents = extents.unwrap_or_default();
        let order = LoopOrder::identity(extents.len());
        Self::new(extents, operands, buffers, &order).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operand_has_its_buffer_and_what_is_wrong_is_named() {
        let nest = LoopNest::parse("512:16384,512:32; w:512:8,512:-4096", 8).unwrap();
        assert_eq!((nest.steps(), nest.buffers()[0]), (512 * 512, 511 * 16384 + 511 * 32 + 8));
        assert_eq!((nest.operands()[1].role, nest.operands()[1].start), (Role::Write, 511 * 4096));
        for (text, itemsize, part) in [
            ("", 8, "expected EXTENT:STEP"),
            ("4:8;5:8", 8, "same extents"),
            ("4", 8, "\"4\""),
            ("4:8", 0, "--itemsize 0"),
            ("3:9223372036854775807", 8, "2^63"),
            ("18446744073709551616:8", 8, "expected EXTENT:STEP"),
        ] {
            let wrong = LoopNest::parse(text, itemsize).unwrap_err();
            assert!(wrong.contains(part), "{text}: {wrong}");
        }
    }
}
