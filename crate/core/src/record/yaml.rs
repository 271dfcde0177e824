//! YAML as a tree, with every way to grow it counted.
//!
//! Detection rules are YAML, and rules come from strangers like evidence does: nested a thousand deep, or a few lines of aliases that
//! would write out to a terabyte. The parser gives events; this file builds the tree from them and stops at the limits
//! `yaml_depth` and `yaml_nodes`. Documents of one file are read apart, so that one that is broken costs itself.
//!
//! ```
//! use runlens_core::limits::Limits;
//! use runlens_core::record::yaml;
//!
//! let documents = yaml::documents("title: a\n---\ntitle: [\n", &Limits::default());
//! assert_eq!(documents[0].tree.as_ref().unwrap().get("title").unwrap().text(), Some("a"));
//! assert!(documents[1].tree.is_err());
//! ```
//!
//! Rejected: deriving rule structs from YAML. A rule with one unexpected key would be lost whole, and nobody could say which key.

use crate::limits::Limits;
use saphyr_parser::{Event, Parser, ScalarStyle, Tag};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A node of the tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Node {
    /// A scalar as written; `plain` where it stood without quotes and may therefore be null, a truth value or a number.
    Scalar {
        /// The text.
        text: String,
        /// Without quotes.
        plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A map, in the order of the file.
    Map(Vec<(String, Node)>),
}

impl Node {
    /// The text of a scalar that is not null.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Scalar { text, .. } if !self.is_null() => Some(text),
            _ => None,
        }
    }

    /// Whether it is YAML's null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Scalar { text, plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// A truth value, also in the words of YAML 1.1, which rules are written in too.
    #[must_use]
    pub fn truth(&self) -> Option<bool> {
        let Self::Scalar { text, .. } = self else {
            return None;
        };
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Some(true),
            "false" | "no" | "off" => Some(false),
            _ => None,
        }
    }

    /// The value of a key of a map.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(entries) = self else {
            return None;
        };
        entries
            .iter()
            .find(|(have, _)| have == key)
            .map(|(_, value)| value)
    }

    /// The elements of a list; a scalar or map is a list of itself, null one of nothing.
    #[must_use]
    pub fn elements(&self) -> &[Self] {
        match self {
            Self::List(list) => list,
            _ if self.is_null() => &[],
            one => std::slice::from_ref(one),
        }
    }
}

/// One document of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// 1-based line of its first line.
    pub line: u64,
    /// The tree, or why there is none.
    pub tree: Result<Node, String>,
}

/// The documents of a file, without those that are empty.
#[must_use]
pub fn documents(text: &str, limits: &Limits) -> Vec<Document> {
    let mut out = Vec::new();
    let mut nodes_left = limits.yaml_nodes;
    let (mut begin, mut at, mut line, mut first_line) = (0, 0, 1_u64, 1_u64);
    let mut close = |from: usize, to: usize, line: u64| {
        let piece = text.get(from..to).unwrap_or("");
        match tree(piece, line, limits.yaml_depth, &mut nodes_left) {
            Ok(None) => {}
            Ok(Some(node)) => out.push(Document {
                line,
                tree: Ok(node),
            }),
            Err(why) => out.push(Document {
                line,
                tree: Err(why),
            }),
        }
    };
    for each in text.split_inclusive('\n') {
        let bare = each.trim_end();
        if bare == "---" || bare.starts_with("--- ") || bare == "..." {
            close(begin, at, first_line);
            begin = at + 3;
            first_line = line;
        }
        at += each.len();
        line += 1;
    }
    close(begin, text.len(), first_line);
    out
}

/// A map or list that is not closed yet.
struct Open {
    node: Node,
    /// The key that waits for its value.
    key: Option<String>,
    keys: BTreeSet<String>,
    anchor: usize,
    nodes: usize,
}

