//! JSON without second meanings: duplicate keys and numbers that others read differently are refused.

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;

/// The largest integer that every reader of JSON keeps exactly (RFC 8259, section 6).
pub(super) const LARGEST: u64 = 1 << 53;
/// Keys of an object that are compared one by one; beyond that they are hashed.
const FEW_KEYS: usize = 32;

/// Walks one line and keeps nothing but its `kind`: what a line holds is read afterwards, into its own type.
pub(super) fn kind(text: &str) -> Result<Option<String>, String> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let open = Open::default();
    let walk = Strict { top: true, open: &open }.deserialize(&mut reader);
    match walk.and_then(|seen| reader.end().map(|()| seen)) {
        Ok(Seen::Object(kind)) => Ok(kind),
        Ok(_) => Err("expected an object".to_owned()),
        Err(error) => Err(within(text, &plain(&error))),
    }
}

/// What is wrong, with the field that a walk of `text` stops in before it; looking for it takes a walk of its own.
pub(super) fn within(text: &str, what: &str) -> String {
    let (mut reader, mut track, open) =
        (serde_json::Deserializer::from_str(text), serde_path_to_error::Track::new(), Open::default());
    let tracked = serde_path_to_error::Deserializer::new(&mut reader, &mut track);
    let stopped = Strict { top: true, open: &open }.deserialize(tracked).is_err();
    let path = track.path().to_string();
    if stopped && path != "." { format!("{}: {what}", super::shown(&path)) } else { what.to_owned() }
}

/// The message without serde's own line number: a line of a bundle is always line 1 to it.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let column = error.column();
    match text.find(" at line ") {
        Some(end) if column > 0 => format!("{} at column {column}", &text[..end]),
        _ => text,
    }
}

/// What was walked.
enum Seen {
    /// With its `kind` if it is the outermost.
    Object(Option<String>),
    /// Only the value of `kind` is kept.
    Text(Option<String>),
    Other,
}

/// The keys of all objects that are open, borrowed where they hold no escape; one list, so that an object costs none.
type Open<'de> = RefCell<Vec<Cow<'de, str>>>;

#[derive(Clone, Copy)]
struct Strict<'a, 'de> {
    /// The outermost object, or its `kind`.
    top: bool,
    open: &'a Open<'de>,
}

/// Whether a key is new in the object whose keys begin at `first`; many are hashed instead of compared one by one.
fn is_new<'de>(key: Cow<'de, str>, first: usize, open: &Open<'de>, many: &mut HashSet<Cow<'de, str>>) -> bool {
    let mut open = open.borrow_mut();
    if many.is_empty() {
        let few = &open[first..];
        if few.contains(&key) {
            return false;
        }
        if few.len() < FEW_KEYS {
            open.push(key);
            return true;
        }
        many.extend(open.drain(first..));
    }
    many.insert(key)
}

/// A key, borrowed if it can be.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_, 'de> {
    type Value = Seen;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Seen, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_, 'de> {
    type Value = Seen;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Seen, E> {
        Ok(Seen::Other)
    }

    fn visit_unit<E>(self) -> Result<Seen, E> {
        Ok(Seen::Other)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Seen, E> {
        if value > LARGEST {
            return Err(E::custom(format_args!("the number {value} is above 2^53")));
        }
        Ok(Seen::Other)
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Seen, E> {
        if value.unsigned_abs() > LARGEST {
            return Err(E::custom(format_args!("the number {value} is below -2^53")));
        }
        Ok(Seen::Other)
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Seen, E> {
        if value.is_finite() { Ok(Seen::Other) } else { Err(E::custom("a number that is not finite")) }
    }

    fn visit_str<E>(self, value: &str) -> Result<Seen, E> {
        Ok(Seen::Text(self.top.then(|| value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Seen, A::Error> {
        while seq.next_element_seed(Self { top: false, ..self })?.is_some() {}
        Ok(Seen::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Seen, A::Error> {
        let (first, mut many, mut kind) = (self.open.borrow().len(), HashSet::new(), None);
        while let Some(key) = map.next_key_seed(Key)? {
            let is_kind = self.top && key == "kind";
            if !is_new(key.clone(), first, self.open, &mut many) {
                return Err(A::Error::custom(format_args!("the key {key:?} stands twice")));
            }
            if let Seen::Text(text) = map.next_value_seed(Self { top: is_kind, ..self })?
                && is_kind
            {
                kind = text;
            }
        }
        self.open.borrow_mut().truncate(first);
        Ok(Seen::Object(kind))
    }
}

#[cfg(test)]
mod tests {
    use super::kind;

    #[test]
    fn second_meanings_are_refused() {
        assert_eq!(kind(r#"{"a":[1,-2,0.5,null,true,"x"]}"#), Ok(None));
        assert_eq!(kind(r#"{"a":{"kind":"no"},"k\u0069nd":"pa\u0069r"}"#), Ok(Some("pair".to_owned())));
        assert_eq!(kind("[1]"), Err("expected an object".to_owned()));
        let many: Vec<String> = (0..100).map(|n| format!("\"k{}\":0", n % 99)).collect();
        assert!(kind(&format!("{{{}}}", many.join(","))).unwrap_err().contains("\"k0\" stands twice"));
        for (wrong, field) in [
            (r#"{"a":{"b":[1,NaN]}}"#, "a.b[1]: expected value at column 14"),
            (r#"{"a":{"b":1e999}}"#, "a.b: number out of range at column 15"),
            (r#"{"a":{"b":1,"b":2}}"#, "a: the key \"b\" stands twice at column 15"),
            (r#"{"a":[9007199254740993]}"#, "a[0]: the number 9007199254740993 is above 2^53 at column 22"),
            (r#"{"a":"\ud800"}"#, "a: unexpected end of hex escape at column 13"),
            (r#"{"a":"cut"#, "a: EOF while parsing a string at column 9"),
            (r#"{"a":1} x"#, "trailing characters at column 9"),
        ] {
            assert_eq!(kind(wrong), Err(field.to_owned()), "{wrong}");
        }
        for wrong in [
            r#"{"a":1,"a":2}"#,
            r#"{"a":{"b":1,"\u0062":2}}"#,
            "9007199254740993",
            "18446744073709551616e400",
            "NaN",
            "1e999",
            "{} {}",
            r#""\ud800""#,
            &"[".repeat(100_000),
        ] {
            assert!(kind(wrong).is_err(), "{}", &wrong[..wrong.len().min(40)]);
        }
    }
}
