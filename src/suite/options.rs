//! What differs from the plain case: every key of an id has its one place here.

use crate::kernel::{Idiom, Split, Stores, Walk};
use crate::layout::Order;
use crate::memory::PagePolicy;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// One length for every axis, or one per axis; none at all by default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Edges(Vec<usize>);

impl Edges {
    /// One per axis; equal ones are kept as a single one, so that each has one spelling.
    #[must_use]
    pub fn new(mut lengths: Vec<usize>) -> Self {
        if lengths.windows(2).all(|pair| pair[0] == pair[1]) {
            lengths.truncate(1);
        }
        Self(lengths)
    }

    /// Whether none is given.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.0.is_empty()
    }

    /// The length for an axis.
    #[must_use]
    pub fn at(&self, axis: usize) -> Option<usize> {
        if self.0.len() == 1 { self.0.first().copied() } else { self.0.get(axis).copied() }
    }

    /// Whether there is a length of at least 1 for each of `axes` axes, and no more.
    #[must_use]
    pub fn fits(&self, axes: usize) -> bool {
        (self.0.len() <= 1 || self.0.len() == axes) && !self.0.contains(&0)
    }
}

/// A length for every axis; 0 for none.
impl From<usize> for Edges {
    fn from(length: usize) -> Self {
        Self(if length == 0 { Vec::new() } else { vec![length] })
    }
}

impl fmt::Display for Edges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lengths: Vec<_> = self.0.iter().map(ToString::to_string).collect();
        f.pad(&lengths.join(","))
    }
}

impl FromStr for Edges {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lengths = text.split(',').map(|length| length.parse().ok()).collect::<Option<Vec<usize>>>();
        lengths.map(Self::new).ok_or_else(|| format!("{text:?}: expected a length, or one per axis such as 64,8"))
    }
}

/// Whether a view is walked where it lies, or an array that holds its elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Form {
    /// The view itself: no element is copied.
    #[default]
    View,
    /// A dense array of the view's elements.
    Dense,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::View => "view",
            Self::Dense => "dense",
        })
    }
}

impl FromStr for Form {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = [Self::View, Self::Dense].into_iter().find(|form| form.to_string() == text);
        found.ok_or_else(|| format!("unknown form {text:?}: expected view or dense"))
    }
}

/// What differs from the plain case: one place per key of an id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Options {
    /// `a=`: order of a product's first factor, if it is not the case's.
    pub a: Option<Order>,
    /// `axis=`: the axis that a reduction runs over.
    pub axis: Option<usize>,
    /// `b=`: order of a product's second factor, if it is not the case's.
    pub b: Option<Order>,
    /// `base=`: bytes between a page's start and the first element.
    pub base: u64,
    /// `chains=`: chains of loads that a chase has in flight.
    pub chains: usize,
    /// `dest=`: order of the array that is written, if it is not the case's.
    pub dest: Option<Order>,
    /// `dilate=`: elements from one element of a window to the next.
    pub dilate: usize,
    /// `form=`: whether windows are walked as a view or as a dense array.
    pub form: Form,
    /// `hop=`: elements from one window to the next.
    pub hop: usize,
    /// `idiom=`: the safe code that walks instead of the kernel's loops.
    pub idiom: Option<Idiom>,
    /// `leaf=`: blocks of blocks, halved down to this edge; 0 for none.
    pub leaf: usize,
    /// `only=`: how many of the fastest axis' first indices are walked; 0 for all.
    pub only: usize,
    /// `pad=`: bytes added behind every run of the fastest axis.
    pub pad: u64,
    /// `pages=`: the page policy of the arrays.
    pub pages: PagePolicy,
    /// `pitch=`: bytes from node to node of a chase.
    pub pitch: usize,
    /// `repeat=`: how often each element is visited in a row: updates of one place.
    pub repeat: usize,
    /// `split=`: what each worker gets.
    pub split: Split,
    /// `stores=`: how results are written.
    pub stores: Stores,
    /// `threads=`: workers, each on a CPU of its own.
    pub threads: u32,
    /// `tile=`: tile edge of all loops, or of each axis.
    pub tile: Edges,
    /// `walk=`: how a nest is walked.
    pub walk: Walk,
    /// `window=`: sliding windows of this edge.
    pub window: Edges,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            a: None,
            axis: None,
            b: None,
            base: 0,
            chains: 1,
            dest: None,
            dilate: 1,
            form: Form::View,
            hop: 1,
            idiom: None,
            leaf: 0,
            only: 0,
            pad: 0,
            pages: PagePolicy::Base,
            pitch: 64,
            repeat: 1,
            split: Split::Outer,
            stores: Stores::Plain,
            threads: 1,
            tile: Edges::default(),
            walk: Walk::Element,
            window: Edges::default(),
        }
    }
}

/// A value that differs from the plain case, as an id has it.
fn differing<T: PartialEq + ToString>(value: &T, plain: &T) -> Option<String> {
    (value != plain).then(|| value.to_string())
}

