//! Every idiom beside the kernel whose result it must give.

use super::*;
use crate::host::{Affinity, pinned_pool};
use crate::kernel::{Isa, Program, Stores, Walk};
use crate::layout::{Layout, Order};
use crate::memory::PagePolicy;

/// The result of a pass over fresh data.
fn result(nest: &LoopNest, dtype: DType, run: impl FnOnce(&mut [Buffer]) -> Checksum) -> Checksum {
    let map = |&bytes: &u64| Buffer::new(bytes, PagePolicy::Base, 0).unwrap();
    let mut buffers: Vec<_> = nest.buffers().iter().map(map).collect();
    prepare(&mut buffers, dtype, 7);
    run(&mut buffers)
}

#[test]
fn every_idiom_computes_what_the_kernel_computes_in_some_order_of_c_and_f() {
    let pool = Arc::new(pinned_pool(Affinity::at_start().cpus()).unwrap());
    for &idiom in Idiom::ALL {
        for (&kernel, order) in idiom.kernels().iter().flat_map(|k| [(k, Order::C), (k, Order::F)]) {
            let mut ran = 0;
            for (dtype, loops) in Idiomatic::DTYPES.iter().flat_map(|dtype| [(*dtype, "0,1"), (*dtype, "1,0")]) {
                let array = Layout::contiguous(&[37, 51], dtype.itemsize(), order).unwrap();
                let operands: Vec<_> = kernel.roles().iter().map(|&role| (&array, role)).collect();
                let nest = LoopNest::of_layouts(&operands, &loops.parse().unwrap()).unwrap();
                let workers = idiom.is_parallel().then(|| Arc::clone(&pool));
                let ours = match Idiomatic::new(idiom, kernel, dtype, &nest, workers) {
                    Ok(ours) => ours,
                    Err(KernelError::Idiom { why, .. }) if idiom.missing().is_none() => {
                        assert!(why.starts_with("it visits"), "{idiom}: {why}");
                        continue;
                    }
                    Err(error) => panic!("{error}"),
                };
                let program = Program::new(kernel, dtype, Walk::Element, Stores::Plain, Isa::best(), &nest).unwrap();
                let expected = result(&nest, dtype, |b| {
                    let ran = program.run(b, 1).unwrap();
                    program.checksum(b, ran)
                });
                let found = result(&nest, dtype, |b| {
                    let ran = ours.run(b, 3).unwrap();
                    ours.checksum(b, ran)
                });
                assert_eq!(found, expected, "{idiom} {kernel} {dtype} {order} {loops}");
                ran += 1;
            }
            let orders = if idiom.path() == Path::Written { 2 } else { 1 };
            assert_eq!(ran, orders * Idiomatic::DTYPES.len(), "{idiom} {kernel} {order}");
        }
    }
}

#[test]
fn padded_lines_are_left_out() {
    let steps = vec![64 * 8, 8];
    let operand = crate::nest::Operand { role: Role::Read, buffer: 0, itemsize: 8, start: 0, steps };
    let nest = LoopNest::new(vec![9, 60], vec![operand], vec![9 * 64 * 8], &"0,1".parse().unwrap()).unwrap();
    let program = Program::new(Kernel::Sum, DType::F8, Walk::Element, Stores::Plain, Isa::best(), &nest).unwrap();
    let expected = result(&nest, DType::F8, |buffers| program.run(buffers, 1).unwrap());
    for idiom in [Idiom::Index, Idiom::Chunks] {
        let ours = Idiomatic::new(idiom, Kernel::Sum, DType::F8, &nest, None).unwrap();
        assert_eq!(result(&nest, DType::F8, |buffers| ours.run(buffers, 1).unwrap()), expected, "{idiom}");
    }
    let refused = Idiomatic::new(Idiom::Iter, Kernel::Sum, DType::F8, &nest, None).unwrap_err();
    assert_eq!(refused.to_string(), "idiom iter: it visits Memory, the loops do not");
}

#[test]
fn names_read_back() {
    for &idiom in Idiom::ALL {
        assert_eq!(idiom.name().parse(), Ok(idiom));
    }
    assert!("map".parse::<Idiom>().unwrap_err().contains("index iter slice chunks"));
}
