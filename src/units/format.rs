//! One formatter per unit, so that a table, a chart and an error never disagree.

/// `48 KiB`, `1.5 MiB`, `24 B`: binary prefixes, at most one decimal.
#[must_use]
pub fn bytes_long(bytes: u64) -> String {
    let (value, prefix) = binary(bytes);
    match prefix {
        "" => format!("{bytes} B"),
        prefix => format!("{} {prefix}iB", trimmed(value)),
    }
}

/// `48K`, `1.5M`, `24`: the tick label of an axis of bytes.
#[must_use]
pub fn bytes_tick(bytes: u64) -> String {
    let (value, prefix) = binary(bytes);
    format!("{}{prefix}", trimmed(value))
}

fn binary(bytes: u64) -> (f64, &'static str) {
    const PREFIXES: [&str; 7] = ["", "K", "M", "G", "T", "P", "E"];
    let step = if bytes == 0 { 0 } else { (bytes.ilog2() / 10) as usize };
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let value = bytes as f64 / 1024_f64.powi(i32::try_from(step).unwrap_or(0));
    (value, PREFIXES[step])
}

fn trimmed(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// Reads `32768`, `32K`, `32KiB`, `1.5M`, `2GiB` (all binary, case-insensitive); `None` if it is none of these or
/// does not fit in 63 bits.
#[must_use]
pub fn parse_bytes(text: &str) -> Option<u64> {
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(lower.len());
    let (number, suffix) = lower.split_at(digits);
    let shift = match suffix.trim() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return None,
    };
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(1 << shift).filter(|&bytes| bytes <= i64::MAX as u64);
    }
    let value = number.parse::<f64>().ok()? * f64::from(2_u32).powi(shift);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range")]
    (value.is_finite() && (0.0..9e18).contains(&value)).then_some(value.round() as u64)
}

/// A duration in nanoseconds with three significant digits: `0.97 ns`, `161 ms`, `2.4 s`.
#[must_use]
pub fn nanos(ns: f64) -> String {
    let (value, unit) = match ns.abs() {
        a if a < 1e3 => (ns, "ns"),
        a if a < 1e6 => (ns / 1e3, "µs"),
        a if a < 1e9 => (ns / 1e6, "ms"),
        _ => (ns / 1e9, "s"),
    };
    format!("{} {unit}", significant(value))
}

/// A ratio with three significant digits and the times sign: `10.1×`.
#[must_use]
pub fn ratio(value: f64) -> String {
    format!("{}×", significant(value))
}

/// A signed change: `+4.2 %`. `0.042` is +4.2 %.
#[must_use]
pub fn percent(fraction: f64) -> String {
    format!("{:+.1} %", fraction * 100.0)
}

fn significant(value: f64) -> String {
    match value.abs() {
        a if a < 9.995 => format!("{value:.2}"),
        a if a < 99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

/// `1 case`, `3 cases`: a number with its noun.
#[must_use]
pub fn several(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// `16,777,216`: thousands separated.
#[must_use]
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        assert_eq!([0, 1, 2].map(|number| several(number, "case")), ["0 cases", "1 case", "2 cases"]);
    }

    #[test]
    fn bytes_read_back_what_was_written() {
        for bytes in [0, 24, 1023, 1024, 49152, 1_572_864, 33_554_432, 1 << 40] {
            assert_eq!(parse_bytes(&bytes_long(bytes)), Some(bytes), "{bytes}");
            assert_eq!(parse_bytes(&bytes_tick(bytes)), Some(bytes), "{bytes}");
        }
        assert_eq!(bytes_long(u64::MAX), "16 EiB");
        for wrong in ["", "K", "-1", "1.2.3", "4X", "9223372036854775808", "nan", "1e999"] {
            assert_eq!(parse_bytes(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn numbers_keep_three_digits() {
        assert_eq!(nanos(0.974), "0.97 ns");
        assert_eq!(nanos(161_000_000.0), "161 ms");
        assert_eq!(ratio(9.996), "10.0×");
        assert_eq!(count(16_777_216), "16,777,216");
        assert_eq!(percent(-0.031), "-3.1 %");
    }
}
