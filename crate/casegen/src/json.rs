//! JSON as four different programs print it.
//!
//! An analyzer meets the same schema in different handwriting, and the handwriting is evidence: it tells which program
//! wrote a file. So a value here keeps the order of its members and is printed by a [`Hand`].
//!
//! Rejected: `serde_json::Value`, which sorts members, or not, depending on a feature that any crate of the build may
//! switch on.

/// A value whose members keep their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as its digits.
    Number(String),
    /// Text.
    Text(String),
    /// An array.
    List(Vec<Json>),
    /// An object.
    Object(Vec<(String, Json)>),
}

/// How a program writes JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    /// No white space: Azure's services.
    Compact,
    /// Two spaces a level, text as it is: `az`.
    TwoSpaces,
    /// One line, a space behind commas and colons, ASCII only: Python's `json.dumps`, as the guest agent writes.
    Python,
    /// Tabs, with `<`, `>` and `&` escaped: Go's `json.MarshalIndent`, as the extension handlers write.
    GoTabs,
    /// No white space, with `<`, `>` and `&` escaped: Go's `json.Marshal`.
    GoCompact,
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Json {
    fn from(number: i64) -> Self {
        Self::Number(number.to_string())
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

/// An object of these members, in this order.
pub fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    Json::Object(
        members
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

impl Json {
    /// Adds a member to an object; elsewhere nothing.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Self>) -> Self {
        if let Self::Object(members) = &mut self {
            members.push((name.to_owned(), value.into()));
        }
        self
    }

    /// Adds a member where there is a value.
    #[must_use]
    pub fn with_some(self, name: &str, value: Option<impl Into<Self>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The text of the value in a hand.
    #[must_use]
    pub fn print(&self, hand: Hand) -> String {
        let mut out = String::new();
        self.write(hand, 0, &mut out);
        out
    }

    /// As [`Json::print`], onto the end of `out`, `depth` levels in.
    pub fn write(&self, hand: Hand, depth: usize, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(true) => out.push_str("true"),
            Self::Bool(false) => out.push_str("false"),
            Self::Number(digits) => out.push_str(digits),
            Self::Text(text) => quote(text, hand, out),
            Self::List(items) => {
                enclose(('[', ']'), items, hand, depth, out, |item, out| {
                    item.write(hand, depth + 1, out);
                });
            }
            Self::Object(members) => {
                enclose(
                    ('{', '}'),
                    members,
                    hand,
                    depth,
                    out,
                    |(name, value), out| {
                        quote(name, hand, out);
                        out.push(':');
                        if !matches!(hand, Hand::Compact | Hand::GoCompact) {
                            out.push(' ');
                        }
                        value.write(hand, depth + 1, out);
                    },
                );
            }
        }
    }
}

fn enclose<T>(
    (open, close): (char, char),
    items: &[T],
    hand: Hand,
    depth: usize,
    out: &mut String,
    mut write: impl FnMut(&T, &mut String),
) {
    out.push(open);
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        if at > 0 && hand == Hand::Python {
            out.push(' ');
        }
        new_line(hand, depth + 1, out);
        write(item, out);
    }
    if !items.is_empty() {
        new_line(hand, depth, out);
    }
    out.push(close);
}

fn new_line(hand: Hand, depth: usize, out: &mut String) {
    let indent = match hand {
        Hand::TwoSpaces => "  ",
        Hand::GoTabs => "\t",
        Hand::Compact | Hand::GoCompact | Hand::Python => return,
    };
    out.push('\n');
    for _ in 0..depth {
        out.push_str(indent);
    }
}

fn quote(text: &str, hand: Hand, out: &mut String) {
    let go = matches!(hand, Hand::GoTabs | Hand::GoCompact);
    out.push('"');
    for letter in text.chars() {
        match letter {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            letter
                if letter < ' '
                    || (go && matches!(letter, '<' | '>' | '&' | '\u{2028}' | '\u{2029}')) =>
            {
                escape(letter, out);
            }
            letter if hand == Hand::Python && !letter.is_ascii() => escape(letter, out),
            letter => out.push(letter),
        }
    }
    out.push('"');
}

fn escape(letter: char, out: &mut String) {
    for unit in letter.encode_utf16(&mut [0; 2]) {
        out.push_str(&format!("\\u{unit:04x}"));
    }
}

#[cfg(test)]
mod tests {
    use super::{Hand, Json, object};

    #[test]
    fn each_program_has_its_hand() {
        let value = object([
            ("b", Json::List(vec![1.into(), Json::Null])),
            ("a", "é <\t\u{1f600}".into()),
            ("empty", Json::List(Vec::new())),
        ]);
        assert_eq!(
            value.print(Hand::Compact),
            "{\"b\":[1,null],\"a\":\"é <\\t\u{1f600}\",\"empty\":[]}"
        );
        assert_eq!(
            value.print(Hand::TwoSpaces),
            "{\n  \"b\": [\n    1,\n    null\n  ],\n  \"a\": \"é <\\t\u{1f600}\",\n  \"empty\": []\n}"
        );
        assert_eq!(
            value.print(Hand::Python),
            "{\"b\": [1, null], \"a\": \"\\u00e9 <\\t\\ud83d\\ude00\", \"empty\": []}"
        );
        assert_eq!(
            value.print(Hand::GoTabs),
            "{\n\t\"b\": [\n\t\t1,\n\t\tnull\n\t],\n\t\"a\": \"é \\u003c\\t\u{1f600}\",\n\t\"empty\": []\n}"
        );
    }
}
