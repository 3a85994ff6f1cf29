//! The header of a `.npy` file (NumPy's format versions 1.0 to 3.0): parsed strictly, from bytes, without trusting a length.

use super::{DType, Layout, LayoutError, MOST_AXES, Order};

/// Bytes of a header at most; NumPy itself refuses more than 10,000 unless told otherwise.
pub const LONGEST_HEADER: usize = 65_536;
/// The beginning of a file that [`NpyHeader::parse`] needs.
pub const PREFIX: usize = 12 + LONGEST_HEADER;
const MAGIC: &[u8] = b"\x93NUMPY";

/// What a header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NpyHeader {
    /// Format version: 1.0, 2.0 or 3.0.
    pub version: [u8; 2],
    /// The dtype as written, such as `<f8`.
    pub descr: String,
    /// Its element type.
    pub dtype: DType,
    /// Whether elements have their most significant byte first.
    pub big_endian: bool,
    /// Which axis is fastest.
    pub order: Order,
    /// Length per axis.
    pub shape: Vec<usize>,
    /// Bytes before the first element.
    pub data_offset: u64,
    /// Bytes of the elements.
    pub data_bytes: u64,
}

/// Why a file is no `.npy` file that can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct NpyError {
    kind: &'static str,
    what: String,
}

impl NpyError {
    /// One word per kind: `bad_magic`, `bad_version`, `truncated_header`, `bad_header`, `bad_keys`, `bad_shape`,
    /// `bad_fortran`, `bad_descr`, `unsupported_dtype`, `shape_overflow`, `data_short`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.kind
    }
}

type Result<T> = std::result::Result<T, NpyError>;

fn refuse<T>(kind: &'static str, what: impl Into<String>) -> Result<T> {
    Err(NpyError { kind, what: what.into() })
}

impl NpyHeader {
    /// Reads the header from the beginning of a file (its first [`PREFIX`] bytes, or all if it is shorter) of
    /// `file_bytes` bytes. Nothing is allocated in proportion to what the header claims.
    ///
    /// # Errors
    /// What is wrong, in one line.
    pub fn parse(prefix: &[u8], file_bytes: u64) -> Result<Self> {
        let Some(rest) = prefix.strip_prefix(MAGIC) else {
            return refuse("bad_magic", "not a .npy file: it does not begin with \\x93NUMPY");
        };
        let Some((&[major, minor], rest)) = rest.split_first_chunk::<2>() else {
            return refuse("truncated_header", "ends within the version number");
        };
        let (length, text_at) = match (major, minor) {
            (1, 0) => (rest.first_chunk().map(|bytes| u32::from(u16::from_le_bytes(*bytes))), 10),
            (2 | 3, 0) => (rest.first_chunk().map(|bytes| u32::from_le_bytes(*bytes)), 12),
            _ => return refuse("bad_version", format!("format version {major}.{minor}: expected 1.0, 2.0 or 3.0")),
        };
        let Some(length) = length else { return refuse("truncated_header", "ends within the header's length") };
        if length as usize > LONGEST_HEADER {
            return refuse("bad_header", format!("a header of {length} bytes: at most {LONGEST_HEADER} are read"));
        }
        let end = text_at + length as usize;
        let Some(text) = prefix.get(text_at..end) else {
            return refuse("truncated_header", format!("ends within the header, which claims {length} bytes"));
        };
        let Ok(text) = std::str::from_utf8(text) else { return refuse("bad_header", "the header is not text") };
        let Fields { descr, fortran, shape } = Fields::parse(text)?;
        let (dtype, big_endian) = dtype(&descr)?;
        let bytes = shape.iter().try_fold(dtype.itemsize() as u64, |bytes, &n| bytes.checked_mul(n.max(1) as u64));
        let Some(bytes) = bytes.filter(|&bytes| i64::try_from(bytes).is_ok()) else {
            return refuse("shape_overflow", format!("shape {shape:?} of {descr}: more than 2^63-1 bytes"));
        };
        let data_bytes = if shape.contains(&0) { 0 } else { bytes };
        let there = file_bytes.saturating_sub(end as u64);
        if there < data_bytes {
            return refuse(
                "data_short",
                format!("shape {shape:?} of {descr} needs {data_bytes} bytes, the file has {there}"),
            );
        }
        let order = if fortran { Order::F } else { Order::C };
        Ok(Self {
            version: [major, minor],
            descr,
            dtype,
            big_endian,
            order,
            shape,
            data_offset: end as u64,
            data_bytes,
        })
    }

