//! The strict look at a line, for lines that are written as `run` writes them: a walk over bytes that keeps nothing. It knows
//! less JSON than there is and judges nothing: what it does not know, [`super::strict`] looks at.

/// Keys of an object that are compared one by one.
const MOST_KEYS: usize = 32;
/// Objects and arrays inside each other.
const MOST_DEPTH: usize = 16;
/// Digits of an integer: below 2^53 whatever they are.
const MOST_DIGITS: usize = 15;

/// The `kind` of a line without a second meaning; `None` where that has to be looked at.
pub(super) fn kind(text: &str) -> Option<Option<&str>> {
    let mut walk = Walk { text, at: 0, keys: Vec::with_capacity(MOST_KEYS) };
    walk.space();
    let kind = if walk.byte()? == b'{' { walk.object(0)? } else { return None };
    walk.space();
    (walk.at == text.len()).then_some(kind)
}

struct Walk<'a> {
    text: &'a str,
    at: usize,
    /// Of all objects that are open.
    keys: Vec<&'a str>,
}

impl<'a> Walk<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// The next byte that is no space.
    fn next(&mut self) -> Option<u8> {
        self.space();
        self.byte()
    }

    /// What is between quotes, the first of which was taken.
    fn string(&mut self) -> Option<&'a str> {
        let rest = &self.text.as_bytes()[self.at..];
        let length = rest.iter().position(|&b| b == b'"' || b == b'\\' || b < 0x20)?;
        let first = self.at;
        self.at += length + 1;
        if rest[length] == b'"' { self.text.get(first..first + length) } else { None }
    }

    /// The `kind` of an object whose brace was taken.
    fn object(&mut self, depth: usize) -> Option<Option<&'a str>> {
        let (first, mut kind) = (self.keys.len(), None);
        let mut byte = self.next()?;
        if byte == b'}' {
            return Some(None);
        }
        loop {
            let key = if byte == b'"' { self.string()? } else { return None };
            let open = &self.keys[first..];
            if open.len() == MOST_KEYS || open.contains(&key) || self.next()? != b':' {
                return None;
            }
            self.keys.push(key);
            let text = self.value(depth)?;
            if key == "kind" {
                kind = text;
            }
            match self.next()? {
                b',' => byte = self.next()?,
                b'}' => break,
                _ => return None,
            }
        }
        self.keys.truncate(first);
        Some(kind)
    }

    /// A value, and its text if it is one.
    fn value(&mut self, depth: usize) -> Option<Option<&'a str>> {
        if depth == MOST_DEPTH {
            return None;
        }
        match self.next()? {
            b'"' => return self.string().map(Some),
            b'{' => drop(self.object(depth + 1)?),
            b'[' => self.array(depth + 1)?,
            b't' => self.word("rue")?,
            b'f' => self.word("alse")?,
            b'n' => self.word("ull")?,
            b'-' => {
                let first = self.byte()?;
                self.number(first)?;
            }
            first => self.number(first)?,
        }
        Some(None)
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.space();
        if self.peek()? == b']' {
            self.at += 1;
            return Some(());
        }
        loop {
            self.value(depth)?;
            match self.next()? {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    fn word(&mut self, rest: &str) -> Option<()> {
        self.text.as_bytes()[self.at..].starts_with(rest.as_bytes()).then(|| self.at += rest.len())
    }

    fn digits(&mut self) -> usize {
        let rest = &self.text.as_bytes()[self.at..];
        let digits = rest.iter().position(|b| !b.is_ascii_digit()).unwrap_or(rest.len());
        self.at += digits;
        digits
    }

    /// A number without exponent whose first digit was taken; what follows it is the caller's to judge.
    fn number(&mut self, first: u8) -> Option<()> {
        let more = if first.is_ascii_digit() { self.digits() } else { return None };
        if more >= MOST_DIGITS || (first == b'0' && more > 0) {
            return None;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            return (self.digits() > 0).then_some(());
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::strict;
    use super::kind;
    use crate::units::Rng;

    const LINE: &str =
        r#"{"kind":"pair","a":[1,-2,0.5,null,true,{"kind":[]}], "b":{"c":{},"d":[[],""],"e":false},"n":-0}"#;

    #[test]
    fn lines_as_they_are_written_are_known() {
        assert_eq!(kind(LINE), Some(Some("pair")));
        assert_eq!(kind(r#"{"kind":1}"#), Some(None));
        assert_eq!(kind(" { } "), Some(None));
        for other in [
            r#"{"a":1,"a":2}"#,
            r#"{"a":9007199254740993}"#,
            r#"{"a":1e3}"#,
            r#"{"a":01}"#,
            r#"{"a":1.}"#,
            r#"{"a":"\n"}"#,
            "{\"a\":\"\n\"}",
            r#"{"a":1,}"#,
            r#"{"a":[1,]}"#,
            "{} {}",
            "[]",
        ] {
            assert_eq!(kind(other), None, "{other}");
        }
    }

    /// Lines with bytes changed, left out, doubled: whatever is known has the kind that the strict reading finds.
    #[test]
    fn nothing_is_known_that_the_strict_reading_refuses() {
        let (mut rng, mut known, bytes) = (Rng::new(7), 0, b"{}[]\",:\\0123456789.-+eEtrufalsn k\x01\x7f");
        for _ in 0..100_000 {
            let mut line = LINE.as_bytes().to_vec();
            for _ in 0..1 + rng.below(3) {
                let at = usize::try_from(rng.below(line.len() as u64)).unwrap();
                let byte = bytes[usize::try_from(rng.below(bytes.len() as u64)).unwrap()];
                match rng.below(4) {
                    0 => line[at] = byte,
                    1 => drop(line.remove(at)),
                    2 => line.insert(at, byte),
                    _ => line.insert(at, line[at]),
                }
            }
            let line = String::from_utf8(line).unwrap();
            if let Some(found) = kind(&line) {
                known += 1;
                assert_eq!(strict::walked(&line), Ok(found.map(str::to_owned)), "{line}");
            }
        }
        assert!(known > 1000, "{known}");
    }
}
