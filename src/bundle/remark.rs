//! What a line holds that is read past: fields of a newer minor version, and text that is not what it seems.

use super::model::Bundle;
use super::text::hides;
use serde::de::DeserializeOwned;
use serde_ignored::Path;
use serde_json::Value;
use std::collections::HashMap;
use std::fmt;

/// One line of which there is something to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// Its number, from 1.
    pub line: usize,
    /// The id that it is about; none in the header and the last line.
    pub id: Option<String>,
    /// Fields that this version does not know.
    pub unknown: Vec<Unknown>,
    /// Texts, or names of fields, with characters that are not seen or turn what is around them.
    pub hiding: Vec<Pointer>,
}

/// A field that this version does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// Where it stands.
    pub at: Pointer,
    /// Its value in JSON: as text, a file of a few megabytes of it takes no more.
    json: String,
}

/// The way to a value: keys and numbers, outermost first. Shown as messages name fields: `blocks[0].orders`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pointer(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Item(usize),
}

impl Pointer {
    fn then(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }

    fn of(path: &Path<'_>) -> Self {
        match path {
            Path::Root => Self::default(),
            Path::Seq { parent, index } => Self::of(parent).then(Step::Item(*index)),
            Path::Map { parent, key } => Self::of(parent).then(Step::Key(key.clone())),
            Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => {
                Self::of(parent)
            }
        }
    }

    fn find<'a>(&self, value: &'a Value) -> Option<&'a Value> {
        self.0.iter().try_fold(value, |value, step| match step {
            Step::Key(key) => value.get(key),
            Step::Item(index) => value.get(index),
        })
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, step) in self.0.iter().enumerate() {
            match step {
                Step::Item(index) => write!(f, "[{index}]")?,
                Step::Key(key) => write!(f, "{}{}", if depth > 0 { "." } else { "" }, super::shown(key))?,
            }
        }
        Ok(())
    }
}

impl Unknown {
    /// Adds the field to a line that has none of its name, where the place for it is there.
    pub(super) fn put(&self, line: &mut Value) {
        let Some((Step::Key(key), way)) = self.at.0.split_last() else { return };
        let place = way.iter().try_fold(line, |value, step| match step {
            Step::Key(key) => value.get_mut(key),
            Step::Item(index) => value.get_mut(index),
        });
        if let (Some(Value::Object(fields)), Ok(value)) = (place, serde_json::from_str(&self.json)) {
            fields.entry(key).or_insert(value);
        }
    }
}

impl Bundle {
    /// Fields of a newer version in the header.
    #[must_use]
    pub fn unknown_of_header(&self) -> &[Unknown] {
        self.remarks.first().filter(|remark| remark.line == 1).map_or(&[], |remark| &remark.unknown)
    }

    /// Fields of a newer version in the lines of pairs, cases and what was skipped, by id.
    #[must_use]
    pub fn unknown_of_items(&self) -> HashMap<&str, &[Unknown]> {
        self.remarks.iter().filter_map(|remark| Some((remark.id.as_deref()?, remark.unknown.as_slice()))).collect()
    }

    /// Fields of a newer version in the last line.
    #[must_use]
    pub fn unknown_of_end(&self) -> &[Unknown] {
        self.remarks
            .last()
            .filter(|remark| remark.line > 1 && remark.id.is_none())
            .map_or(&[], |remark| &remark.unknown)
    }
}

