//! Regular expressions that are compiled when a text first needs them, and for text of ASCII in a form of their own.
//!
//! Outside ASCII a "word letter" is one of a hundred thousand, and "any letter but a quote" takes an automaton of some twenty states, four hundred times where
//! four hundred letters may stand. Command lines and logs are ASCII nearly always. So an expression has two forms: as written, and with all letters
//! outside ASCII taken out of it, which says the same of text that has none:
//!
//! ```text
//! \w{1,64}[^\r\n]{0,200}é?    as written     130,000 letters a step
//!                             over ASCII     [0-9A-Z_a-z]{1,64}[\x00-\t\x0B\x0C\x0E-\x7F]{0,200}
//! ```
//!
//! Over all expressions of this crate that is a quarter of the time to compile them and a quarter of the memory.
//!
//! Rejected: writing the expressions for ASCII by hand (`(?-u:…)`). Then `é` before `password` would be no letter, and an analyst's own
//! indicators would be written with care for something that is not theirs.

use regex::Regex;
use regex_syntax::hir::{
    Capture, Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look, Repetition,
};
use std::sync::OnceLock;

/// Compiled size that an expression may have, unless something else is said: what [`Regex::new`] allows.
pub const MOST_COMPILED: usize = 10 << 20;

/// The forms of an expression whose text somebody else keeps.
#[derive(Debug, Default)]
pub struct Compiled {
    of_ascii: OnceLock<Option<Regex>>,
    as_written: OnceLock<Option<Regex>>,
}

impl Compiled {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            of_ascii: OnceLock::new(),
            as_written: OnceLock::new(),
        }
    }

    /// With the form as written, which was compiled before.
    #[must_use]
    pub fn written(regex: Regex) -> Self {
        Self {
            of_ascii: OnceLock::new(),
            as_written: OnceLock::from(Some(regex)),
        }
    }

    /// The form of `expression`, always the same one, for texts that are all ASCII or may not be; nothing where it is none or takes more than `most` bytes.
    pub fn of(&self, expression: &str, most: usize, ascii: bool) -> Option<&Regex> {
        let of_ascii = || {
            self.of_ascii
                .get_or_init(|| compile(&over_ascii(expression)?, most).ok())
                .as_ref()
        };
        let as_written = || {
            self.as_written
                .get_or_init(|| compile(expression, most).ok())
                .as_ref()
        };
        ascii.then(of_ascii).flatten().or_else(as_written)
    }
}

/// An expression of this crate.
#[derive(Debug)]
pub struct Expression {
    text: &'static str,
    compiled: Compiled,
}

impl Expression {
    /// Not yet compiled.
    #[must_use]
    pub const fn new(text: &'static str) -> Self {
        Self {
            text,
            compiled: Compiled::new(),
        }
    }

    /// The form to look through this text with. A test of each expression's room compiles it, so there always is one.
    pub fn over(&self, text: &str) -> Option<&Regex> {
        self.compiled.of(self.text, MOST_COMPILED, text.is_ascii())
    }

    /// The same where a cheap look at the text says that it may match: what nearly never matches is nearly never compiled.
    pub fn over_if(&self, may: bool, text: &str) -> Option<&Regex> {
        may.then(|| self.over(text)).flatten()
    }
}

/// Compiles an expression as it is written.
///
/// # Errors
/// What is wrong with it, or that it takes more than `most` bytes.
pub fn compile(expression: &str, most: usize) -> Result<Regex, regex::Error> {
    regex::RegexBuilder::new(expression)
        .size_limit(most)
        .build()
}

/// What says the same of text of ASCII; nothing where the expression cannot be read, or would lose a group.
#[must_use]
pub fn over_ascii(expression: &str) -> Option<String> {
    let written = regex_syntax::parse(expression).ok()?;
    let narrowed = narrowed(&written);
    let groups = |hir: &Hir| hir.properties().explicit_captures_len();
    (groups(&written) == groups(&narrowed)).then(|| narrowed.to_string())
}