fn tree(
    text: &str,
    first_line: u64,
    most_deep: usize,
    nodes_left: &mut usize,
) -> Result<Option<Node>, String> {
    let mut open: Vec<Open> = Vec::new();
    let mut root: Option<Node> = None;
    let mut anchors: BTreeMap<usize, (Node, usize)> = BTreeMap::new();
    let plain_of = |style: ScalarStyle, tag: Option<&Tag>| {
        style == ScalarStyle::Plain && tag.is_none_or(|tag| tag.suffix != "str")
    };
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let line = first_line + (error.marker().line() as u64).saturating_sub(1);
            format!("line {line}: {}", error.info())
        })?;
        let line = first_line + (span.start.line() as u64).saturating_sub(1);
        let (node, nodes, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let plain = plain_of(style, tag.as_deref());
                let text = text.into_owned();
                (Node::Scalar { text, plain }, 1, anchor)
            }
            Event::Alias(anchor) => {
                let (node, nodes) = anchors
                    .get(&anchor)
                    .ok_or_else(|| format!("line {line}: an alias inside what it names"))?;
                // Counted before it is copied.
                spend(nodes_left, *nodes, line)?;
                put(&mut open, &mut root, node.clone(), *nodes, line)?;
                continue;
            }
            Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _) => {
                if open.len() >= most_deep {
                    return Err(format!(
                        "line {line}: nested deeper than {most_deep} levels"
                    ));
                }
                spend(nodes_left, 1, line)?;
                let node = match event {
                    Event::SequenceStart(..) => Node::List(Vec::new()),
                    _ => Node::Map(Vec::new()),
                };
                open.push(Open {
                    node,
                    key: None,
                    keys: BTreeSet::new(),
                    anchor,
                    nodes: 1,
                });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(done) = open.pop() else { continue };
                (done.node, done.nodes, done.anchor)
            }
            _ => continue,
        };
        if matches!(node, Node::Scalar { .. }) {
            spend(nodes_left, 1, line)?;
        }
        if anchor > 0 {
            // A copy is kept for its aliases, so it is paid for.
            spend(nodes_left, nodes, line)?;
            anchors.insert(anchor, (node.clone(), nodes));
        }
        put(&mut open, &mut root, node, nodes, line)?;
    }
    Ok(root.filter(|node| !node.is_null()))
}

fn spend(left: &mut usize, nodes: usize, line: u64) -> Result<(), String> {
    match left.checked_sub(nodes) {
        Some(rest) => {
            *left = rest;
            Ok(())
        }
        None => {
            *left = 0;
            Err(format!(
                "line {line}: more nodes than the limit yaml_nodes allows, aliases written out"
            ))
        }
    }
}

fn put(
    open: &mut [Open],
    root: &mut Option<Node>,
    node: Node,
    nodes: usize,
    line: u64,
) -> Result<(), String> {
    let Some(inside) = open.last_mut() else {
        *root = Some(node);
        return Ok(());
    };
    inside.nodes += nodes;
    match &mut inside.node {
        Node::List(list) => list.push(node),
        Node::Map(entries) => match inside.key.take() {
            Some(key) => entries.push((key, node)),
            None => {
                let Node::Scalar { text, .. } = node else {
                    return Err(format!("line {line}: a key that is no text"));
                };
                if text == "<<" {
                    return Err(format!("line {line}: merge keys (<<) are not read"));
                }
                if !inside.keys.insert(text.clone()) {
                    return Err(format!("line {line}: the key {text:?} is given twice"));
                }
                inside.key = Some(text);
            }
        },
        Node::Scalar { .. } => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Result<Node, String> {
        documents(text, &Limits::default()).remove(0).tree
    }

    #[test]
    fn documents_are_read_apart_and_a_broken_one_costs_itself() {
        let found = documents(
            "# only a remark\n---\na: 1\n---\nb: [\n--- # next\nc: 3\n...\n",
            &Limits::default(),
        );
        assert_eq!(found.len(), 3);
        assert_eq!((found[0].line, found[1].line, found[2].line), (2, 4, 6));
        assert!(found[0].tree.is_ok() && found[1].tree.is_err() && found[2].tree.is_ok());
    }

    #[test]
    fn quotes_keep_words_from_being_null() {
        let tree = one("a: null\nb: 'null'\nc:\nd: ''\ne: !!str null\n").unwrap();
        let null = |key: &str| tree.get(key).unwrap().is_null();
        assert_eq!(
            (null("a"), null("b"), null("c"), null("d"), null("e")),
            (true, false, true, false, false)
        );
    }

    #[test]
    fn aliases_are_written_out_and_a_bomb_of_them_is_refused() {
        let tree = one("a: &x [1, 2]\nb: *x\n").unwrap();
        assert_eq!(tree.get("a"), tree.get("b"));
        let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for (name, before) in ('b'..='j').zip('a'..='i') {
            let ten = vec![format!("*{before}"); 10].join(", ");
            bomb.push_str(&format!("{name}: &{name} [{ten}]\n"));
        }
        assert!(one(&bomb).unwrap_err().contains("yaml_nodes"));
    }

    #[test]
    fn depth_and_doubled_keys_are_refused_with_their_line() {
        let deep = format!("{}{}", "[".repeat(40), "]".repeat(40));
        assert!(one(&deep).unwrap_err().contains("nested deeper than 32"));
        // Far deeper, the parser itself gives up.
        assert!(one(&"[".repeat(100_000)).is_err());
        let twice = one("a: 1\nb: 2\na: 3\n").unwrap_err();
        assert_eq!(twice, "line 3: the key \"a\" is given twice");
        assert!(one("? [a]\n: 1\n").is_err());
    }
}
