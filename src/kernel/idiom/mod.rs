//! Idioms: the loops that people write in safe Rust, beside the kernels on the same arrays.
//!
//! They take typed slices from the buffers; nothing about them is tuned. A new one is a line in `registry!` and its arm
//! in `slices` or `arrays`.

#[cfg(feature = "ndarray")]
mod arrays;
mod slices;

use super::data::{Checksum, Total, checksum, prepare};
use super::program::{check_buffers, check_roles};
use super::{Kernel, KernelError};
use crate::layout::DType;
use crate::memory::Buffer;
use crate::nest::{LoopNest, Role};
#[cfg(feature = "ndarray")]
use ndarray::LinalgScalar as Scalar;
use rayon::ThreadPool;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// In which order an idiom visits a matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    /// As its two loops are written.
    Written,
    /// As the elements lie in memory, whatever the loops.
    Memory,
    /// Line by line against memory: the smallest stride outermost.
    Against,
    /// Row after row.
    Rows,
    /// Column after column.
    Columns,
}

macro_rules! registry {
    ($($idiom:ident $name:literal $path:ident $ndarray:literal $kernels:expr, $code:literal;)*) => {
        /// A way to write a loop over a matrix.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Idiom {
            $(#[doc = concat!("`", $code, "`")] $idiom,)*
        }

        impl Idiom {
            /// Every idiom, whether or not this program was built with what it needs.
            pub const ALL: &'static [Self] = &[$(Self::$idiom),*];

            /// The name in case ids: `nd-rows`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$idiom => $name,)* }
            }

            /// What is written, for a matrix `a` in C order.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$idiom => $code,)* }
            }

            /// In which order it visits the elements.
            #[must_use]
            pub const fn path(self) -> Path {
                match self { $(Self::$idiom => Path::$path,)* }
            }

            /// The kernels that it is written for.
            #[must_use]
            pub const fn kernels(self) -> &'static [Kernel] {
                match self { $(Self::$idiom => $kernels,)* }
            }

            const fn needs_ndarray(self) -> bool {
                match self { $(Self::$idiom => $ndarray,)* }
            }
        }
    };
}

const SUM: &[Kernel] = &[Kernel::Sum];
const COPY: &[Kernel] = &[Kernel::Copy];
const BOTH: &[Kernel] = &[Kernel::Sum, Kernel::Copy];

registry! {
    Index "index" Written false BOTH, "for i in 0..m { for j in 0..n { s += a[i * n + j] } }";
    Iter "iter" Memory false BOTH, "a.iter().sum(), b.iter_mut().zip(a)";
    Slice "slice" Memory false COPY, "b.copy_from_slice(a)";
    Chunks "chunks" Memory false SUM, "a.chunks(n).map(|row| row.iter().sum()).sum()";
    StepBy "step-by" Against false SUM, "(0..n).map(|j| a[j..].iter().step_by(n).sum()).sum()";
    NdIndex "nd-index" Written true BOTH, "for i in 0..m { for j in 0..n { s += a[[i, j]] } }";
    NdIter "nd-iter" Rows true SUM, "a.iter().sum()";
    NdRows "nd-rows" Rows true SUM, "a.rows().into_iter().map(|row| row.sum()).sum()";
    NdColumns "nd-columns" Columns true SUM, "a.columns().into_iter().map(|column| column.sum()).sum()";
    NdSum "nd-sum" Memory true SUM, "a.sum()";
    NdAxis0 "nd-axis0" Memory true SUM, "a.sum_axis(Axis(0)).sum()";
    NdAxis1 "nd-axis1" Memory true SUM, "a.sum_axis(Axis(1)).sum()";
    NdZip "nd-zip" Memory true COPY, "Zip::from(&mut b).and(&a).for_each(|b, a| *b = *a)";
    NdAssign "nd-assign" Memory true COPY, "b.assign(&a)";
    ParIter "par-iter" Memory false SUM, "a.par_iter().sum()";
    ParChunks "par-chunks" Memory false SUM, "a.par_chunks(n).map(|row| row.iter().sum()).sum()";
}

impl Idiom {
    /// Whether it divides the work among the workers of a pool.
    #[must_use]
    pub const fn is_parallel(self) -> bool {
        matches!(self, Self::ParIter | Self::ParChunks)
    }

    /// What this program was built without, if the idiom needs it.
    #[must_use]
    pub const fn missing(self) -> Option<&'static str> {
        if self.needs_ndarray() && !cfg!(feature = "ndarray") {
            return Some("this program was built without the feature ndarray");
        }
        None
    }
}

impl fmt::Display for Idiom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Idiom {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.iter().copied().find(|idiom| idiom.name() == text).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|idiom| idiom.name()).collect();
            format!("unknown idiom {text:?}: expected one of {}", names.join(" "))
        })
    }
}