fn narrowed(hir: &Hir) -> Hir {
    match hir.kind() {
        HirKind::Literal(literal) if !literal.0.is_ascii() => Hir::fail(),
        HirKind::Class(Class::Unicode(class)) => {
            let mut class = class.clone();
            class.intersect(&ClassUnicode::new([ClassUnicodeRange::new('\0', '\x7f')]));
            Hir::class(Class::Unicode(class))
        }
        HirKind::Look(look) => Hir::look(match look {
            Look::WordUnicode => Look::WordAscii,
            Look::WordStartUnicode => Look::WordStartAscii,
            Look::WordEndUnicode => Look::WordEndAscii,
            // A boundary's absence may only be said for Unicode, as text is UTF-8.
            other => *other,
        }),
        HirKind::Repetition(repetition) => Hir::repetition(Repetition {
            sub: Box::new(narrowed(&repetition.sub)),
            ..repetition.clone()
        }),
        HirKind::Capture(capture) => Hir::capture(Capture {
            index: capture.index,
            name: capture.name.clone(),
            sub: Box::new(narrowed(&capture.sub)),
        }),
        HirKind::Concat(parts) => Hir::concat(parts.iter().map(narrowed).collect()),
        HirKind::Alternation(branches) => Hir::alternation(branches.iter().map(narrowed).collect()),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(Class::Bytes(_)) => hir.clone(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All matches with all their groups.
    fn matches(regex: &Regex, text: &str) -> Vec<Vec<Option<std::ops::Range<usize>>>> {
        let all = regex.captures_iter(text);
        all.map(|found| found.iter().map(|group| Some(group?.range())).collect())
            .collect()
    }

    /// Both forms find the same in a text, if it is of ASCII, and know the same groups.
    pub(crate) fn agree(compiled: &Compiled, expression: &str, text: &str) {
        if !text.is_ascii() {
            return;
        }
        let form = |ascii| compiled.of(expression, MOST_COMPILED, ascii).unwrap();
        let (of_ascii, as_written) = (form(true), form(false));
        assert_eq!(
            of_ascii.capture_names().collect::<Vec<_>>(),
            as_written.capture_names().collect::<Vec<_>>()
        );
        assert_eq!(
            matches(of_ascii, text),
            matches(as_written, text),
            "{expression} over {text:?}"
        );
    }

    impl Expression {
        pub(crate) fn agrees(&self, text: &str) {
            agree(&self.compiled, self.text, text);
        }
    }

    const HARD: [&str; 16] = [
        r"(?i)\bk\w*\B[^\r\n]{0,3}",
        r"(?i)s(?P<a>[-/–—]e(?:c|nc)?)\s",
        r"(?i)(é|k)+(?P<x>\w)",
        r"(?:é(x)|k)",
        r"(?s).{2,4}?k",
        r"(?im)^[ \t]*(\S+)$",
        r"\d+|[[:alpha:]]{2}|\W",
        r"[^a-z]*?(?:k|K|é)$",
        r"\b{start}\w|\w\b{end}",
        r"(?x) k \s # a word of its own",
        r"é*",
        r"(?-u:\b)k",
        r"[é]|()",
        r"(?i)ſ|[ſ-ẞ]k?",
        r"(?R)k$\n?",
        r"(a|b)*?k(?:[0-9]{2,}|)",
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

        #[test]
        fn both_forms_say_the_same_of_ascii(at in 0..HARD.len(), text in r"[ks ecn/\-0-9_a-bXK\r\n\t.#\x00\x7f]{0,24}") {
            agree(&Compiled::new(), HARD[at], &text);
        }
    }

    #[test]
    fn the_form_as_written_is_for_text_beyond_ascii() {
        static WORD: Expression = Expression::new(r"^\w+$");
        assert!(WORD.over("é").unwrap().is_match("é"));
        assert!(!WORD.over("e").unwrap().is_match("é"));
    }

    #[test]
    fn a_group_that_ascii_cannot_reach_keeps_its_number() {
        let compiled = Compiled::new();
        let regex = compiled.of("(?:é(x)|k(y))", MOST_COMPILED, true).unwrap();
        assert_eq!(regex.captures("ky").unwrap().get(2).unwrap().as_str(), "y");
    }

    #[test]
    fn what_is_no_expression_is_none() {
        assert!(Compiled::new().of("(", MOST_COMPILED, true).is_none());
        assert!(Compiled::new().of(r"\w{1000}", 1 << 10, true).is_none());
    }
}
