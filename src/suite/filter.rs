//! `--filter`: which ids are meant.

use super::Item;
use regex::Regex;
use std::str::FromStr;

/// A regular expression on case ids.
#[derive(Clone, Debug)]
pub struct Filter(Regex);

impl Filter {
    /// Whether the item's id matches.
    #[must_use]
    pub fn keeps(&self, item: &Item) -> bool {
        self.keeps_id(&item.id())
    }

    /// Whether an id matches.
    #[must_use]
    pub fn keeps_id(&self, id: &str) -> bool {
        self.0.is_match(id)
    }
}

impl FromStr for Filter {
    type Err = String;

    fn from_str(pattern: &str) -> Result<Self, String> {
        Regex::new(pattern).map(Self).map_err(|error| {
            let text = error.to_string();
            // The lines before draw an arrow to the place.
            text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_keeps_ids_and_a_wrong_one_is_told_in_a_line() {
        let item = Item::against_baseline("order/sum/f8/64x64/C/1,0".parse().unwrap());
        assert!("^order/.*/1,0$".parse::<Filter>().unwrap().keeps(&item));
        assert!(!"^null/".parse::<Filter>().unwrap().keeps(&item));
        for wrong in ["(", "a{4294967296}", "(?:a{1000}){1000}", "\\", "[z-a]", "(?P<a"] {
            let message = wrong.parse::<Filter>().unwrap_err();
            assert!(!message.is_empty() && !message.contains('\n'), "{wrong}: {message}");
        }
    }
}