/// What there is to say of a line that was read as a `T`.
/// It is read again only in a file of a newer version, or where a character may stand that is not seen.
pub(super) fn of<T: DeserializeOwned>(text: &str, newer: bool) -> Result<Option<Remark>, String> {
    // JSON needs a backslash for any other control; DEL it does not.
    let may_hide = !text.is_ascii() || memchr::memchr2(b'\\', 0x7f, text.as_bytes()).is_some();
    if !newer && !may_hide {
        return Ok(None);
    }
    let value: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let (mut unknown, mut hiding) = (Vec::new(), Vec::new());
    if newer {
        let mut ignored = |path: Path<'_>| {
            let at = Pointer::of(&path);
            // What kind of line it is is not part of its type.
            if at.0 != [Step::Key("kind".to_owned())]
                && let Some(value) = at.find(&value)
            {
                unknown.push(Unknown { json: value.to_string(), at });
            }
        };
        let mut reader = serde_json::Deserializer::from_str(text);
        serde_ignored::deserialize::<_, _, T>(&mut reader, &mut ignored).map_err(|error| error.to_string())?;
    }
    if may_hide {
        hidden(&value, &Pointer::default(), &mut hiding);
    }
    let any = !unknown.is_empty() || !hiding.is_empty();
    Ok(any.then_some(Remark { line: 0, id: None, unknown, hiding }))
}

fn hidden(value: &Value, at: &Pointer, found: &mut Vec<Pointer>) {
    match value {
        Value::String(text) if text.contains(hides) => found.push(at.clone()),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| hidden(item, &at.then(Step::Item(index)), found));
        }
        Value::Object(fields) => {
            for (key, value) in fields {
                let at = at.then(Step::Key(key.clone()));
                if key.contains(hides) {
                    found.push(at.clone());
                }
                hidden(value, &at, found);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Deserialize)]
    struct Line {
        #[expect(dead_code, reason = "only read")]
        blocks: Vec<Block>,
        #[expect(dead_code, reason = "only read")]
        #[serde(default)]
        note: Option<String>,
    }

    #[derive(Deserialize)]
    struct Block {
        #[expect(dead_code, reason = "only read")]
        disturbed: BTreeMap<u32, String>,
    }

    const NEWER: &str =
        r#"{"kind":"x","a.b":[1],"blocks":[{"disturbed":{"0":"steal"}},{"disturbed":{},"new":null}],"note":null}"#;

    #[test]
    fn unknown_fields_are_found_where_they_are_and_put_back() {
        let remark = of::<Line>(NEWER, true).unwrap().unwrap();
        let named: Vec<String> = remark.unknown.iter().map(|unknown| unknown.at.to_string()).collect();
        assert_eq!(named, ["a.b", "blocks[1].new"]);
        let mut line = serde_json::json!({"blocks": [{"disturbed": {}}, {"disturbed": {}}]});
        remark.unknown.iter().for_each(|unknown| unknown.put(&mut line));
        assert_eq!(
            line,
            serde_json::json!({"blocks": [{"disturbed": {}}, {"disturbed": {}, "new": null}], "a.b": [1]})
        );
        // A place that is not there any more, or taken, stays as it is.
        let mut other = serde_json::json!({"a.b": 2});
        remark.unknown.iter().for_each(|unknown| unknown.put(&mut other));
        assert_eq!(other, serde_json::json!({"a.b": 2}));
        assert_eq!(of::<Line>(NEWER, false), Ok(None));
    }

    #[test]
    fn text_that_hides_is_found_in_values_and_names() {
        for (text, at) in [
            ("{\"blocks\":[],\"note\":\"a\u{202e}b\"}", "note"),
            (r#"{"blocks":[],"note":"a\u200bb"}"#, "note"),
            (r#"{"blocks":[],"note":"\u001b[2J"}"#, "note"),
            ("{\"blocks\":[],\"note\":\"\u{7f}\"}", "note"),
            ("{\"blocks\":[],\"x\":[0,{\"k\u{ad}\":1}]}", "x[1].k\\u{ad}"),
        ] {
            let remark = of::<Line>(text, false).unwrap().unwrap();
            assert_eq!(remark.hiding.iter().map(ToString::to_string).collect::<Vec<_>>(), [at], "{text}");
        }
        assert_eq!(of::<Line>("{\"blocks\":[],\"note\":\"µs \\\"a\\\"\\n\"}", false), Ok(None));
    }
}