/// An element type that idioms are written for.
trait Number: Element {
    fn total(self) -> Total;
}

/// What loops need of an element.
trait Element: Scalar + bytemuck::Pod + Default + Send + Sync + std::ops::Add<Output = Self> + std::iter::Sum {}
impl<T: Scalar + bytemuck::Pod + Default + Send + Sync + std::ops::Add<Output = Self> + std::iter::Sum> Element for T {}

/// What `ndarray` needs besides; nothing without it.
#[cfg(not(feature = "ndarray"))]
trait Scalar {}
#[cfg(not(feature = "ndarray"))]
impl<T> Scalar for T {}

macro_rules! numbers {
    ($($type:ty: |$sum:ident| $total:expr;)*) => {$(
        impl Number for $type {
            fn total(self) -> Total {
                let $sum = self;
                $total
            }
        }
    )*};
}

numbers! {
    i32: |sum| Total { whole: i64::from(sum).cast_unsigned(), ..Total::default() };
    i64: |sum| Total { whole: sum.cast_unsigned(), ..Total::default() };
    f32: |sum| Total { even: f64::from(sum), ..Total::default() };
    f64: |sum| Total { even: sum, ..Total::default() };
}

/// A matrix in a slice: elements per axis and from one to the next along it.
#[derive(Clone, Copy, Debug)]
struct Matrix {
    shape: [usize; 2],
    strides: [usize; 2],
    /// The axis of the outer loop.
    outer: usize,
}

impl Matrix {
    /// The axis whose elements are neighbours.
    fn fast(&self) -> usize {
        usize::from(self.strides[1] <= self.strides[0])
    }

    /// Lines of memory: how many, their elements, and elements from one to the next.
    fn lines(&self) -> (usize, usize, usize) {
        let fast = self.fast();
        (self.shape[1 - fast], self.shape[fast], self.strides[1 - fast])
    }
}

/// An idiom bound to the matrices of a nest of two loops.
#[derive(Clone, Debug)]
pub struct Idiomatic {
    idiom: Idiom,
    kernel: Kernel,
    dtype: DType,
    nest: LoopNest,
    matrix: Matrix,
    pool: Option<Arc<ThreadPool>>,
}

impl Idiomatic {
    /// The element types that idioms are written for.
    pub const DTYPES: [DType; 4] = [DType::I4, DType::F4, DType::I8, DType::F8];

    /// Binds and checks; parallel idioms need a pool.
    ///
    /// # Errors
    /// Another kernel, element type or nest than the idiom is written for; one whose order is not that of the nest, since
    /// both would not do the same; what this program was built without.
    pub fn new(
        idiom: Idiom,
        kernel: Kernel,
        dtype: DType,
        nest: &LoopNest,
        pool: Option<Arc<ThreadPool>>,
    ) -> Result<Self, KernelError> {
        let wrong = |why: String| Err(KernelError::Idiom { idiom, why });
        if let Some(missing) = idiom.missing() {
            return wrong(missing.to_owned());
        }
        if !idiom.kernels().contains(&kernel) || !Self::DTYPES.contains(&dtype) {
            let kernels: Vec<_> = idiom.kernels().iter().map(|kernel| kernel.name()).collect();
            return wrong(format!("expected {} of i4 f4 i8 or f8, found {kernel} of {dtype}", kernels.join(" or ")));
        }
        check_roles(kernel, nest)?;
        if idiom.is_parallel() != pool.is_some() {
            return wrong("par-iter and par-chunks take workers, the others one thread".to_owned());
        }
        let Some(matrix) = matrix(nest, dtype) else {
            return wrong("expected two loops over matrices of one shape and order, without tiles".to_owned());
        };
        if !visits(idiom, &matrix) {
            return wrong(format!("it visits {:?}, the loops do not", idiom.path()));
        }
        Ok(Self { idiom, kernel, dtype, nest: nest.clone(), matrix, pool })
    }

    /// The idiom.
    #[must_use]
    pub fn idiom(&self) -> Idiom {
        self.idiom
    }

    /// The workers of a parallel idiom.
    #[must_use]
    pub fn pool(&self) -> Option<&ThreadPool> {
        self.pool.as_deref()
    }

    /// Fills the buffers like those of a kernel.
    pub fn prepare(&self, buffers: &mut [Buffer], seed: u64) {
        prepare(buffers, self.dtype, seed);
    }

