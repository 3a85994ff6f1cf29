//! How wide a text is in the font that pictures are drawn with; other fonts of the list are no wider.

/// Advance of the characters from space to tilde in DejaVu Sans, 2048 to the em.
#[rustfmt::skip]
const ADVANCE: [u16; 95] = [
    651, 821, 942, 1716, 1303, 1946, 1597, 563, 799, 799, 1024, 1716, 651, 739, 651, 690, 1303, 1303, 1303,
    1303, 1303, 1303, 1303, 1303, 1303, 1303, 690, 690, 1716, 1716, 1716, 1087, 2048, 1401, 1405, 1430, 1577, 1294,
    1178, 1587, 1540, 604, 604, 1343, 1141, 1767, 1532, 1612, 1235, 1612, 1423, 1300, 1251, 1499, 1401, 2025, 1403,
    1251, 1403, 799, 690, 799, 1716, 1024, 1024, 1255, 1300, 1126, 1300, 1260, 721, 1300, 1298, 569, 569, 1186,
    569, 1995, 1298, 1253, 1300, 1300, 842, 1067, 803, 1298, 1212, 1675, 1212, 1212, 1075, 1303, 690, 1303, 1716,
];

/// Pixels that a text takes at a size.
pub(super) fn width(text: &str, size: f64) -> f64 {
    let of = |c: char| (c as usize).checked_sub(32).and_then(|at| ADVANCE.get(at)).copied().unwrap_or(1716);
    text.chars().map(|c| f64::from(of(c))).sum::<f64>() / 2048.0 * size
}

/// The text, or its beginning and an ellipsis.
pub(super) fn fit(text: &str, size: f64, room: f64) -> String {
    if width(text, size) <= room {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        out.push(c);
        if width(&out, size) + size > room {
            out.pop();
            break;
        }
    }
    out.trim_end().to_owned() + "…"
}

/// The text in lines; words that are longer than a line are cut.
pub(super) fn lines(text: &str, size: f64, room: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if width(line, size) + width(word, size) + size * 0.32 <= room => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(fit(word, size, room)),
        }
    }
    lines
}

/// What XML can hold: control characters, and the two that no document may contain, are spaces.
pub(super) fn plain(text: &str) -> String {
    let bad = |c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}' | '\u{2028}' | '\u{2029}');
    text.chars().map(|c| if bad(c) { ' ' } else { c }).collect()
}

/// Text inside an element or a quoted attribute.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in plain(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_broken_and_cut_to_its_room() {
        assert!((width("iM", 2048.0) - f64::from(569 + 1767)).abs() < 1e-9);
        let broken = lines("one two three four five", 12.0, 60.0);
        assert!(broken.len() > 1 && broken.iter().all(|line| width(line, 12.0) <= 60.0), "{broken:?}");
        assert_eq!(broken.join(" "), "one two three four five");
        let cut = fit(&"W".repeat(40), 12.0, 100.0);
        assert!(cut.ends_with('…') && width(&cut, 12.0) <= 100.0, "{cut}");
    }

    #[test]
    fn nothing_that_xml_cannot_hold_is_left() {
        assert_eq!(escape("a\u{0}<\u{7f}&\"\u{9b}\u{2028}\u{ffff}"), "a &lt; &amp;&quot;   ");
    }
}
