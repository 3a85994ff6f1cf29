//! Operations in NumPy's spelling: `T`, `transpose(2,0,1)`, `[1:10:2, ::-1, None, 3]`, `reshape(8,-1)`, `broadcast_to(4,5)`,
//! `sliding_window_view((3,3))`, `as_strided((3,3),(8,8))`, … one or several joined by dots.

use super::{Item, Op, OrderArg};
use std::str::FromStr;

/// Several operations, applied from left to right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ops(pub Vec<Op>);

impl FromStr for Ops {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parser = Parser { text, at: 0 };
        let mut ops = Vec::new();
        parser.space();
        while parser.at < text.len() {
            ops.push(parser.op().map_err(|what| format!("{text:?}: {what}"))?);
            parser.space();
            parser.eat('.');
            parser.space();
        }
        if ops.is_empty() {
            Err(format!("{text:?}: expected an operation such as T or reshape(8,-1)"))
        } else {
            Ok(Self(ops))
        }
    }
}

/// An argument.
#[derive(Clone, Debug)]
enum Argument {
    Number(i64),
    List(Vec<i64>),
    Word(String),
}

const NAMES: &str = "T, transpose, swapaxes, moveaxis, flip, expand_dims, squeeze, broadcast_to, reshape, ravel, flatten, \
                     as_strided, sliding_window_view, diagonal, ascontiguousarray, asfortranarray, copy or [index]";

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// The place that an error names.
    fn here(&self) -> String {
        if self.rest().is_empty() { "at the end".to_owned() } else { format!("at {:?}", self.rest()) }
    }

    fn space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn eat(&mut self, c: char) -> bool {
        let found = self.rest().starts_with(c);
        if found {
            self.at += c.len_utf8();
        }
        found
    }

    fn expect(&mut self, c: char) -> Result<(), String> {
        self.space();
        if self.eat(c) { Ok(()) } else { Err(format!("expected {c:?} {}", self.here())) }
    }

    fn word(&mut self) -> String {
        let word: String = self.rest().chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        self.at += word.len();
        word
    }

    fn number(&mut self) -> Result<i64, String> {
        self.space();
        let sign = usize::from(self.rest().starts_with(['-', '+']));
        let digits = self.rest()[sign..].chars().take_while(char::is_ascii_digit).count();
        let (at, end) = (self.at, self.at + sign + digits);
        let number = self.text[at..end].parse().map_err(|_| format!("expected a number of 64 bits {}", self.here()))?;
        self.at = end;
        Ok(number)
    }

    fn op(&mut self) -> Result<Op, String> {
        if self.eat('[') {
            return self.index();
        }
        let name = self.word();
        if name == "T" {
            return Ok(Op::Transpose { axes: None });
        }
        self.space();
        let (mut given, mut named) = (Vec::new(), Vec::new());
        if self.eat('(') {
            self.space();
            while !self.eat(')') {
                let argument = self.argument()?;
                self.space();
                match argument {
                    // A word followed by an equals sign names the argument.
                    Argument::Word(word) if self.eat('=') => {
                        let value = self.argument()?;
                        named.push((word, value));
                    }
                    other => given.push(other),
                }
                self.space();
                if !self.eat(',') {
                    self.expect(')')?;
                    break;
                }
                self.space();
            }
        }
        Arguments { name: name.clone(), given, named }.op()
    }

    fn argument(&mut self) -> Result<Argument, String> {
        self.space();
        for (open, close) in [('(', ')'), ('[', ']')] {
            if self.eat(open) {
                let mut list = Vec::new();
                self.space();
                while !self.eat(close) {
                    list.push(self.number()?);
                    self.space();
                    if !self.eat(',') {
                        self.expect(close)?;
                        break;
                    }
                    self.space();
                }
                return Ok(Argument::List(list));
            }
        }
        for quote in ['\'', '"'] {
            if self.eat(quote) {
                let word = self.word();
                self.expect(quote)?;
                return Ok(Argument::Word(word));
            }
        }
        if self.rest().starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Ok(Argument::Word(self.word()));
        }
        self.number().map(Argument::Number)
    }

    /// What stands between brackets; the opening one is read.
    fn index(&mut self) -> Result<Op, String> {
        let mut items = Vec::new();
        self.space();
        while !self.eat(']') {
            items.push(self.item()?);
            self.space();
            if !self.eat(',') {
                self.expect(']')?;
                break;
            }
            self.space();
        }
        Ok(Op::Index { items })
    }

    fn item(&mut self) -> Result<Item, String> {
        if self.rest().starts_with("...") {
            self.at += 3;
            return Ok(Item::Ellipsis);
        }
        if self.rest().starts_with(|c: char| c.is_ascii_alphabetic()) {
            let word = self.word();
            let word = if word == "np" && self.eat('.') { self.word() } else { word };
            return match word.as_str() {
                "None" | "newaxis" => Ok(Item::NewAxis),
                "Ellipsis" => Ok(Item::Ellipsis),
                other => Err(format!("index {other:?}: expected a number, a slice, None or ...")),
            };
        }
        let mut bounds = [None; 3];
        let mut colons = 0;
        loop {
            self.space();
            if self.eat(':') {
                colons += 1;
                if colons > 2 {
                    return Err("a slice has two colons at most".to_owned());
                }
            } else if self.rest().starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+') {
                if bounds[colons].is_some() {
                    return Err(format!("expected a comma {}", self.here()));
                }
                bounds[colons] = Some(self.number()?);
            } else {
                break;
            }
        }
        match (colons, bounds) {
            (0, [Some(index), ..]) => Ok(Item::At(index)),
            (0, _) => Err(format!("expected an index {}", self.here())),
            (_, [start, stop, step]) => Ok(Item::Slice(start, stop, step)),
        }
    }
}

