//! `.npy` files: the header checked, the elements mapped, so that a large file opens at once.

use super::sys;
use crate::layout::{Layout, LayoutError, NpyError, NpyHeader, Order, PREFIX};
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
    let axes: Vec<usize> = match order {
        Order::C => (0..layout.ndim()).collect(),
        Order::F => (0..layout.ndim()).rev().collect(),
    };
    gather(layout, data, &axes, |element| out.write_all(element))
}

/// The elements of a layout with the axes outermost first.
fn gather(
    layout: &Layout,
    data: &[u8],
    axes: &[usize],
    mut visit: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    if layout.size() == 0 {
        return Ok(());
    }
    let (mut index, mut at) = (vec![0; axes.len()], i128::from(layout.offset()));
    loop {
        let from = usize::try_from(at).unwrap_or(usize::MAX);
        visit(&data[from..from + layout.itemsize()])?;
        let mut depth = axes.len();
        loop {
            let Some(next) = depth.checked_sub(1) else { return Ok(()) };
            depth = next;
            let stride = i128::from(layout.strides()[axes[depth]]);
            index[depth] += 1;
            at += stride;
            if index[depth] < layout.shape()[axes[depth]] {
                break;
            }
            at -= stride * index[depth] as i128;
            index[depth] = 0;
        }
    }
}

/// The buffer of a copy that an operation made: `from` in `data` becomes `to`, dense in a buffer of its own. Elements go
/// index by index where the shape stays, else in the order of `axes` of both, as reshape and ravel count them.
///
/// # Errors
/// [`LayoutError::TooBig`] if it does not fit into memory.
pub fn materialise(from: &Layout, data: &[u8], to: &Layout, order: Order) -> Result<Vec<u8>, LayoutError> {
    let too_big = || LayoutError::TooBig { shape: to.shape().to_vec(), itemsize: to.itemsize() };
    let bytes = usize::try_from(to.buffer_bytes()).map_err(|_| too_big())?;
    let mut out = Vec::new();
    out.try_reserve_exact(bytes).map_err(|_| too_big())?;
    out.resize(bytes, 0);
    let axes = |layout: &Layout| -> Vec<usize> {
        match order {
            Order::C => (0..layout.ndim()).collect(),
            Order::F => (0..layout.ndim()).rev().collect(),
        }
    };
    // Where each element of the copy goes, in the same order as the elements are gathered.
    let mut places = Vec::new();
    let places_layout = to.clone();
    positions(&places_layout, &axes(to), |at| places.push(at));
    let mut next = places.into_iter();
    let item = to.itemsize();
    let copied = gather(from, data, &axes(from), |element| {
        if let Some(at) = next.next() {
            out[at..at + item].copy_from_slice(element);
        }
        Ok(())
    });
    debug_assert!(copied.is_ok(), "nothing is written to a file");
    Ok(out)
}

/// Byte offsets of the elements with the axes outermost first.
fn positions(layout: &Layout, axes: &[usize], mut visit: impl FnMut(usize)) {
    let steps = axes.iter().map(|&axis| (layout.shape()[axis], layout.strides()[axis]));
    let mut offsets = vec![layout.offset()];
    for (n, stride) in steps {
        let below = |&at: &i64| (0..n as i64).map(move |i| at + i * stride);
        offsets = offsets.iter().flat_map(below).collect();
    }
    offsets.into_iter().filter_map(|at| usize::try_from(at).ok()).for_each(&mut visit);
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
        let copy = materialise(&array, file.data(), &fortran, Order::C).unwrap();
        let second = folder.path().join("b.npy");
        write_npy(&mut File::create(&second).unwrap(), &header, &fortran, &copy).unwrap();
        let file = NpyFile::open(&second).unwrap();
        assert_eq!((file.header().order, file.header().shape.clone()), (Order::F, vec![3, 4]));
        let first: Vec<u32> = file.data().as_chunks::<4>().0.iter().map(|b| u32::from_ne_bytes(*b)).collect();
        assert_eq!(first, [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]);
        assert!(NpyFile::open(folder.path()).is_err());
        assert!(NpyFile::open(&folder.path().join("c.npy")).is_err());
    }
}
