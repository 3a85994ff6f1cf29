//! Changes in words: what to do, and the line that does it in NumPy, Rust's ndarray and C.

use super::choices::{Change, Choice};
use super::model::Limit;
use crate::layout::{DType, Order};
use crate::nest::LoopOrder;
use crate::simulate::Geometry;
use crate::suite::Case;

/// The line that makes a change, in three languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lines {
    /// Python with NumPy.
    pub numpy: String,
    /// Rust with ndarray.
    pub ndarray: String,
    /// C.
    pub c: String,
}

impl Change {
    /// What to do, in a few words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Nothing => "change nothing".to_owned(),
            Self::Loops(loops) => format!("loop order {loops}"),
            Self::Tile(edge) => format!("tiles of {edge}"),
            Self::Pad(bytes) => format!("pad {bytes} B"),
            Self::Huge => "huge pages".to_owned(),
            Self::PadAndHuge(bytes) => format!("pad {bytes} B + huge pages"),
            Self::Copy(order) => format!("copy to {order} order first"),
            Self::Materialise => "write windows out first".to_owned(),
            Self::Split => "split the field off first".to_owned(),
        }
    }
}

impl Limit {
    /// The name of what limits.
    #[must_use]
    pub fn words(&self, geometry: &Geometry) -> String {
        match self {
            Self::Core => "arithmetic".to_owned(),
            Self::Lines(level) => {
                geometry.levels.get(level + 1).map_or_else(|| "memory".to_owned(), |level| level.name.clone())
            }
            Self::Translations(tlb) => {
                geometry.tlbs.get(tlb + 1).map_or_else(|| "page walks".to_owned(), |tlb| tlb.name.clone())
            }
        }
    }
}

/// Names of indices: `i j k l`, then numbered.
fn index(axis: usize) -> String {
    ["i", "j", "k", "l"].get(axis).map_or_else(|| format!("i{axis}"), |name| (*name).to_owned())
}

fn c_type(dtype: DType) -> &'static str {
    match dtype.name() {
        "u1" => "uint8_t",
        "i2" => "int16_t",
        "i4" => "int32_t",
        "i8" => "int64_t",
        "f4" => "float",
        "c16" => "double complex",
        _ => "double",
    }
}

fn rust_type(dtype: DType) -> &'static str {
    match dtype.name() {
        "u1" => "u8",
        "i2" => "i16",
        "i4" => "i32",
        "i8" => "i64",
        "f4" => "f32",
        "c16" => "Complex64",
        _ => "f64",
    }
}

/// Lengths of the axes with the padding in the fastest one.
fn padded(case: &Case, pad: u64) -> Vec<usize> {
    let more = usize::try_from(pad).unwrap_or(0).div_ceil(case.dtype.itemsize());
    let fast = if case.order == Order::C { case.shape.len() - 1 } else { 0 };
    case.shape.iter().enumerate().map(|(axis, &n)| if axis == fast { n + more } else { n }).collect()
}

fn joined<T: ToString>(parts: &[T], separator: &str) -> String {
    parts.iter().map(ToString::to_string).collect::<Vec<_>>().join(separator)
}

/// `:` for the innermost axis, the index's name for the others.
fn sliced(loops: &LoopOrder) -> (String, String) {
    let axes = loops.axes();
    let inner = axes.last().copied().unwrap_or(0);
    let subscript: Vec<String> =
        (0..axes.len()).map(|axis| if axis == inner { ":".to_owned() } else { index(axis) }).collect();
    let outer: Vec<String> = axes.iter().filter(|&&axis| axis != inner).map(|&axis| index(axis)).collect();
    (subscript.join(", "), outer.join(", "))
}

/// The innermost loop as one operation on a lane, the others written out.
fn loops(case: &Case, order: &LoopOrder) -> Lines {
    let (subscript, outer) = sliced(order);
    let inner = order.axes().last().copied().unwrap_or(0);
    let ranges: Vec<String> = order.axes()[..order.axes().len().saturating_sub(1)]
        .iter()
        .map(|&axis| format!("range(a.shape[{axis}])"))
        .collect();
    let numpy = match ranges.as_slice() {
        [] => format!("work(a[{subscript}])"),
        [range] => format!("for {outer} in {range}: work(a[{subscript}])"),
        several => format!("for {outer} in itertools.product({}): work(a[{subscript}])", several.join(", ")),
    };
    let c = order.axes().iter().map(|&axis| {
        let (name, length) = (index(axis), case.shape.get(axis).copied().unwrap_or(0));
        format!("for (size_t {name} = 0; {name} < {length}; {name}++) ")
    });
    let element: String = (0..order.axes().len()).map(|axis| format!("[{}]", index(axis))).collect();
    Lines {
        numpy,
        ndarray: format!("for lane in a.lanes(Axis({inner})) {{ work(lane) }}"),
        c: format!("{}work(a{element});", c.collect::<String>()),
    }
}

