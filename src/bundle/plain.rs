//! The strict look at a line, for lines that are written as `run` writes them: a walk over bytes that keeps where the fields
//! are. It knows less JSON than there is and judges nothing: what it does not know, [`super::strict`] looks at.

use super::known;
use super::model::CaseInfo;
use std::sync::Arc;

/// Keys of an object that are compared one by one.
const MOST_KEYS: usize = 32;
/// Fields of a line that there is room for at once.
const MOST_FIELDS: usize = 12;
/// Objects and arrays inside each other.
const MOST_DEPTH: usize = 16;
/// Digits of an integer: below 2^53 whatever they are.
const MOST_DIGITS: usize = 15;

/// A line without a second meaning.
#[derive(Debug, PartialEq)]
pub(super) struct Plain<'a> {
    /// Its `kind`, if that is text.
    pub(super) kind: Option<&'a str>,
    /// The fields of the line; no name stands twice.
    pub(super) fields: Vec<Field<'a>>,
}

/// A field of a line.
#[derive(Debug, PartialEq)]
pub(super) struct Field<'a> {
    pub(super) name: &'a str,
    /// Its value in JSON.
    pub(super) text: &'a str,
    /// The case that it is, if that was read before.
    pub(super) case: Option<Arc<CaseInfo>>,
}

/// A line without a second meaning; `None` where that has to be looked at.
pub(super) fn of(text: &str) -> Option<Plain<'_>> {
    let mut walk = Walk { text, at: 0, keys: Vec::with_capacity(MOST_KEYS), fields: Vec::with_capacity(MOST_FIELDS) };
    walk.space();
    let kind = if walk.byte()? == b'{' { walk.object(0)? } else { return None };
    walk.space();
    (walk.at == text.len()).then_some(Plain { kind, fields: walk.fields })
}

struct Walk<'a> {
    text: &'a str,
    at: usize,
    /// Of all objects that are open.
    keys: Vec<&'a str>,
    /// Of the outermost object.
    fields: Vec<Field<'a>>,
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
            let text = if depth == 0 { self.field(key)? } else { self.value(depth)? };
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

    /// The value of a field of the line.
    fn field(&mut self, name: &'a str) -> Option<Option<&'a str>> {
        self.space();
        let rest = &self.text[self.at..];
        // A case that was read before was walked before.
        let (value, case) = match known::first(rest) {
            Some((length, case)) => {
                self.at += length;
                (None, Some(case))
            }
            None => (self.value(0)?, None),
        };
        let length = rest.len() - (self.text.len() - self.at);
        self.fields.push(Field { name, text: &rest[..length], case });
        Some(value)
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
    use super::of;
    use crate::units::Rng;

    fn kind(text: &str) -> Option<Option<&str>> {
        of(text).map(|plain| plain.kind)
    }

    const LINE: &str =
        r#"{"kind":"pair","a":[1,-2,0.5,null,true,{"kind":[]}], "b":{"c":{},"d":[[],""],"e":false},"n":-0}"#;

    #[test]
    fn fields_are_where_they_stand() {
        let text = r#" { "kind" : "x" , "a":[1, {"b":2}] ,"c":-0.5, "d":{} } "#;
        let expected = [("kind", "\"x\""), ("a", r#"[1, {"b":2}]"#), ("c", "-0.5"), ("d", "{}")];
        let found = of(text).unwrap().fields;
        assert_eq!(found.iter().map(|field| (field.name, field.text)).collect::<Vec<_>>(), expected);
    }

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
                assert_eq!(strict::kind(&line), Ok(found.map(str::to_owned)), "{line}");
            }
        }
        assert!(known > 1000, "{known}");
    }
}