impl Options {
    /// The options that differ from the plain case, by key; their order is that of an id.
    #[must_use]
    pub fn given(&self) -> BTreeMap<String, String> {
        let plain = Self::default();
        let order = |order: Option<Order>| order.map(|order| order.to_string());
        let all = [
            ("a", order(self.a)),
            ("axis", self.axis.map(|axis| axis.to_string())),
            ("b", order(self.b)),
            ("base", differing(&self.base, &plain.base)),
            ("chains", differing(&self.chains, &plain.chains)),
            ("dest", order(self.dest)),
            ("dilate", differing(&self.dilate, &plain.dilate)),
            ("form", differing(&self.form, &plain.form)),
            ("hop", differing(&self.hop, &plain.hop)),
            ("idiom", self.idiom.map(|idiom| idiom.to_string())),
            ("leaf", differing(&self.leaf, &plain.leaf)),
            ("only", differing(&self.only, &plain.only)),
            ("pad", differing(&self.pad, &plain.pad)),
            ("pages", differing(&self.pages, &plain.pages)),
            ("pitch", differing(&self.pitch, &plain.pitch)),
            ("repeat", differing(&self.repeat, &plain.repeat)),
            ("split", differing(&self.split, &plain.split)),
            ("stores", differing(&self.stores, &plain.stores)),
            ("threads", differing(&self.threads, &plain.threads)),
            ("tile", differing(&self.tile, &plain.tile)),
            ("walk", differing(&self.walk, &plain.walk)),
            ("window", differing(&self.window, &plain.window)),
        ];
        all.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
    }

    /// Takes one option of an id.
    pub(super) fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        let at = |error: String| format!("{key}={value}: {error}");
        let number = || value.parse::<u64>().map_err(|_| at("expected a whole number".to_owned()));
        let length = || value.parse::<usize>().map_err(|_| at("expected a whole number".to_owned()));
        let order = || value.parse::<Order>().map(Some).map_err(at);
        match key {
            "a" => self.a = order()?,
            "axis" => self.axis = Some(length()?),
            "b" => self.b = order()?,
            "base" => self.base = number()?,
            "chains" => self.chains = length()?,
            "dest" => self.dest = order()?,
            "dilate" => self.dilate = length()?,
            "form" => self.form = value.parse()?,
            "hop" => self.hop = length()?,
            "idiom" => self.idiom = value.parse().map(Some)?,
            "leaf" => self.leaf = length()?,
            "only" => self.only = length()?,
            "pad" => self.pad = number()?,
            "pages" => self.pages = value.parse()?,
            "pitch" => self.pitch = length()?,
            "repeat" => self.repeat = length()?,
            "split" => self.split = value.parse()?,
            "stores" => self.stores = value.parse()?,
            "threads" => self.threads = u32::try_from(number()?).map_err(|error| at(error.to_string()))?,
            "tile" => self.tile = value.parse().map_err(at)?,
            "walk" => self.walk = value.parse()?,
            "window" => self.window = value.parse().map_err(at)?,
            _ => {
                let known = "a axis b base chains dest dilate form hop idiom leaf only pad pages pitch repeat split stores threads tile walk window";
                return Err(format!("unknown option {key:?}: expected one of {known}"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_reads_back_and_is_listed() {
        let mut options = Options {
            a: Some(Order::F),
            axis: Some(1),
            b: Some(Order::C),
            base: 8,
            chains: 8,
            dest: Some(Order::F),
            dilate: 2,
            form: Form::Dense,
            hop: 3,
            idiom: Some(Idiom::NdRows),
            leaf: 16,
            only: 1,
            pad: 64,
            pages: PagePolicy::Huge,
            pitch: 4096,
            repeat: 1000,
            split: Split::Blocks,
            stores: Stores::NonTemporal,
            threads: 2,
            tile: Edges::new(vec![64, 8]),
            walk: Walk::Line,
            window: Edges::from(3),
        };
        let given = options.given();
        let mut read = Options::default();
        for (key, value) in &given {
            read.set(key, value).unwrap();
        }
        assert_eq!(read, options);
        let message = read.set("colour", "red").unwrap_err();
        for key in given.keys() {
            assert!(message.contains(key.as_str()), "{key} is not in {message:?}");
        }
        options = Options::default();
        assert!(options.given().is_empty());
    }

    #[test]
    fn lengths_have_one_spelling() {
        assert_eq!("64,64".parse::<Edges>().unwrap().to_string(), "64");
        assert_eq!("64,8".parse::<Edges>().unwrap().to_string(), "64,8");
        assert!("64,x".parse::<Edges>().is_err() && "".parse::<Edges>().is_err());
        assert!(!Edges::new(vec![64, 8]).fits(3) && Edges::from(64).fits(3) && !Edges::new(vec![4, 0]).fits(2));
    }
}