    /// Makes `passes` passes; the result is that of one.
    ///
    /// # Errors
    /// Buffers that are missing, too small, or not aligned to an element.
    pub fn run(&self, buffers: &mut [Buffer], passes: u64) -> Result<Checksum, KernelError> {
        check_buffers(&self.nest, buffers)?;
        let total = match self.dtype {
            DType::I4 => self.passes::<i32>(buffers, passes)?,
            DType::I8 => self.passes::<i64>(buffers, passes)?,
            DType::F4 => self.passes::<f32>(buffers, passes)?,
            _ => self.passes::<f64>(buffers, passes)?,
        };
        Ok(total.checksum(self.dtype))
    }

    /// What `run` returned together with what lies in the written buffer.
    #[must_use]
    pub fn checksum(&self, buffers: &[Buffer], ran: Checksum) -> Checksum {
        match (self.kernel, buffers.get(1)) {
            (Kernel::Copy, Some(written)) => Checksum(ran.0 ^ checksum(written, self.dtype).0),
            _ => ran,
        }
    }

    fn passes<T: Number>(&self, buffers: &mut [Buffer], passes: u64) -> Result<Total, KernelError> {
        let misaligned = |index: usize, address: u64| KernelError::BufferAlignment { index, address };
        let addresses: Vec<u64> = buffers.iter().map(Buffer::address).collect();
        let (first, rest) = buffers.split_at_mut(1);
        let a = bytemuck::try_cast_slice::<u8, T>(whole::<T>(first[0].as_bytes()));
        let a = a.map_err(|_| misaligned(0, addresses[0]))?;
        if self.kernel == Kernel::Sum {
            let mut sum = T::default();
            for _ in 0..passes {
                sum = self.sum(std::hint::black_box(a));
            }
            return Ok(sum.total());
        }
        let bytes = rest[0].as_bytes_mut();
        let length = bytes.len() / size_of::<T>() * size_of::<T>();
        let b = bytemuck::try_cast_slice_mut::<u8, T>(&mut bytes[..length]);
        let b = b.map_err(|_| misaligned(1, addresses[1]))?;
        for _ in 0..passes {
            self.copy(std::hint::black_box(a), std::hint::black_box(&mut *b));
        }
        Ok(Total::default())
    }

    fn sum<T: Number>(&self, a: &[T]) -> T {
        #[cfg(feature = "ndarray")]
        if self.idiom.needs_ndarray() {
            return arrays::sum(self.idiom, &self.matrix, a);
        }
        match &self.pool {
            Some(pool) => pool.install(|| slices::sum(self.idiom, &self.matrix, a)),
            None => slices::sum(self.idiom, &self.matrix, a),
        }
    }

    fn copy<T: Number>(&self, a: &[T], b: &mut [T]) {
        #[cfg(feature = "ndarray")]
        if self.idiom.needs_ndarray() {
            return arrays::copy(self.idiom, &self.matrix, a, b);
        }
        slices::copy(self.idiom, &self.matrix, a, b);
    }
}

/// The bytes of whole elements.
fn whole<T>(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len() / size_of::<T>() * size_of::<T>()]
}

/// The matrix of a nest of two plain loops, whose operands all lie alike.
fn matrix(nest: &LoopNest, dtype: DType) -> Option<Matrix> {
    let (&[rows, columns], [outer, _]) = (nest.axes(), nest.loops()) else { return None };
    let operand = nest.operands().first()?;
    let alike =
        nest.operands().iter().enumerate().all(|(k, o)| (o.start, o.buffer, &o.steps) == (0, k, &operand.steps));
    let item = i64::try_from(dtype.itemsize()).ok()?;
    let stride = |axis: usize| {
        let step = operand.steps[axis];
        usize::try_from(step / item).ok().filter(|&stride| step % item == 0 && stride > 0)
    };
    let matrix = Matrix { shape: [rows, columns], strides: [stride(0)?, stride(1)?], outer: outer.axis };
    let written = nest.operands().iter().all(|operand| operand.role != Role::Update);
    let (_, length, pitch) = matrix.lines();
    let dense = matrix.strides[matrix.fast()] == 1 && length <= pitch;
    (alike && written && dense && !nest.is_tiled()).then_some(matrix)
}

/// Whether the idiom visits the elements as the nest does.
fn visits(idiom: Idiom, matrix: &Matrix) -> bool {
    let (_, length, pitch) = matrix.lines();
    // A flat slice has no padding.
    let flat = !matches!(idiom, Idiom::Iter | Idiom::Slice | Idiom::ParIter) || length == pitch;
    let order = match idiom.path() {
        Path::Written => true,
        Path::Memory => matrix.outer != matrix.fast(),
        Path::Against => matrix.outer == matrix.fast(),
        Path::Rows => matrix.outer == 0,
        Path::Columns => matrix.outer == 1,
    };
    flat && order
}

#[cfg(test)]
mod tests;
