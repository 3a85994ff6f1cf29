//! Every kernel, element type, walk and instruction set equals the plain interpretation, on any nest.

use proptest::prelude::*;
use stridewise::kernel::{self, Isa, Kernel, KernelError, Program, Stores, Walk};
use stridewise::layout::{DType, Layout, Order};
use stridewise::memory::{Buffer, PagePolicy};
use stridewise::nest::{LoopNest, LoopOrder, Operand, Role};
use stridewise::suite::Case;

/// A nest without its kernel: what the generator draws.
#[derive(Clone, Debug)]
struct Drawn {
    axes: Vec<usize>,
    order: usize,
    tiles: Vec<(usize, usize)>,
    /// Steps in units per operand and axis.
    steps: [Vec<i64>; 3],
    /// Units in front of the first access.
    slack: [u8; 3],
}

fn drawn() -> impl Strategy<Value = Drawn> {
    (0_usize..4).prop_flat_map(|rank| {
        let extent = prop_oneof![8 => 1_usize..12, 3 => 12_usize..90, 1 => Just(0)];
        let axes = prop::collection::vec(extent, rank);
        let tiles = prop::collection::vec((0..rank.max(1), 1_usize..7), 0..=rank.min(3));
        let steps = prop::array::uniform3(prop::collection::vec(-5_i64..6, rank));
        (axes, 0_usize..6, tiles, steps, prop::array::uniform3(0_u8..4))
            .prop_map(|(axes, order, tiles, steps, slack)| Drawn { axes, order, tiles, steps, slack })
            .prop_filter("small", |drawn| drawn.axes.iter().product::<usize>() < 30_000)
    })
}

impl Drawn {
    /// The nest for a walk: buffers end with the last byte that is touched.
    fn nest(&self, kernel: Kernel, dtype: DType, walk: Walk) -> LoopNest {
        let orders = LoopOrder::all(self.axes.len());
        let order = &orders[self.order % orders.len()];
        let unit = if walk == Walk::Line { 64 } else { dtype.itemsize() };
        let innermost = order.axes().last().copied();
        let (mut operands, mut buffers) = (Vec::new(), Vec::new());
        for (buffer, &role) in kernel.roles().iter().enumerate() {
            let mut steps: Vec<i64> = self.steps[buffer].iter().map(|step| step * unit as i64).collect();
            if let (Walk::Stream, Some(axis)) = (walk, innermost) {
                steps[axis] = unit as i64;
            }
            let reach = |step: i64, extent: usize| step * (extent.max(1) - 1) as i64;
            let ends: Vec<i64> = steps.iter().zip(&self.axes).map(|(&step, &extent)| reach(step, extent)).collect();
            let slack = i64::from(self.slack[buffer]) * unit as i64;
            let start = slack - ends.iter().filter(|&&end| end < 0).sum::<i64>();
            let top = start + ends.iter().filter(|&&end| end > 0).sum::<i64>();
            operands.push(Operand { role, buffer, itemsize: unit, start, steps });
            buffers.push((top + unit as i64) as u64);
        }
        let nest = LoopNest::new(self.axes.clone(), operands, buffers, order).unwrap();
        let mut tiles = self.tiles.clone();
        tiles.sort_unstable();
        tiles.dedup_by_key(|tile| tile.0);
        if self.axes.is_empty() { nest } else { nest.tiled(&tiles).unwrap() }
    }
}

/// Prepared buffers whose last byte is the last one before the guard page, where alignment allows.
fn buffers(nest: &LoopNest, dtype: DType) -> Vec<Buffer> {
    let one = |&bytes: &u64| {
        let offset = bytes.next_multiple_of(4096) - bytes;
        Buffer::new(bytes, PagePolicy::Base, offset as usize).unwrap()
    };
    let mut buffers: Vec<Buffer> = nest.buffers().iter().map(one).collect();
    kernel::prepare(&mut buffers, dtype, 3);
    buffers
}

