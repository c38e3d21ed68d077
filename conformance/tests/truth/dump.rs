//! What Ceph's own tools print for an object.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::iter::Peekable;
use std::path::Path;
use std::str::Chars;

use bytes::Bytes;
use firefly_runtime::codec::hex;
use flate2::read::GzDecoder;

/// An object with a dump.
pub(crate) struct Dumped {
    /// Ceph's name of its type.
    pub(crate) ty: String,
    pub(crate) bytes: Bytes,
    pub(crate) dump: Node,
}

/// The objects of a corpus file that have a dump.
pub(crate) fn read(path: &Path) -> Vec<Dumped> {
    let lines = BufReader::new(GzDecoder::new(File::open(path).expect("a file"))).lines();
    let object = |line: String| {
        let line: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        let bytes = hex::decode(line["hex"].as_str()?).expect("hexadecimal digits");
        Some(Dumped { ty: line["type"].as_str()?.to_owned(), bytes: bytes.into(), dump: parse(line["dump"].as_str()?) })
    };
    lines.filter_map(|line| object(line.expect("a line"))).collect()
}

/// A piece of a dump. Values are text: whether there are quotes around a number depends on who printed it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    Text(String),
    List(Vec<Node>),
    /// Names may repeat.
    Object(Vec<(String, Node)>),
}

impl Node {
    /// Changes the nth value.
    pub(crate) fn change(&mut self, n: usize) {
        let mut n = n;
        self.visit(&mut |text| {
            if n == 0 {
                text.insert(0, '9');
            }
            n = n.wrapping_sub(1);
        });
    }

    fn visit(&mut self, f: &mut dyn FnMut(&mut String)) {
        match self {
            Node::Text(text) => f(text),
            Node::List(items) => items.iter_mut().for_each(|node| node.visit(f)),
            Node::Object(members) => members.iter_mut().for_each(|(_, node)| node.visit(f)),
        }
    }

    /// How many values there are in it.
    pub(crate) fn leaves(&self) -> usize {
        match self {
            Node::Text(_) => 1,
            Node::List(items) => items.iter().map(Node::leaves).sum(),
            Node::Object(members) => members.iter().map(|(_, node)| node.leaves()).sum(),
        }
    }
}

/// Reads JSON as Ceph prints it: commas may be missing or too many, names may repeat, and numbers may be words.
pub(crate) fn parse(text: &str) -> Node {
    Parser { chars: text.chars().peekable() }.node()
}

struct Parser<'a> {
    chars: Peekable<Chars<'a>>,
}

impl Parser<'_> {
    fn node(&mut self) -> Node {
        match self.next_token() {
            Some('{') => {
                let mut members = Vec::new();
                while self.more('}') {
                    let name = self.string();
                    members.push((name, self.node()));
                }
                Node::Object(members)
            }
            Some('[') => {
                let mut items = Vec::new();
                while self.more(']') {
                    items.push(self.node());
                }
                Node::List(items)
            }
            Some('"') => Node::Text(self.string()),
            _ => {
                let mut word = String::new();
                while let Some(c) = self.chars.next_if(|c| !c.is_whitespace() && !",:]}".contains(*c)) {
                    word.push(c);
                }
                Node::Text(word)
            }
        }
    }

    /// What the next token begins with. Brackets are taken.
    fn next_token(&mut self) -> Option<char> {
        while self.chars.next_if(|c| c.is_whitespace() || ",:".contains(*c)).is_some() {}
        let next = self.chars.peek().copied();
        if matches!(next, Some('{' | '[')) {
            self.chars.next();
        }
        next
    }

    /// Whether there is more before the bracket that closes.
    fn more(&mut self, close: char) -> bool {
        while self.chars.next_if(|c| c.is_whitespace() || ",:".contains(*c)).is_some() {}
        self.chars.peek().is_some() && self.chars.next_if_eq(&close).is_none()
    }

    fn string(&mut self) -> String {
        let mut text = String::new();
        self.chars.next_if_eq(&'"');
        while let Some(c) = self.chars.next() {
            match c {
                '"' => break,
                '\\' => match self.chars.next() {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('u') => {
                        let digits: String = self.chars.by_ref().take(4).collect();
                        text.extend(u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32));
                    }
                    Some(c) => text.push(c),
                    None => {}
                },
                c => text.push(c),
            }
        }
        text
    }
}
