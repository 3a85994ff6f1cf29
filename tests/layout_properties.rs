//! Layouts against brute force: every operation is checked element by element on small arrays.

use proptest::prelude::*;
use std::collections::HashSet;
use stridewise::layout::{Item, Layout, Op, Order};

fn indices(shape: &[usize]) -> Vec<Vec<usize>> {
    shape.iter().fold(vec![Vec::new()], |all, &n| {
        all.iter().flat_map(|index| (0..n).map(move |i| [index.as_slice(), &[i]].concat())).collect()
    })
}

/// Byte offset of every element, in C order of the indices.
fn offsets(layout: &Layout) -> Vec<i128> {
    indices(layout.shape()).iter().map(|index| layout.byte_offset(index).unwrap()).collect()
}

fn layouts() -> impl Strategy<Value = Layout> {
    let shape = prop::collection::vec(0_usize..6, 1..4);
    (shape, prop::sample::select(vec![1_usize, 2, 4, 8]), any::<bool>()).prop_flat_map(|(shape, itemsize, fortran)| {
        let order = if fortran { Order::F } else { Order::C };
        let layout = Layout::contiguous(&shape, itemsize, order).unwrap();
        let slice = (-7_i64..7, -7_i64..7, prop::sample::select(vec![-3_i64, -2, -1, 1, 2, 3]));
        prop::collection::vec(slice, shape.len()).prop_map(move |slices| {
            let items = slices.iter().map(|&(start, stop, step)| Item::Slice(Some(start), Some(stop), Some(step)));
            layout.apply(&Op::Index { items: items.collect() }).unwrap().layout
        })
    })
}

/// What Python's slice picks, one index after the other.
fn python_slice(n: usize, start: i64, stop: i64, step: i64) -> Vec<usize> {
    let n = i64::try_from(n).unwrap();
    let clamp = |bound: i64| {
        let bound = if bound < 0 { bound + n } else { bound };
        if step > 0 { bound.clamp(0, n) } else { bound.clamp(-1, n - 1) }
    };
    let (mut at, stop, mut picked) = (clamp(start), clamp(stop), Vec::new());
    while if step > 0 { at < stop } else { at > stop } {
        picked.push(usize::try_from(at).unwrap());
        at += step;
    }
    picked
}