struct Arguments {
    name: String,
    given: Vec<Argument>,
    named: Vec<(String, Argument)>,
}

impl Arguments {
    /// The argument by name, or else by position.
    fn take(&mut self, name: &str) -> Option<Argument> {
        if let Some(at) = self.named.iter().position(|(known, _)| known == name) {
            return Some(self.named.remove(at).1);
        }
        (!self.given.is_empty()).then(|| self.given.remove(0))
    }

    fn number(&mut self, name: &str, otherwise: Option<i64>) -> Result<i64, String> {
        match (self.take(name), otherwise) {
            (Some(Argument::Number(number)), _) | (None, Some(number)) => Ok(number),
            _ => Err(format!("{}: expected a number for {name}", self.name)),
        }
    }

    /// A tuple or a single number.
    fn list(&mut self, name: &str) -> Result<Vec<i64>, String> {
        self.some_list(name)?.ok_or_else(|| format!("{}: expected {name}", self.name))
    }

    fn some_list(&mut self, name: &str) -> Result<Option<Vec<i64>>, String> {
        match self.take(name) {
            None => Ok(None),
            Some(Argument::Number(number)) => Ok(Some(vec![number])),
            Some(Argument::List(list)) => Ok(Some(list)),
            Some(Argument::Word(word)) if word == "None" => Ok(None),
            Some(Argument::Word(word)) => Err(format!("{}: {word:?} is no number", self.name)),
        }
    }

    /// A tuple, or all numbers that are given: `reshape(8,-1)` is `reshape((8,-1))`.
    fn spread(&mut self, name: &str) -> Result<Vec<i64>, String> {
        if matches!(self.given.first(), Some(Argument::List(_))) || self.given.is_empty() {
            return self.list(name);
        }
        let numbers = self.given.iter().take_while(|argument| matches!(argument, Argument::Number(_))).count();
        let one = |argument| if let Argument::Number(number) = argument { number } else { 0 };
        Ok(self.given.drain(..numbers).map(one).collect())
    }

    fn order(&mut self, otherwise: OrderArg) -> Result<OrderArg, String> {
        match self.take("order") {
            None => Ok(otherwise),
            Some(Argument::Word(word)) => match word.as_str() {
                "C" => Ok(OrderArg::C),
                "F" => Ok(OrderArg::F),
                "A" => Ok(OrderArg::A),
                "K" => Ok(OrderArg::K),
                _ => Err(format!("{}: order {word:?}: expected C, F, A or K", self.name)),
            },
            Some(_) => Err(format!("{}: expected an order: C, F, A or K", self.name)),
        }
    }

