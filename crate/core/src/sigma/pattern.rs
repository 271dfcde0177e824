//! A value of a rule as something to look for: text, wildcards, and any kind of dash.
//!
//! `*` is any text, `?` one letter; a backslash takes their meaning away, and doubles as itself. `\\*` is a backslash and then anything.
//!
//! ```
//! use runlens_core::sigma::pattern::Pattern;
//! let path = Pattern::parse(r"*\Temp\\??.exe").folded();
//! assert!(path.matches(r"c:\windows\temp\ab.exe"));
//! assert!(!path.matches(r"c:\windows\temp\abc.exe"));
//! assert!(Pattern::parse(r"100\*").matches("100*"));
//! ```
//!
//! Rejected: translating to regular expressions. A thousand of them take seconds to build, and their literals are hidden again.

/// A letter of a piece between two `*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Letter {
    Is(char),
    /// `?`.
    One,
    /// Any of the dashes that a Windows command line takes for one.
    Dash,
}

/// What `windash` takes for one another.
pub const DASHES: [char; 5] = ['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'];

impl Letter {
    fn takes(self, letter: char) -> bool {
        match self {
            Self::Is(own) => own == letter,
            Self::One => true,
            Self::Dash => DASHES.contains(&letter),
        }
    }
}

/// What is looked for: pieces with anything between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    pieces: Vec<Vec<Letter>>,
    /// Whether the first piece begins the value.
    from_start: bool,
    /// Whether the last piece ends it.
    to_end: bool,
}

/// How a pattern that is one literal lies in the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// It is the value.
    Whole,
    /// The value begins with it.
    Start,
    /// The value ends with it.
    End,
    /// It is somewhere in the value.
    Inside,
    /// More than one literal, or letters left open.
    Mixed,
}

impl Pattern {
    /// A value of a rule, with its wildcards and escapes.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut pattern = Self {
            pieces: vec![Vec::new()],
            from_start: true,
            to_end: true,
        };
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '\\' => match letters.peek() {
                    Some(next @ ('*' | '?' | '\\')) => {
                        pattern.put(Letter::Is(*next));
                        letters.next();
                    }
                    _ => pattern.put(Letter::Is('\\')),
                },
                '*' => pattern.anything(),
                '?' => pattern.put(Letter::One),
                letter => pattern.put(Letter::Is(letter)),
            }
        }
        pattern.close()
    }

    /// A text without wildcards.
    #[must_use]
    pub fn literal(text: &str) -> Self {
        Self {
            pieces: vec![text.chars().map(Letter::Is).collect()],
            from_start: true,
            to_end: true,
        }
    }

    fn put(&mut self, letter: Letter) {
        if let Some(piece) = self.pieces.last_mut() {
            piece.push(letter);
        }
    }

    fn anything(&mut self) {
        if self.pieces.len() == 1 && self.pieces.first().is_some_and(Vec::is_empty) {
            self.from_start = false;
        } else if self.pieces.last().is_some_and(|piece| !piece.is_empty()) {
            self.pieces.push(Vec::new());
        }
    }

    /// An empty last piece means that the text ended in `*`.
    fn close(mut self) -> Self {
        if self.pieces.len() > 1 && self.pieces.last().is_some_and(Vec::is_empty) {
            self.pieces.pop();
            self.to_end = false;
        }
        if !self.from_start && self.pieces.first().is_some_and(Vec::is_empty) {
            // Only `*`: anything at all.
            self.to_end = false;
        }
        self
    }

    /// The same with anything before or behind it.
    #[must_use]
    pub fn within(mut self, before: bool, behind: bool) -> Self {
        self.from_start &= !before;
        self.to_end &= !behind;
        self
    }

    /// The same without regard to letter case: values must be folded by [`fold`] too.
    #[must_use]
    pub fn folded(self) -> Self {
        let fold_letter = |letter: Letter| match letter {
            Letter::Is(letter) => letter.to_lowercase().map(Letter::Is).collect::<Vec<_>>(),
            other => vec![other],
        };
        Self {
            pieces: self
                .pieces
                .into_iter()
                .map(|piece| piece.into_iter().flat_map(fold_letter).collect())
                .collect(),
            ..self
        }
    }

    /// The same with every dash that begins a word open to all dashes.
    #[must_use]
    pub fn any_dash(mut self) -> Self {
        for piece in &mut self.pieces {
            let mut word_before = false;
            for at in 0..piece.len() {
                let next = piece.get(at + 1).copied();
                let is_word = |letter: Letter| matches!(letter, Letter::Is(letter) if letter.is_alphanumeric() || letter == '_');
                let Some(letter) = piece.get_mut(at) else {
                    continue;
                };
                let dash = matches!(letter, Letter::Is(own) if DASHES.contains(own));
                if dash && !word_before && next.is_some_and(is_word) {
                    *letter = Letter::Dash;
                }
                word_before = is_word(*letter);
            }
        }
        self
    }

    /// Whether there is a wildcard in it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.shape() != Shape::Whole
    }

    /// The text, where there is no wildcard in it.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        if self.is_open() {
            return None;
        }
        self.longest_literal().or(Some(String::new()))
    }

    /// How it lies in the value.
    #[must_use]
    pub fn shape(&self) -> Shape {
        let one = self.pieces.len() == 1
            && self
                .pieces
                .iter()
                .flatten()
                .all(|letter| matches!(letter, Letter::Is(_)));
        match (one, self.from_start, self.to_end) {
            (false, _, _) => Shape::Mixed,
            (true, true, true) => Shape::Whole,
            (true, true, false) => Shape::Start,
            (true, false, true) => Shape::End,
            (true, false, false) => Shape::Inside,
        }
    }

    /// The longest text that every match contains; `None` where there is none.
    #[must_use]
    pub fn longest_literal(&self) -> Option<String> {
        let mut best = String::new();
        for piece in &self.pieces {
            for run in piece.split(|letter| !matches!(letter, Letter::Is(_))) {
                let text: String = run
                    .iter()
                    .filter_map(|letter| match letter {
                        Letter::Is(letter) => Some(*letter),
                        _ => None,
                    })
                    .collect();
                if text.len() > best.len() {
                    best = text;
                }
            }
        }
        (!best.is_empty()).then_some(best)
    }

    /// Whether a value matches.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        let Some((last, before)) = self.pieces.split_last() else {
            return value.is_empty();
        };
        let mut rest = value;
        for (at, piece) in before.iter().enumerate() {
            let found = if at == 0 && self.from_start {
                begins(piece, rest).map(|end| (0, end))
            } else {
                find(piece, rest)
            };
            let Some((_, end)) = found else { return false };
            rest = rest.get(end..).unwrap_or("");
        }
        let anchored = before.is_empty() && self.from_start;
        match (anchored, self.to_end) {
            (true, true) => begins(last, rest) == Some(rest.len()),
            (true, false) => begins(last, rest).is_some(),
            (false, true) => ends(last, rest),
            (false, false) => find(last, rest).is_some(),
        }
    }
}