/// An operation in NumPy's spelling with numbers that often fit small arrays, and extremes.
fn operation() -> impl Strategy<Value = String> {
    let number = prop_oneof![6 => -4_i64..7, 1 => Just(i64::MIN), 1 => Just(i64::MAX), 1 => any::<i64>()];
    let numbers = prop::collection::vec(number, 6);
    (0_usize..17, numbers).prop_map(|(kind, n)| match kind {
        0 => "T".to_owned(),
        1 => format!("transpose({},{})", n[0], n[1]),
        2 => format!("swapaxes({},{})", n[0], n[1]),
        3 => format!("moveaxis({},{})", n[0], n[1]),
        4 => format!("[{}:{}:{}]", n[0], n[1], n[2]),
        5 => format!("[..., {}:{}, None, {}]", n[0], n[1], n[2]),
        6 => format!("[{}]", n[0]),
        7 => format!("flip({})", n[0]),
        8 => format!("expand_dims({})", n[0]),
        9 => format!("broadcast_to({},{},{})", n[0], n[1], n[2]),
        10 => format!("reshape({},{})", n[0], n[1]),
        11 => "ravel(order=K)".to_owned(),
        12 => format!("as_strided(({},{}),({},{}))", n[0], n[1], n[2], n[3]),
        13 => format!("sliding_window_view({},{})", n[0], n[1]),
        14 => format!("diagonal({},{},{})", n[0], n[1], n[2]),
        15 => "copy(order=K)".to_owned(),
        _ => "squeeze.asfortranarray".to_owned(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_slice_picks_what_python_picks(n in 0_usize..9, start in -12_i64..12, stop in -12_i64..12, step in -4_i64..5) {
        prop_assume!(step != 0);
        let array = Layout::contiguous(&[n], 4, Order::C).unwrap();
        let items = vec![Item::Slice(Some(start), Some(stop), Some(step))];
        let view = array.apply(&Op::Index { items }).unwrap().layout;
        let expected: Vec<i128> = python_slice(n, start, stop, step).into_iter().map(|i| i as i128 * 4).collect();
        prop_assert_eq!(offsets(&view), expected);
    }

    #[test]
    fn bounds_and_overlap_are_those_of_the_bytes(layout in layouts(), window in 0_i64..4) {
        let shape = vec![window; layout.ndim()];
        let windows = layout.apply(&Op::SlidingWindowView { window: shape, axes: None });
        for view in [Some(layout), windows.ok().map(|applied| applied.layout)].into_iter().flatten() {
            let starts = offsets(&view);
            let item = view.itemsize() as i128;
            let bounds = starts.iter().min().zip(starts.iter().max()).map(|(low, high)| (*low, high + item));
            prop_assert_eq!(view.byte_bounds(), bounds);
            let mut bytes = HashSet::new();
            let overlap = starts.iter().flat_map(|&at| at..at + item).any(|byte| !bytes.insert(byte));
            prop_assert_eq!(view.overlaps_itself(), Some(overlap));
            prop_assert!(bounds.is_none_or(|(low, high)| low >= 0 && high <= i128::from(view.buffer_bytes())));
        }
    }

    #[test]
    fn overlap_of_any_strides_is_that_of_the_bytes(
        axes in prop::collection::vec((1_i64..5, -40_i64..41), 1..5),
        itemsize in prop::sample::select(vec![1_usize, 4, 8]),
    ) {
        let middle = Layout::contiguous(&[1000], 1, Order::C).unwrap();
        let items = vec![Item::Slice(Some(500), Some(500 + i64::try_from(itemsize).unwrap()), None)];
        // An element of `itemsize` bytes in the middle of a buffer of bytes.
        let bytes = middle.apply(&Op::Index { items }).unwrap().layout;
        let (shape, strides): (Vec<i64>, Vec<i64>) = axes.into_iter().unzip();
        let view = bytes.apply(&Op::AsStrided { shape: [&shape[..], &[bytes.size() as i64]].concat(), strides: [&strides[..], &[1]].concat() });
        if let Ok(view) = view.map(|applied| applied.layout) {
            let starts = offsets(&view);
            let different: HashSet<&i128> = starts.iter().collect();
            prop_assert_eq!(view.overlaps_itself(), Some(different.len() < starts.len()), "{:?}", view);
        }
    }

    #[test]
    fn sharing_is_that_of_the_bytes(one in layouts(), offset in 0_i64..40, stride in -9_i64..9, n in 0_i64..6) {
        let strided = Op::AsStrided { shape: vec![n], strides: vec![stride] };
        let base = Layout::contiguous(&[usize::try_from(one.buffer_bytes()).unwrap()], 1, Order::C).unwrap();
        let items = vec![Item::Slice(Some(offset), None, None)];
        let other = base.apply(&Op::Index { items }).unwrap().layout.apply(&strided);
        if let Ok(other) = other.map(|applied| applied.layout) {
            let bytes = |layout: &Layout| -> HashSet<i128> {
                offsets(layout).into_iter().flat_map(|at| at..at + layout.itemsize() as i128).collect()
            };
            prop_assert_eq!(one.shares(&other), Some(!bytes(&one).is_disjoint(&bytes(&other))));
        }
    }

    #[test]
    fn a_reshaped_view_has_the_elements_in_order(layout in layouts(), split in 1_i64..5) {
        let reshape = Op::Reshape { shape: vec![split, -1], order: stridewise::layout::OrderArg::C, may_copy: false };
        if let Ok(view) = layout.apply(&reshape) {
            prop_assert_eq!(offsets(&view.layout), offsets(&layout));
        }
    }

    #[test]
    fn no_operation_panics_and_every_view_stays_in_its_buffer(
        texts in prop::collection::vec(operation(), 1..5),
        shape in prop::collection::vec(0_usize..5, 0..4),
    ) {
        let mut layout = Layout::contiguous(&shape, 8, Order::C).unwrap();
        for text in texts {
            let ops = text.parse::<stridewise::layout::Ops>();
            prop_assert!(ops.is_ok(), "{text}: {ops:?}");
            for op in ops.unwrap().0 {
                let Ok(applied) = layout.apply(&op) else { return Ok(()) };
                layout = applied.layout;
                if let Some((low, high)) = layout.byte_bounds() {
                    prop_assert!(low >= 0 && high <= i128::from(layout.buffer_bytes()), "{text}: {layout:?}");
                }
            }
        }
    }

    #[test]
    fn no_text_panics(text in "[\\[\\](),.:TFreshapctindvgf0-9 '=-]{0,40}") {
        let _ = text.parse::<stridewise::layout::Ops>();
    }
}