    fn op(mut self) -> Result<Op, String> {
        let op = match self.name.as_str() {
            "transpose" | "permute" if self.given.is_empty() && self.named.is_empty() => Op::Transpose { axes: None },
            "transpose" | "permute" => Op::Transpose { axes: Some(self.spread("axes")?) },
            "swapaxes" => Op::SwapAxes { a: self.number("axis1", None)?, b: self.number("axis2", None)? },
            "moveaxis" => Op::MoveAxis { source: self.list("source")?, destination: self.list("destination")? },
            "flip" => Op::Flip { axes: self.some_list("axis")? },
            "expand_dims" => Op::ExpandDims { axes: self.list("axis")? },
            "squeeze" => Op::Squeeze { axes: self.some_list("axis")? },
            "broadcast_to" => Op::BroadcastTo { shape: self.spread("shape")? },
            "reshape" => {
                let shape = self.spread("shape")?;
                let order = self.order(OrderArg::C)?;
                let may_copy = match self.take("copy") {
                    Some(Argument::Word(word)) if word == "False" => false,
                    None => true,
                    Some(Argument::Word(word)) if word == "None" => true,
                    Some(_) => return Err("reshape: copy: expected False or None".to_owned()),
                };
                Op::Reshape { shape, order, may_copy }
            }
            "ravel" => Op::Ravel { order: self.order(OrderArg::C)? },
            "as_strided" => Op::AsStrided { shape: self.list("shape")?, strides: self.list("strides")? },
            "sliding_window_view" => {
                Op::SlidingWindowView { window: self.list("window_shape")?, axes: self.some_list("axis")? }
            }
            "diagonal" => Op::Diagonal {
                offset: self.number("offset", Some(0))?,
                axis1: self.number("axis1", Some(0))?,
                axis2: self.number("axis2", Some(1))?,
            },
            "ascontiguousarray" => Op::AsContiguousArray,
            "asfortranarray" => Op::AsFortranArray,
            "copy" => Op::Copy { order: self.order(OrderArg::C)? },
            name => return Err(format!("unknown operation {name:?}: expected {NAMES}")),
        };
        match (self.given.first(), self.named.first()) {
            (None, None) => Ok(op),
            (_, Some((name, _))) => Err(format!("{}: unknown argument {name:?}", self.name)),
            (Some(_), None) => Err(format!("{}: too many arguments", self.name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ops(text: &str) -> Vec<Op> {
        text.parse::<Ops>().unwrap_or_else(|error| panic!("{error}")).0
    }

    #[test]
    fn numpys_spelling_is_read() {
        assert_eq!(ops("T"), [Op::Transpose { axes: None }]);
        assert_eq!(ops("transpose(2,0,1)"), [Op::Transpose { axes: Some(vec![2, 0, 1]) }]);
        let items = vec![
            Item::Slice(Some(1), Some(10), Some(2)),
            Item::Slice(None, None, Some(-1)),
            Item::NewAxis,
            Item::At(3),
            Item::Ellipsis,
        ];
        assert_eq!(ops("[1:10:2, ::-1, None, 3, ...]"), [Op::Index { items }]);
        let reshape = |shape: &[i64], order| Op::Reshape { shape: shape.to_vec(), order, may_copy: true };
        assert_eq!(ops("reshape(8,-1)"), [reshape(&[8, -1], OrderArg::C)]);
        assert_eq!(ops("reshape((8, -1), order='F')"), [reshape(&[8, -1], OrderArg::F)]);
        assert_eq!(ops("T.reshape(-1, copy=False)").len(), 2);
        assert_eq!(ops("[:, 0].T.copy()").len(), 3);
        let window = Op::SlidingWindowView { window: vec![3, 3], axes: None };
        assert_eq!(ops("sliding_window_view((3,3))"), [window]);
        assert_eq!(ops("sliding_window_view(3, axis=0)").len(), 1);
        assert_eq!(ops("as_strided((3,),(8,))"), [Op::AsStrided { shape: vec![3], strides: vec![8] }]);
        assert_eq!(ops("diagonal(1)"), [Op::Diagonal { offset: 1, axis1: 0, axis2: 1 }]);
    }

    #[test]
    fn other_text_is_refused_with_its_place() {
        for wrong in [
            "",
            "U",
            "reshape(",
            "reshape(a)",
            "[1",
            "[1:2:3:4]",
            "[a]",
            "transpose(0,1",
            "reshape(2, order=Q)",
            "[1 2]",
            "swapaxes(1)",
            "T T(",
            "diagonal(1,2,3,4)",
            "[99999999999999999999]",
            "copy(order=C, x=1)",
            "as_strided((1,))",
        ] {
            assert!(wrong.parse::<Ops>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_error_names_the_place_or_the_end() {
        for (wrong, said) in [
            ("[1,", "expected an index at the end"),
            ("[1", "expected ']' at the end"),
            ("reshape(8", "expected ')' at the end"),
            ("reshape(", "expected a number of 64 bits at the end"),
            ("[1 2]", "expected a comma at \"2]\""),
            ("transpose(0;1)", "expected ')' at \";1)\""),
        ] {
            let error = wrong.parse::<Ops>().unwrap_err();
            assert!(error.ends_with(said), "{wrong:?}: {error}");
        }
    }
}
