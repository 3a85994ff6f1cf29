//! The element types that are measured, by NumPy's names.

use std::fmt;
use std::str::FromStr;

/// An element type; the number in a name counts bytes (`F8` is a double).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names are NumPy's")]
pub enum DType {
    U1,
    I2,
    I4,
    F4,
    I8,
    F8,
    C16,
}

impl DType {
    /// Every element type, smallest first.
    pub const ALL: [Self; 7] = [Self::U1, Self::I2, Self::I4, Self::F4, Self::I8, Self::F8, Self::C16];
    /// Their names, as messages list them.
    pub const NAMES: &'static str = "u1 i2 i4 f4 i8 f8 c16";

    /// Bytes of one element.
    #[must_use]
    pub const fn itemsize(self) -> usize {
        match self {
            Self::U1 => 1,
            Self::I2 => 2,
            Self::I4 | Self::F4 => 4,
            Self::I8 | Self::F8 => 8,
            Self::C16 => 16,
        }
    }

    /// NumPy's short name without byte order, as in case ids: `f8`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::U1 => "u1",
            Self::I2 => "i2",
            Self::I4 => "i4",
            Self::F4 => "f4",
            Self::I8 => "i8",
            Self::F8 => "f8",
            Self::C16 => "c16",
        }
    }

    /// NumPy's long name: `float64`.
    #[must_use]
    pub const fn long_name(self) -> &'static str {
        match self {
            Self::U1 => "uint8",
            Self::I2 => "int16",
            Self::I4 => "int32",
            Self::F4 => "float32",
            Self::I8 => "int64",
            Self::F8 => "float64",
            Self::C16 => "complex128",
        }
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for DType {
    type Err = String;

    /// Accepts `f8`, `float64`, and `<f8`, `=f8`, `|u1` with this machine's byte order.
    fn from_str(text: &str) -> Result<Self, String> {
        let native = if cfg!(target_endian = "little") { '<' } else { '>' };
        let bare = text.strip_prefix([native, '=', '|']).unwrap_or(text);
        Self::ALL.into_iter().find(|dtype| dtype.name() == bare || dtype.long_name() == text).ok_or_else(|| {
            let names: Vec<&str> =
                Self::ALL.map(Self::name).into_iter().chain(Self::ALL.map(Self::long_name)).collect();
            crate::units::unknown("dtype", text, &names)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for dtype in DType::ALL {
            assert_eq!(dtype.name().parse(), Ok(dtype));
            assert_eq!(dtype.long_name().parse(), Ok(dtype));
        }
        assert_eq!(DType::NAMES, DType::ALL.map(DType::name).join(" "));
        assert_eq!("<f8".parse(), Ok(DType::F8));
        assert!(">f8".parse::<DType>().is_err());
        assert!("f16".parse::<DType>().unwrap_err().contains("u1 i2 i4"));
    }
}