fn tile(edge: usize) -> Lines {
    let c = format!(
        "for (size_t I = 0; I < n; I += {edge}) for (size_t J = 0; J < m; J += {edge}) /* the loops as they are over \
         min({edge}, n-I) by min({edge}, m-J) */"
    );
    Lines {
        numpy: format!("for I in range(0, n, {edge}): for J in range(0, m, {edge}): work(a[I:I+{edge}, J:J+{edge}])"),
        ndarray: format!("for tile in a.exact_chunks(({edge}, {edge})) {{ work(tile) }}  // and the edges"),
        c,
    }
}

fn pad(case: &Case, bytes: u64) -> Lines {
    let lengths = padded(case, bytes);
    let slices: Vec<String> = case.shape.iter().map(|n| format!(":{n}")).collect();
    let f = case.order == Order::F;
    let (order, column) = if f { (", order='F'", ".f()") } else { ("", "") };
    let dims: String = (if f { lengths.iter().rev().copied().collect() } else { lengths.clone() })
        .iter()
        .map(|n: &usize| format!("[{n}]"))
        .collect();
    Lines {
        numpy: format!(
            "a = np.empty(({}), '{}'{order})[{}]",
            joined(&lengths, ", "),
            case.dtype.name(),
            slices.join(", ")
        ),
        ndarray: format!(
            "let mut buffer = Array::<{}, _>::zeros(({}){column}); let a = buffer.slice_mut(s![{}]);",
            rust_type(case.dtype),
            joined(&lengths, ", "),
            case.shape.iter().map(|n| format!("..{n}")).collect::<Vec<_>>().join(", ")
        ),
        c: format!("static {} a{dims};", c_type(case.dtype)),
    }
}

fn huge() -> Lines {
    Lines {
        numpy: "NUMPY_MADVISE_HUGEPAGE=1 python …  (NumPy's default where the kernel allows madvise)".to_owned(),
        ndarray: "GLIBC_TUNABLES=glibc.malloc.hugetlb=1 ./program".to_owned(),
        c: "a = aligned_alloc(1 << 21, bytes); madvise(a, bytes, MADV_HUGEPAGE);".to_owned(),
    }
}

fn both(one: Lines, other: Lines) -> Lines {
    let join = |a: String, b: String| format!("{a}  and  {b}");
    Lines { numpy: join(one.numpy, other.numpy), ndarray: join(one.ndarray, other.ndarray), c: join(one.c, other.c) }
}

fn copy(order: Order) -> Lines {
    let (numpy, ndarray) = match order {
        Order::F => ("b = np.asfortranarray(a)", "let mut b = Array::zeros(a.raw_dim().f()); b.assign(&a);"),
        Order::C => ("b = np.ascontiguousarray(a)", "let b = a.as_standard_layout();"),
    };
    let c = "for tiles of 32 x 32: b[j*n + i] = a[i*m + j];".to_owned();
    Lines { numpy: numpy.to_owned(), ndarray: ndarray.to_owned(), c }
}

impl Choice {
    /// The line that makes the change.
    #[must_use]
    pub fn lines(&self) -> Option<Lines> {
        let dense = |numpy: &str, ndarray: &str, c: &str| Lines {
            numpy: numpy.to_owned(),
            ndarray: ndarray.to_owned(),
            c: c.to_owned(),
        };
        Some(match &self.change {
            Change::Nothing => return None,
            Change::Loops(order) => loops(&self.case, order),
            Change::Tile(edge) => tile(*edge),
            Change::Pad(bytes) => pad(&self.case, *bytes),
            Change::Huge => huge(),
            Change::PadAndHuge(bytes) => both(pad(&self.case, *bytes), huge()),
            Change::Copy(order) => copy(*order),
            Change::Materialise => dense(
                "w = np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(a, window))",
                "let w: Vec<_> = a.windows(window).into_iter().map(|w| w.to_owned()).collect();",
                "memcpy(w + i*k, a + i, k * sizeof *a);  /* for every window i of k elements */",
            ),
            Change::Split => dense(
                "field = np.ascontiguousarray(a[..., 0])",
                "let field = a.index_axis(Axis(a.ndim() - 1), 0).to_owned();",
                "for (size_t i = 0; i < n; i++) field[i] = a[i].field;",
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn case(id: &str) -> Case {
        id.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn lines_name_the_lengths_of_the_array() {
        let columns = case("order/sum/f8/4096x4000/C/1,0");
        let lines = loops(&columns, &"0,1".parse().unwrap());
        assert_eq!(lines.numpy, "for i in range(a.shape[0]): work(a[i, :])");
        assert_eq!(lines.ndarray, "for lane in a.lanes(Axis(1)) { work(lane) }");
        assert!(
            lines.c.starts_with("for (size_t i = 0; i < 4096; i++) for (size_t j = 0; j < 4000; j++) work(a[i][j])")
        );
        let padding = pad(&columns, 64);
        assert_eq!(padding.numpy, "a = np.empty((4096, 4008), 'f8')[:4096, :4000]");
        assert_eq!(padding.c, "static double a[4096][4008];");
        assert_eq!(pad(&case("order/sum/f4/100x200/F/0,1"), 64).c, "static float a[200][116];");
    }
}