    /// The layout of the elements; offset 0 is the first element, `data_offset` bytes into the file.
    ///
    /// # Errors
    /// None for a header that was parsed.
    pub fn layout(&self) -> std::result::Result<Layout, LayoutError> {
        Layout::contiguous(&self.shape, self.dtype.itemsize(), self.order)
    }

    /// The first bytes of a version 1.0 file with such elements in this machine's byte order; the data follow, on a
    /// multiple of 64 bytes.
    #[must_use]
    pub fn encode(dtype: DType, order: Order, shape: &[usize]) -> Vec<u8> {
        let mark = match (dtype, cfg!(target_endian = "big")) {
            (DType::U1, _) => '|',
            (_, true) => '>',
            (_, false) => '<',
        };
        let fortran = if order == Order::F { "True" } else { "False" };
        let mut lengths: String = shape.iter().map(|n| format!("{n}, ")).collect();
        if shape.len() != 1 {
            lengths.truncate(lengths.len().saturating_sub(2));
        } else {
            lengths.truncate(lengths.len() - 1);
        }
        let name = dtype.name();
        let mut text = format!("{{'descr': '{mark}{name}', 'fortran_order': {fortran}, 'shape': ({lengths}), }}");
        let padding = (64 - (10 + text.len() + 1) % 64) % 64;
        text.extend(std::iter::repeat_n(' ', padding));
        text.push('\n');
        let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
        [MAGIC, &[1, 0], &length.to_le_bytes(), text.as_bytes()].concat()
    }
}

/// `<f8`: byte order, kind, bytes.
fn dtype(descr: &str) -> Result<(DType, bool)> {
    let (mark, name) = match descr.as_bytes().first() {
        Some(b'<' | b'>' | b'|' | b'=') => descr.split_at(1),
        _ => ("", descr),
    };
    let mut found = DType::ALL.into_iter().filter(|dtype| dtype.name() == name);
    let Some(dtype) = found.next() else {
        let known = name.len() >= 2
            && name.as_bytes()[0].is_ascii_alphabetic()
            && name[1..].bytes().all(|b| b.is_ascii_digit());
        let kind = if known { "unsupported_dtype" } else { "bad_descr" };
        return refuse(
            kind,
            format!("dtype {descr:?}: expected one of {} with a byte order such as <f8", DType::NAMES),
        );
    };
    match (mark, dtype) {
        ("|" | "", DType::U1) => Ok((dtype, false)),
        ("<", _) => Ok((dtype, false)),
        (">", _) => Ok((dtype, dtype != DType::U1)),
        ("=", _) => Ok((dtype, cfg!(target_endian = "big"))),
        _ => refuse("bad_descr", format!("dtype {descr:?}: has no byte order; expected < or >")),
    }
}

/// The three entries of the dictionary.
struct Fields {
    descr: String,
    fortran: bool,
    shape: Vec<usize>,
}

