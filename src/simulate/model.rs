//! What is modelled beside sizes: who has to leave, where stores go, what the last level holds, what is fetched ahead.

use std::fmt;
use std::str::FromStr;

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident, $what:literal { $(#[$first_doc:meta])* $first:ident = $first_word:literal, $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub enum $name {
            $(#[$first_doc])*
            #[default]
            $first,
            $($(#[$variant_doc])* $variant,)*
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self { Self::$first => $first_word, $(Self::$variant => $word,)* })
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $first_word => Ok(Self::$first),
                    $($word => Ok(Self::$variant),)*
                    _ => Err(crate::units::unknown($what, text, &[$first_word, $($word),*])),
                }
            }
        }
    };
}

choice! {
    /// Which line of a set leaves for a new one. TLBs always use LRU.
    Replacement, "replacement" {
        /// The one whose last use is longest ago.
        Lru = "lru",
        /// Where a binary tree of bits points that every use turns away from itself; ways are a power of two.
        Plru = "plru",
        /// The one that came first.
        Fifo = "fifo",
    }
}

choice! {
    /// What a store does whose line is not in the first level. Levels are write-back in either case.
    Writes, "write policy" {
        /// The line is fetched, then written.
        Allocate = "allocate",
        /// The store goes on to the next level.
        NoAllocate = "no-allocate",
    }
}

choice! {
    /// What the last level holds of the lines of the others. Of a single level all three are the same.
    LastLevel, "kind of last level" {
        /// What was fetched through it, whatever the others hold.
        NonInclusive = "non-inclusive",
        /// All that the others hold: what leaves it leaves them too.
        Inclusive = "inclusive",
        /// What left the level before, and nothing else (a victim cache).
        Exclusive = "exclusive",
    }
}

choice! {
    /// Lines fetched ahead into the first level: a what-if, no model of a particular CPU.
    Prefetch, "prefetcher" {
        /// None: demand misses.
        None = "none",
        /// A miss of the first level fetches the next line too.
        NextLine = "next-line",
        /// The second equal distance between an operand's lines fetches the line one further on.
        Stride = "stride",
    }
}

/// The whole model; the default is what every measured case is simulated with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Model {
    /// Which line leaves.
    pub replacement: Replacement,
    /// Where stores go.
    pub writes: Writes,
    /// What the last level holds.
    pub last: LastLevel,
    /// What is fetched ahead.
    pub prefetch: Prefetch,
}

/// `lru` by itself is the default; every other choice is named.
impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.replacement)?;
        if self.writes != Writes::default() {
            write!(f, ", no write-allocate")?;
        }
        if self.last != LastLevel::default() {
            write!(f, ", {} last level", self.last)?;
        }
        if self.prefetch != Prefetch::default() {
            write!(f, ", what-if {} prefetch", self.prefetch)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back_and_others_list_what_there_is() {
        assert_eq!("plru".parse::<Replacement>().unwrap().to_string(), "plru");
        let error = "mru".parse::<Replacement>().unwrap_err();
        assert_eq!(error, "unknown replacement \"mru\": expected one of lru plru fifo; did you mean lru?");
        assert_eq!(Model::default().to_string(), "lru");
        let model = Model { last: LastLevel::Exclusive, prefetch: Prefetch::NextLine, ..Model::default() };
        assert_eq!(model.to_string(), "lru, exclusive last level, what-if next-line prefetch");
    }
}