fn equals_reference(kernel: Kernel, dtype: DType, walk: Walk, isa: Isa, nest: &LoopNest, passes: u64) {
    let what = || format!("{kernel} {dtype} {walk} {isa} {nest:?}");
    let (mut ours, mut plain) = (buffers(nest, dtype), buffers(nest, dtype));
    let program = Program::new(kernel, dtype, walk, Stores::Plain, isa, nest).unwrap();
    let ran = program.run(&mut ours, passes).unwrap();
    let mut expected = kernel::reference(kernel, dtype, nest, &mut plain).unwrap();
    for _ in 1..passes {
        expected = kernel::reference(kernel, dtype, nest, &mut plain).unwrap();
    }
    assert_eq!(ran, expected, "{}", what());
    for (ours, plain) in ours.iter().zip(&plain) {
        assert!(ours.as_bytes() == plain.as_bytes(), "{}: other bytes were written", what());
    }
    assert_eq!(program.checksum(&ours, ran), program.checksum(&plain, expected));
}

/// Sanitizers are slow: they ask for fewer.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(30)
}

/// The same with the first operand that can be kept in a register standing still in the innermost loop.
fn standing(nest: &LoopNest, operand: usize) -> Option<LoopNest> {
    let axis = nest.loops().last()?.axis;
    let mut operands = nest.operands().to_vec();
    let unit = operands[operand].itemsize as i64;
    for (k, one) in operands.iter_mut().enumerate() {
        // Only one of them stands.
        one.steps[axis] = if k == operand {
            0
        } else if one.steps[axis] == 0 {
            unit
        } else {
            one.steps[axis]
        };
        // Enough in front and behind for any step.
        one.start = (1 << 14) * unit;
    }
    let buffers = operands.iter().map(|operand| (operand.itemsize << 15) as u64).collect();
    let order = LoopOrder::identity(nest.axes().len());
    let plain = LoopNest::new(nest.axes().to_vec(), operands, buffers, &order).ok()?;
    Some(plain.with_loops(nest.loops().to_vec()).ok()?.hoisting())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn every_sum_kept_in_memory_or_in_a_register_equals_the_reference(drawn in drawn(), passes in 1_u64..3) {
        for kernel in [Kernel::Reduce, Kernel::Product] {
            for dtype in DType::ALL {
                for walk in [Walk::Element, Walk::Stream] {
                    if kernel == Kernel::Product && dtype == DType::C16 && walk == Walk::Stream {
                        continue;
                    }
                    let plain = drawn.nest(kernel, dtype, walk);
                    let isas = if walk == Walk::Element { vec![Isa::Baseline] } else { Isa::available() };
                    for isa in isas {
                        equals_reference(kernel, dtype, walk, isa, &plain, passes);
                        for operand in 0..kernel.roles().len() {
                            let Some(nest) = standing(&plain, operand) else { continue };
                            prop_assert!(nest.is_hoisted(operand));
                            equals_reference(kernel, dtype, walk, isa, &nest, passes);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn every_program_equals_the_reference_on_random_nests(drawn in drawn(), passes in 1_u64..4) {
        for &kernel in Kernel::ELEMENTWISE {
            for dtype in DType::ALL {
                equals_reference(kernel, dtype, Walk::Element, Isa::Baseline, &drawn.nest(kernel, dtype, Walk::Element), passes);
                for isa in Isa::available() {
                    let mut small = drawn.clone();
                    // A line is 64 times a byte: keep the buffers small.
                    small.axes.iter_mut().for_each(|extent| *extent = (*extent).min(24));
                    equals_reference(kernel, dtype, Walk::Line, isa, &small.nest(kernel, dtype, Walk::Line), passes);
                    equals_reference(kernel, dtype, Walk::Stream, isa, &drawn.nest(kernel, dtype, Walk::Stream), passes);
                }
            }
        }
    }
}

#[test]
fn contiguous_runs_of_every_length_and_start_equal_the_reference() {
    for &kernel in Kernel::ELEMENTWISE {
        for dtype in DType::ALL {
            let item = dtype.itemsize();
            for (length, start) in (0..80).map(|n| (n, n % 7)).chain([(1000, 1), (4099, 3)]) {
                let operand = |(buffer, &role): (usize, &Role)| {
                    let (start, steps) = (((start + buffer) * item) as i64, vec![item as i64]);
                    Operand { role, buffer, itemsize: item, start, steps }
                };
                let operands: Vec<_> = kernel.roles().iter().enumerate().map(operand).collect();
                let sizes = operands.iter().map(|operand| operand.start as u64 + (length * item) as u64).collect();
                let nest = LoopNest::new(vec![length], operands, sizes, &LoopOrder::identity(1)).unwrap();
                for isa in Isa::available() {
                    equals_reference(kernel, dtype, Walk::Stream, isa, &nest, 2);
                }
            }
        }
    }
}

#[test]
fn non_temporal_stores_leave_the_same_bytes() {
    for &kernel in Kernel::ELEMENTWISE {
        for (walk, isa) in [Walk::Element, Walk::Line, Walk::Stream]
            .into_iter()
            .flat_map(|walk| Isa::available().into_iter().map(move |isa| (walk, isa)))
        {
            let (item, dtype) = if walk == Walk::Line { (64, DType::F4) } else { (4, DType::F4) };
            let layout = Layout::contiguous(&[7, 1600 / item], item, Order::C).unwrap();
            let layouts: Vec<_> = kernel.roles().iter().map(|&role| (&layout, role)).collect();
            let nest = LoopNest::of_layouts(&layouts, &LoopOrder::identity(2)).unwrap();
            match Program::new(kernel, dtype, walk, Stores::NonTemporal, isa, &nest) {
                Ok(program) => {
                    let fresh = || {
                        let one = |&bytes: &u64| Buffer::new(bytes, PagePolicy::Base, 0).unwrap();
                        let mut buffers: Vec<_> = nest.buffers().iter().map(one).collect();
                        kernel::prepare(&mut buffers, dtype, 3);
                        buffers
                    };
                    let (mut ours, mut plain) = (fresh(), fresh());
                    program.run(&mut ours, 1).unwrap();
                    kernel::reference(kernel, dtype, &nest, &mut plain).unwrap();
                    assert!(
                        ours.iter().zip(&plain).all(|(a, b)| a.as_bytes() == b.as_bytes()),
                        "{kernel} {walk} {isa}"
                    );
                }
                Err(error) => {
                    assert!(matches!(error, KernelError::NoNonTemporal { .. }), "{error}");
                    assert!(kernel == Kernel::Sum || !cfg!(target_arch = "x86_64"), "{error}");
                }
            }
        }
    }
}

#[test]
fn checksums_are_equal_across_all_loop_orders_walks_and_instruction_sets() {
    for &kernel in Kernel::ELEMENTWISE {
        for dtype in DType::ALL {
            let mut seen = Vec::new();
            let layout = Layout::contiguous(&[37, 64, 29], dtype.itemsize(), Order::C).unwrap();
            let layouts: Vec<_> = kernel.roles().iter().map(|&role| (&layout, role)).collect();
            for order in LoopOrder::all(3) {
                let nest = LoopNest::of_layouts(&layouts, &order).unwrap();
                for nest in [nest.tiled(&[(0, 8), (1, 5)]).unwrap(), nest] {
                    for walk in [Walk::Element, Walk::Stream] {
                        for isa in Isa::available() {
                            let program = match Program::new(kernel, dtype, walk, Stores::Plain, isa, &nest) {
                                Ok(program) => program,
                                Err(KernelError::NotContiguous { .. }) if order.axes()[2] != 2 => continue,
                                Err(error) => panic!("{error}"),
                            };
                            let mut buffers = buffers(&nest, dtype);
                            let ran = program.run(&mut buffers, 3).unwrap();
                            seen.push(program.checksum(&buffers, ran));
                        }
                    }
                }
            }
            assert!(seen.len() > 12 && seen.iter().all(|sum| *sum == seen[0]), "{kernel} {dtype}: {seen:?}");
        }
    }
}

#[test]
fn operands_in_one_buffer_keep_the_order_of_the_nest() {
    // A copy by one element forward smears the first element over the array.
    let operand = |role, start| Operand { role, buffer: 0, itemsize: 8, start, steps: vec![8] };
    let operands = vec![operand(Role::Read, 0), operand(Role::Write, 8)];
    let nest = LoopNest::new(vec![99], operands, vec![800], &LoopOrder::identity(1)).unwrap();
    equals_reference(Kernel::Copy, DType::F8, Walk::Element, Isa::Baseline, &nest, 1);
    let refused = Program::new(Kernel::Copy, DType::F8, Walk::Stream, Stores::Plain, Isa::best(), &nest);
    assert!(matches!(refused, Err(KernelError::Overlap { operand: 1 })));
}

#[test]
fn what_does_not_fit_is_refused_with_what_would_be_right() {
    let layout = Layout::contiguous(&[4, 4], 8, Order::C).unwrap();
    let nest = LoopNest::of_layouts(&[(&layout, Role::Read)], &"0,1".parse().unwrap()).unwrap();
    let refused = |kernel, dtype, walk, stores| {
        Program::new(kernel, dtype, walk, stores, Isa::Baseline, &nest).unwrap_err().to_string()
    };
    let plain = Stores::Plain;
    assert_eq!(
        refused(Kernel::Copy, DType::F8, Walk::Element, plain),
        "copy takes operands [Read, Write], the nest has [Read]"
    );
    assert!(refused(Kernel::Sum, DType::F4, Walk::Element, plain).contains("takes 4 bytes per step, the nest says 8"));
    assert!(refused(Kernel::Sum, DType::F8, Walk::Line, plain).contains("takes 64 bytes per step, the nest says 8"));
    assert!(
        refused(Kernel::Sum, DType::F8, Walk::Element, Stores::NonTemporal).contains("non-temporal stores are for")
    );
    let program = Program::new(Kernel::Sum, DType::F8, Walk::Element, plain, Isa::Baseline, &nest).unwrap();
    let small = Buffer::new(127, PagePolicy::Base, 0).unwrap();
    assert!(matches!(program.run(&mut [small], 1), Err(KernelError::BufferSize { index: 0, found: 127, needed: 128 })));
    assert!(matches!(program.run(&mut [], 1), Err(KernelError::BufferSize { index: 0, found: 0, .. })));
}

#[test]
fn a_line_walk_refuses_split_lines() {
    let lines = |start, buffer| {
        let operand = Operand { role: Role::Read, buffer: 0, itemsize: 64, start, steps: vec![64] };
        LoopNest::new(vec![4], vec![operand], vec![buffer], &LoopOrder::identity(1)).unwrap()
    };
    let new = |nest: &LoopNest| Program::new(Kernel::Sum, DType::F8, Walk::Line, Stores::Plain, Isa::Baseline, nest);
    assert!(matches!(new(&lines(8, 264)), Err(KernelError::Alignment { operand: 0, .. })));
    let shifted = Buffer::new(256, PagePolicy::Base, 8).unwrap();
    let ran = new(&lines(0, 256)).unwrap().run(&mut [shifted], 1);
    assert!(matches!(ran, Err(KernelError::BufferAlignment { index: 0, .. })));
}

#[test]
fn stencils_equal_the_reference_in_every_order_type_and_walk() {
    for (kernel, shape) in [(Kernel::Stencil5, "9x13"), (Kernel::Stencil5, "3x70"), (Kernel::Stencil7, "5x4x19")] {
        for dtype in DType::ALL {
            for order in ["C", "F"] {
                let axes = shape.split('x').count();
                for loops in LoopOrder::all(axes) {
                    for rest in ["", "/tile=3"] {
                        let id = format!("stencil/{kernel}/{dtype}/{shape}/{order}/{loops}{rest}");
                        let case: Case = id.parse().unwrap_or_else(|error| panic!("{error}"));
                        let nest = case.nest().unwrap();
                        equals_reference(kernel, dtype, Walk::Element, Isa::Baseline, &nest, 2);
                        for isa in Isa::available().into_iter().filter(|_| case.baseline().loops == loops) {
                            equals_reference(kernel, dtype, Walk::Stream, isa, &nest, 2);
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn blocks_turned_in_registers_hold_what_a_plain_copy_holds() {
    for (dtype, edge) in [(DType::F4, 16), (DType::I4, 16), (DType::F8, 8), (DType::I8, 8), (DType::C16, 4)] {
        for (rows, columns) in [(1, 1), (2, 3), (5, 4)] {
            for order in ["C/0,1/dest=F", "C/1,0/dest=F", "F/0,1/dest=C", "F/1,0/dest=C"] {
                let shape = format!("{}x{}", rows * edge, columns * edge);
                for (more, stores) in [
                    ("", Stores::Plain),
                    ("/stores=nt", Stores::NonTemporal),
                    ("/pad=64", Stores::Plain),
                    ("/leaf=32", Stores::Plain),
                    ("/tile=32", Stores::Plain),
                    ("/tile=16,32", Stores::Plain),
                ] {
                    if stores == Stores::NonTemporal && !cfg!(target_arch = "x86_64") {
                        continue;
                    }
                    // Options of an id are sorted.
                    let mut options: Vec<&str> = order.split('/').skip(2).chain(more.split('/').skip(1)).collect();
                    options.push("walk=block");
                    options.sort_unstable();
                    let loops: Vec<&str> = order.split('/').take(2).collect();
                    let id = format!("t/copy/{dtype}/{shape}/{}/{}", loops.join("/"), options.join("/"));
                    let case: Case = id.parse().unwrap_or_else(|error| panic!("{error}"));
                    let plain = case.clone().with(|options| {
                        options.walk = Walk::Element;
                        options.stores = Stores::Plain;
                    });
                    let (nest, other) = (case.nest().unwrap(), plain.nest().unwrap());
                    assert_eq!(nest.bytes_read_written(), other.bytes_read_written());
                    for isa in Isa::available() {
                        let map = |&bytes: &u64| Buffer::new(bytes, PagePolicy::Base, 0).unwrap();
                        let [mut ours, mut theirs] =
                            [&nest, &other].map(|nest| nest.buffers().iter().map(map).collect::<Vec<_>>());
                        kernel::prepare(&mut ours, dtype, 5);
                        kernel::prepare(&mut theirs, dtype, 5);
                        let program = Program::new(Kernel::Copy, dtype, Walk::Block, stores, isa, &nest).unwrap();
                        program.run(&mut ours, 2).unwrap();
                        kernel::reference(Kernel::Copy, dtype, &other, &mut theirs).unwrap();
                        assert!(ours[1].as_bytes() == theirs[1].as_bytes(), "{id} {isa}");
                    }
                }
            }
        }
    }
}

#[test]
fn what_a_register_or_a_block_cannot_hold_is_refused() {
    let still = |roles: &[Role], hoisting: bool| {
        let operand = |(buffer, &role): (usize, &Role)| Operand { role, buffer, itemsize: 8, start: 0, steps: vec![0] };
        let operands: Vec<Operand> = roles.iter().enumerate().map(operand).collect();
        let nest = LoopNest::new(vec![4], operands, vec![8; roles.len()], &LoopOrder::identity(1)).unwrap();
        if hoisting { nest.hoisting() } else { nest }
    };
    let program = |kernel: Kernel, walk: Walk, nest: &LoopNest| {
        Program::new(kernel, DType::F8, walk, Stores::Plain, Isa::best(), nest).map(|_| ())
    };
    let sum = still(Kernel::Sum.roles(), true);
    assert!(matches!(program(Kernel::Sum, Walk::Element, &sum), Err(KernelError::Hoisted { operand: 0, .. })));
    assert_eq!(program(Kernel::Sum, Walk::Element, &still(Kernel::Sum.roles(), false)), Ok(()));
    let both = still(Kernel::Reduce.roles(), true);
    assert!(matches!(program(Kernel::Reduce, Walk::Element, &both), Err(KernelError::Hoisted { operand: 1, .. })));
    let copy = still(Kernel::Copy.roles(), false);
    assert!(matches!(program(Kernel::Copy, Walk::Block, &copy), Err(KernelError::ItemSize { .. })));
    let mut lines = copy.operands().to_vec();
    lines.iter_mut().for_each(|operand| operand.itemsize = 64);
    let lines = LoopNest::new(vec![4], lines, vec![64; 2], &LoopOrder::identity(1)).unwrap();
    assert!(matches!(
        program(Kernel::Copy, Walk::Block, &lines),
        Err(KernelError::Block { expected: 8, found: 4, .. })
    ));
}