impl Fields {
    /// A Python dictionary literal with exactly these keys; the expressions Python would also evaluate are refused.
    fn parse(text: &str) -> Result<Self> {
        let mut reader = Reader { rest: text.trim_start() };
        let (mut descr, mut fortran, mut shape) = (None, None, None);
        reader.expect('{')?;
        while !reader.eat('}') {
            let key = reader.string("bad_keys")?;
            reader.expect(':')?;
            let again = match key.as_str() {
                "descr" => descr.replace(reader.string("bad_descr")?).is_some(),
                "fortran_order" => fortran.replace(reader.truth()?).is_some(),
                "shape" => shape.replace(reader.tuple()?).is_some(),
                _ => return refuse("bad_keys", format!("key {key:?}: expected descr, fortran_order and shape")),
            };
            if again {
                return refuse("bad_keys", format!("key {key:?} stands twice"));
            }
            if !reader.eat(',') {
                reader.expect('}')?;
                break;
            }
        }
        if !reader.rest.trim().is_empty() {
            return refuse("bad_header", "something stands after the header's dictionary");
        }
        let missing = |key: &str| NpyError { kind: "bad_keys", what: format!("key {key:?} is missing") };
        Ok(Self {
            descr: descr.ok_or_else(|| missing("descr"))?,
            fortran: fortran.ok_or_else(|| missing("fortran_order"))?,
            shape: shape.ok_or_else(|| missing("shape"))?,
        })
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn eat(&mut self, c: char) -> bool {
        let found = self.rest.strip_prefix(c);
        if let Some(rest) = found {
            self.rest = rest.trim_start();
        }
        found.is_some()
    }

    fn expect(&mut self, c: char) -> Result<()> {
        if self.eat(c) {
            return Ok(());
        }
        let found: String = self.rest.chars().take(12).collect();
        refuse("bad_header", format!("the header has {found:?} where {c:?} belongs"))
    }

    fn string(&mut self, kind: &'static str) -> Result<String> {
        let quote = self.rest.chars().next().filter(|c| matches!(c, '\'' | '"'));
        let closed = quote.and_then(|quote| self.rest[1..].find(quote));
        let Some(length) = closed else { return refuse(kind, "the header has no quoted text where one belongs") };
        let text = &self.rest[1..=length];
        if text.contains(['\\', '\n']) {
            return refuse(kind, format!("text {text:?}: expected no escapes"));
        }
        let text = text.to_owned();
        self.rest = self.rest[length + 2..].trim_start();
        Ok(text)
    }

    fn truth(&mut self) -> Result<bool> {
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) =
                self.rest.strip_prefix(word).filter(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
            {
                self.rest = rest.trim_start();
                return Ok(value);
            }
        }
        refuse("bad_fortran", "fortran_order: expected True or False")
    }

    /// `()`, `(3,)`, `(3, 4)`.
    fn tuple(&mut self) -> Result<Vec<usize>> {
        let wrong = |what: String| NpyError { kind: "bad_shape", what };
        if !self.eat('(') {
            return Err(wrong("shape: expected a tuple such as (3, 4)".to_owned()));
        }
        let (mut shape, mut comma) = (Vec::new(), false);
        while !self.eat(')') {
            if !shape.is_empty() && !comma {
                return Err(wrong("shape: expected a comma between lengths".to_owned()));
            }
            let digits = self.rest.len() - self.rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, rest) = self.rest.split_at(digits);
            let padded = number.len() > 1 && number.starts_with('0');
            let length = number.parse::<u64>().ok().filter(|_| !padded).and_then(|n| usize::try_from(n).ok());
            let shown: String = self.rest.chars().take(24).collect();
            let Some(length) = length else {
                // A number all the same, if it is only too long.
                let kind = if digits > 18 && !padded { "shape_overflow" } else { "bad_shape" };
                return refuse(kind, format!("shape: {shown:?} is no length"));
            };
            shape.push(length);
            if shape.len() > MOST_AXES {
                return Err(wrong(format!("shape: more than {MOST_AXES} axes")));
            }
            self.rest = rest.trim_start();
            comma = self.eat(',');
        }
        if shape.len() == 1 && !comma {
            return Err(wrong("shape: (n) is a number; a tuple of one length is (n,)".to_owned()));
        }
        Ok(shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for dtype in DType::ALL {
            for (order, shape) in
                [(Order::C, vec![]), (Order::F, vec![3]), (Order::C, vec![3, 4]), (Order::F, vec![0, 2, 5])]
            {
                let file = NpyHeader::encode(dtype, order, &shape);
                assert_eq!(file.len() % 64, 0);
                let bytes = shape.iter().product::<usize>() as u64 * dtype.itemsize() as u64;
                let header = NpyHeader::parse(&file, file.len() as u64 + bytes).unwrap();
                assert_eq!((header.dtype, header.order, &header.shape), (dtype, order, &shape));
                assert_eq!((header.data_offset, header.data_bytes), (file.len() as u64, bytes));
                if bytes > 0 {
                    let short = NpyHeader::parse(&file, file.len() as u64 + bytes - 1).unwrap_err();
                    assert_eq!(short.kind(), "data_short");
                }
            }
        }
    }

    #[test]
    fn no_prefix_and_no_changed_byte_panics() {
        let file = NpyHeader::encode(DType::F8, Order::C, &[7, 9]);
        for end in 0..file.len() {
            assert!(NpyHeader::parse(&file[..end], 10_000).is_err(), "{end}");
        }
        for at in 0..file.len() {
            for byte in [0, b'(', b'\'', b',', b'9', 0xff] {
                let mut changed = file.clone();
                changed[at] = byte;
                let _ = NpyHeader::parse(&changed, 10_000);
            }
        }
    }
}