/// Without regard to letter case, as [`Pattern::folded`] wants its values.
#[must_use]
pub fn fold(text: &str) -> std::borrow::Cow<'_, str> {
    let lower = text
        .bytes()
        .all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    if lower {
        return text.into();
    }
    // Letter by letter as patterns are folded: a final sigma has no place of its own here.
    text.chars().flat_map(char::to_lowercase).collect()
}

/// Where a piece at the start of the value ends.
fn begins(piece: &[Letter], value: &str) -> Option<usize> {
    let mut letters = value.char_indices();
    for letter in piece {
        let (_, have) = letters.next()?;
        if !letter.takes(have) {
            return None;
        }
    }
    Some(letters.next().map_or(value.len(), |(at, _)| at))
}

fn find(piece: &[Letter], value: &str) -> Option<(usize, usize)> {
    let Some(first) = piece.first() else {
        return Some((0, 0));
    };
    for (at, letter) in value.char_indices() {
        if first.takes(letter)
            && let Some(end) = begins(piece, value.get(at..).unwrap_or(""))
        {
            return Some((at, at + end));
        }
    }
    None
}

fn ends(piece: &[Letter], value: &str) -> bool {
    let mut letters = value.chars().rev();
    piece
        .iter()
        .rev()
        .all(|letter| letters.next().is_some_and(|have| letter.takes(have)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_lie_where_they_stand() {
        for (pattern, value, matches) in [
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("abc*", "abcd", true),
            ("*abc", "xabc", true),
            ("*abc", "abcx", false),
            ("*b*", "abc", true),
            ("a*c", "ac", true),
            ("a*c", "abcb", false),
            ("a*b*c", "a1b2c", true),
            ("a*b*c", "a1c2b", false),
            ("a*bb", "abb", true),
            ("ab*b", "ab", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*", "", true),
            ("*", "anything", true),
            ("", "", true),
            ("", "x", false),
            ("**a**", "bab", true),
            ("?", "", false),
            ("*?", "x", true),
        ] {
            assert_eq!(
                Pattern::parse(pattern).matches(value),
                matches,
                "{pattern} {value}"
            );
        }
    }

    #[test]
    fn a_backslash_escapes_wildcards_and_itself_and_is_a_letter_elsewhere() {
        for (pattern, value) in [
            (r"c:\temp", r"c:\temp"),
            (r"c:\\temp", r"c:\temp"),
            (r"\\\\host", r"\\host"),
            (r"a\*", "a*"),
            (r"a\?", "a?"),
            (r"a\\*", r"a\anything"),
            (r"a\\\*", r"a\*"),
            (r"end\", r"end\"),
        ] {
            assert!(Pattern::parse(pattern).matches(value), "{pattern} {value}");
        }
        assert!(!Pattern::parse(r"a\*").matches("ab"));
    }

    #[test]
    fn a_dash_that_begins_a_word_is_any_dash() {
        let flag = Pattern::parse(" -enc well-known").any_dash();
        for dash in DASHES {
            assert!(flag.matches(&format!(" {dash}enc well-known")));
        }
        assert!(!flag.matches(" -enc well/known"));
        assert_eq!(flag.longest_literal().as_deref(), Some("enc well-known"));
    }

    #[test]
    fn shapes_say_where_the_literal_lies() {
        for (pattern, shape) in [
            ("a", Shape::Whole),
            ("a*", Shape::Start),
            ("*a", Shape::End),
            ("*a*", Shape::Inside),
            ("a*b", Shape::Mixed),
            ("a?", Shape::Mixed),
        ] {
            assert_eq!(Pattern::parse(pattern).shape(), shape, "{pattern}");
        }
    }
}
