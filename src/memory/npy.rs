//! `.npy` files: the header checked, the elements mapped, so that a large file opens at once.

use super::sys;
use crate::layout::{Layout, LayoutError, NpyError, NpyHeader, Order, OrderArg, PREFIX};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Why a `.npy` file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NpyFileError {
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is not what it should be.
    #[error("{}: {source}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: NpyError,
    },
    /// It is no file with bytes.
    #[error("{}: not a regular file", path.display())]
    NoFile {
        /// The file.
        path: PathBuf,
    },
}

/// A `.npy` file that was opened.
#[derive(Debug)]
pub struct NpyFile {
    header: NpyHeader,
    map: Option<memmap2::Mmap>,
}

impl NpyFile {
    /// Checks the header and maps the file; reads nothing else.
    ///
    /// # Errors
    /// A file that cannot be read, or is no `.npy` file of a supported dtype with all its data.
    pub fn open(path: &Path) -> Result<Self, NpyFileError> {
        let io = |source| NpyFileError::Io { path: path.to_owned(), source };
        let known = std::fs::metadata(path).map_err(io)?;
        if !known.is_file() {
            return Err(NpyFileError::NoFile { path: path.to_owned() });
        }
        let file = File::open(path).map_err(io)?;
        let mut prefix = Vec::new();
        (&file).take(PREFIX as u64).read_to_end(&mut prefix).map_err(io)?;
        let header = NpyHeader::parse(&prefix, known.len())
            .map_err(|source| NpyFileError::Invalid { path: path.to_owned(), source })?;
        let map = if header.data_bytes > 0 { Some(sys::map_file(&file).map_err(io)?) } else { None };
        Ok(Self { header, map })
    }

    /// What its header says.
    #[must_use]
    pub fn header(&self) -> &NpyHeader {
        &self.header
    }

    /// The bytes of its elements.
    #[must_use]
    pub fn data(&self) -> &[u8] {
        let from = usize::try_from(self.header.data_offset).unwrap_or(usize::MAX);
        let length = usize::try_from(self.header.data_bytes).unwrap_or(usize::MAX);
        self.map.as_deref().and_then(|map| map.get(from..from.checked_add(length)?)).unwrap_or(&[])
    }
}

/// Writes the elements of `layout`, which lie in `data`, as a `.npy` file: in F order if the layout is F- and not
/// C-contiguous, else in C order. Elements keep their bytes, so `big_endian` data stay so.
///
/// # Errors
/// If the file cannot be written.
///
/// # Panics
/// If `data` is shorter than the layout's buffer.
pub fn write_npy(out: &mut impl Write, header: &NpyHeader, layout: &Layout, data: &[u8]) -> io::Result<()> {
    let order = if layout.is_f_contiguous() && !layout.is_c_contiguous() { Order::F } else { Order::C };
    let mut start = NpyHeader::encode(header.dtype, order, layout.shape());
    if header.big_endian
        && let Some(mark) = start.iter_mut().find(|byte| **byte == b'<')
    {
        *mark = b'>';
    }
    out.write_all(&start)?;
    for at in offsets(layout, &layout.axes_in(order.into())) {
        out.write_all(&data[at..at + layout.itemsize()])?;
    }
    Ok(())
}

/// Byte offset of every element, with the axes outermost first.
fn offsets<'a>(layout: &'a Layout, axes: &'a [usize]) -> impl Iterator<Item = usize> + 'a {
    let mut index = vec![0; axes.len()];
    let mut next = (layout.size() > 0).then_some(i128::from(layout.offset()));
    std::iter::from_fn(move || {
        let here = next?;
        next = advance(layout, axes, &mut index, here);
        usize::try_from(here).ok()
    })
}

/// The offset after `at`: the last axis that has a further index takes it, those behind it start again.
fn advance(layout: &Layout, axes: &[usize], index: &mut [usize], mut at: i128) -> Option<i128> {
    for (depth, &axis) in axes.iter().enumerate().rev() {
        let stride = i128::from(layout.strides()[axis]);
        if index[depth] + 1 < layout.shape()[axis] {
            index[depth] += 1;
            return Some(at + stride);
        }
        at -= stride * index[depth] as i128;
        index[depth] = 0;
    }
    None
}

