//! `.npy` files: the header checked, the elements read. They are not mapped: whoever shortens a file that is mapped ends
//! the process with a bus error, which no program can answer for itself.

use super::available;
use crate::layout::{Layout, LayoutError, NpyError, NpyHeader, Order, OrderArg, PREFIX};
use crate::units::bytes_long;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

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
    /// It is not what it was when it was opened.
    #[error("{}: was changed while it was read", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// Its elements do not fit into memory.
    #[error("{}: {} of elements are beyond the {} of memory that may be used", path.display(), bytes_long(*bytes), bytes_long(*room))]
    Memory {
        /// The file.
        path: PathBuf,
        /// What its elements take.
        bytes: u64,
        /// What may be used.
        room: u64,
    },
}

/// A `.npy` file that was opened.
#[derive(Debug)]
pub struct NpyFile {
    header: NpyHeader,
    path: PathBuf,
    file: File,
    opened: Version,
}

/// Length and time of the last change, which a file that is written to does not keep.
#[derive(Debug, PartialEq, Eq)]
struct Version(u64, Option<SystemTime>);

impl Version {
    fn of(file: &File) -> io::Result<Self> {
        file.metadata().map(|known| Self(known.len(), known.modified().ok()))
    }
}

/// Bytes that are read at once.
const PIECE: usize = 1 << 20;

impl NpyFile {
    /// Checks the header; reads nothing else.
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
        let opened = Version::of(&file).map_err(io)?;
        let header = NpyHeader::parse(&prefix, opened.0)
            .map_err(|source| NpyFileError::Invalid { path: path.to_owned(), source })?;
        Ok(Self { header, path: path.to_owned(), file, opened })
    }

    /// What its header says.
    #[must_use]
    pub fn header(&self) -> &NpyHeader {
        &self.header
    }

    /// Reads the elements, in pieces of a mebibyte or one `unit`: every piece but the last is whole units.
    ///
    /// # Errors
    /// If the file cannot be read, or is not the one that was opened any more: then what was given may be of both.
    pub fn each(&self, unit: usize, mut take: impl FnMut(&[u8])) -> Result<(), NpyFileError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::UnexpectedEof => NpyFileError::Changed { path: self.path.clone() },
            _ => NpyFileError::Io { path: self.path.clone(), source },
        };
        let mut file = &self.file;
        file.seek(SeekFrom::Start(self.header.data_offset)).map_err(failed)?;
        let mut piece = vec![0; (PIECE / unit.max(1)).max(1) * unit.max(1)];
        let mut left = self.header.data_bytes;
        while left > 0 {
            let now = usize::try_from(left).unwrap_or(usize::MAX).min(piece.len());
            file.read_exact(&mut piece[..now]).map_err(failed)?;
            take(&piece[..now]);
            left -= now as u64;
        }
        let same = Version::of(&self.file).map_err(failed)? == self.opened;
        if same { Ok(()) } else { Err(NpyFileError::Changed { path: self.path.clone() }) }
    }

    /// The bytes of all elements.
    ///
    /// # Errors
    /// As [`NpyFile::each`], and where they do not fit into memory.
    pub fn read(&self) -> Result<Vec<u8>, NpyFileError> {
        let bytes = self.header.data_bytes;
        let room = available().map_or(u64::MAX, |limit| limit.bytes);
        let beyond = || NpyFileError::Memory { path: self.path.clone(), bytes, room };
        let fits = usize::try_from(bytes).ok().filter(|_| bytes <= room).ok_or_else(beyond)?;
        let mut data = Vec::new();
        data.try_reserve_exact(fits).map_err(|_| beyond())?;
        self.each(1, |piece| data.extend_from_slice(piece))?;
        Ok(data)
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
    fn a_file_is_read_and_its_transposed_copy_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        let array = Layout::contiguous(&[3, 4], 4, Order::C).unwrap();
        let data: Vec<u8> = (0_u32..12).flat_map(u32::to_ne_bytes).collect();
        let header = NpyHeader::parse(&NpyHeader::encode(DType::I4, Order::C, &[3, 4]), 1 << 20).unwrap();
        write_npy(&mut File::create(&path).unwrap(), &header, &array, &data).unwrap();
        let file = NpyFile::open(&path).unwrap();
        assert_eq!(file.read().unwrap(), data);

        let fortran = array.apply(&"asfortranarray".parse::<Ops>().unwrap().0[0]).unwrap().layout;
        let copy = materialise(&array, &file.read().unwrap(), &fortran, OrderArg::C).unwrap();
        let second = folder.path().join("b.npy");
        write_npy(&mut File::create(&second).unwrap(), &header, &fortran, &copy).unwrap();
        let file = NpyFile::open(&second).unwrap();
        assert_eq!((file.header().order, file.header().shape.clone()), (Order::F, vec![3, 4]));
        let first: Vec<u32> = file.read().unwrap().as_chunks::<4>().0.iter().map(|b| u32::from_ne_bytes(*b)).collect();
        assert_eq!(first, [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]);
        assert!(NpyFile::open(folder.path()).is_err());
        assert!(NpyFile::open(&folder.path().join("c.npy")).is_err());
    }

    #[test]
    fn a_file_that_is_shortened_or_changed_while_it_is_open_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npy");
        let array = Layout::contiguous(&[1 << 20], 8, Order::C).unwrap();
        let start = NpyHeader::encode(DType::F8, Order::C, &[1 << 20]);
        let header = NpyHeader::parse(&start, 1 << 30).unwrap();
        write_npy(&mut File::create(&path).unwrap(), &header, &array, &vec![7; 8 << 20]).unwrap();
        let file = NpyFile::open(&path).unwrap();
        let mut pieces = 0;
        file.each(24, |piece| {
            assert!(piece.iter().all(|&byte| byte == 7));
            assert!(pieces == 8 || piece.len() % 24 == 0, "{}", piece.len());
            pieces += 1;
        })
        .unwrap();
        assert_eq!(pieces, 9);
        // Shortened between two pieces, as another program would.
        let other = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        let found = file.each(8, |_| other.set_len(1 << 20).unwrap());
        assert!(matches!(found, Err(NpyFileError::Changed { .. })), "{found:?}");
        // As long as before, and another file.
        other.set_len(header.data_offset + header.data_bytes).unwrap();
        let later = SystemTime::now() + std::time::Duration::from_secs(5);
        other.set_modified(later).unwrap();
        assert!(matches!(file.read(), Err(NpyFileError::Changed { .. })));
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