/// The buffer of a copy that an operation made: `from` in `data` becomes `to`, dense in a buffer of its own. Elements go
/// index by index where the shape stays, else in the order in which the operation counts them.
///
/// # Errors
/// [`LayoutError::TooBig`] if it does not fit into memory.
///
/// # Panics
/// If `data` is shorter than the buffer of `from`.
pub fn materialise(from: &Layout, data: &[u8], to: &Layout, counted: OrderArg) -> Result<Vec<u8>, LayoutError> {
    let too_big = || LayoutError::TooBig { shape: to.shape().to_vec(), itemsize: to.itemsize() };
    let bytes = usize::try_from(to.buffer_bytes()).map_err(|_| too_big())?;
    let mut out = Vec::new();
    out.try_reserve_exact(bytes).map_err(|_| too_big())?;
    out.resize(bytes, 0);
    let (source, target) = if from.shape() == to.shape() {
        (from.axes_in(OrderArg::C), to.axes_in(OrderArg::C))
    } else {
        // Only ravel counts as the elements lie; what it makes has one axis.
        let target = if counted == OrderArg::K { OrderArg::C } else { from.resolved(counted) };
        (from.axes_in(counted), to.axes_in(target))
    };
    let item = to.itemsize();
    for (read, write) in offsets(from, &source).zip(offsets(to, &target)) {
        out[write..write + item].copy_from_slice(&data[read..read + item]);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::{DType, Ops};

    #[test]
    fn a_file_is_mapped_and_its_transposed_copy_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        let array = Layout::contiguous(&[3, 4], 4, Order::C).unwrap();
        let data: Vec<u8> = (0_u32..12).flat_map(u32::to_ne_bytes).collect();
        let header = NpyHeader::parse(&NpyHeader::encode(DType::I4, Order::C, &[3, 4]), 1 << 20).unwrap();
        write_npy(&mut File::create(&path).unwrap(), &header, &array, &data).unwrap();
        let file = NpyFile::open(&path).unwrap();
        assert_eq!(file.data(), data);

        let fortran = array.apply(&"asfortranarray".parse::<Ops>().unwrap().0[0]).unwrap().layout;
        let copy = materialise(&array, file.data(), &fortran, OrderArg::C).unwrap();
        let second = folder.path().join("b.npy");
        write_npy(&mut File::create(&second).unwrap(), &header, &fortran, &copy).unwrap();
        let file = NpyFile::open(&second).unwrap();
        assert_eq!((file.header().order, file.header().shape.clone()), (Order::F, vec![3, 4]));
        let first: Vec<u32> = file.data().as_chunks::<4>().0.iter().map(|b| u32::from_ne_bytes(*b)).collect();
        assert_eq!(first, [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]);
        assert!(NpyFile::open(folder.path()).is_err());
        assert!(NpyFile::open(&folder.path().join("c.npy")).is_err());
    }

    /// What NumPy 2 gives for `a = arange(24).reshape(2, 3, 4)` and these copies.
    #[test]
    fn copies_hold_what_numpys_hold() {
        let array = Layout::contiguous(&[2, 3, 4], 1, Order::C).unwrap();
        let data: Vec<u8> = (0..24).collect();
        let copy = |text: &str, counted: OrderArg| {
            let ops = text.parse::<Ops>().unwrap().0;
            let (last, views) = ops.split_last().unwrap();
            let view = views.iter().fold(array.clone(), |layout, op| layout.apply(op).unwrap().layout);
            let applied = view.apply(last).unwrap();
            assert!(applied.copied.is_some(), "{text} copies");
            materialise(&view, &data, &applied.layout, counted).unwrap()
        };
        assert_eq!(copy("[:, 1, ::2].T.ravel(order=C)", OrderArg::C), [4, 16, 6, 18]);
        assert_eq!(copy("[:, 1, ::2].T.ravel(order=F)", OrderArg::F), [4, 6, 16, 18]);
        assert_eq!(copy("[:, 1, ::2].T.ravel(order=K)", OrderArg::K), [4, 6, 16, 18]);
        assert_eq!(copy("[:, ::-1, 0].ravel(order=K)", OrderArg::K), [8, 4, 0, 20, 16, 12]);
        assert_eq!(copy("[:, 0, :2].T.reshape(4, order='F')", OrderArg::F), [0, 1, 12, 13]);
        assert_eq!(copy("[:, 0, :2].T.reshape(4)", OrderArg::C), [0, 12, 1, 13]);
        assert_eq!(copy("[0].T.copy(order=F)", OrderArg::F), (0..12).collect::<Vec<u8>>());
    }
}
