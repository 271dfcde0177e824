//! T6 to T8: constant folding, to a fixed point. What is built from constants becomes the constant; everything else stays.
//! A text in which nothing is folded comes back as it is, not copied: nearly all are such.

use crate::expression::Expression;
use regex::{Captures, Regex};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Passes over a layer.
const MOST_PASSES: usize = 16;

/// An expression, and a mark that every match of it contains: most texts are plain command lines, which have none of the marks.
macro_rules! expression {
    ($name:ident, $mark:expr, $text:expr) => {
        fn $name(text: &str) -> Option<&'static Regex> {
            static EXPRESSION: Expression = Expression::new($text);
            EXPRESSION.over_if(text.contains($mark), text)
        }
    };
}

/// Either is around a literal.
const QUOTES: [char; 2] = ['\'', '"'];

expression!(
    chars,
    '[',
    r"(?i)\[char\]\s*\(?\s*(0x[0-9a-f]+|[0-9]{1,6})\s*\)?(?:\s*\+\s*\[char\]\s*\(?\s*(?:0x[0-9a-f]+|[0-9]{1,6})\s*\)?)*"
);
expression!(
    char_list,
    '[',
    r"(?i)(?:-join\s*)?\(?\[char\[\]\]\s*\(?\s*((?:0x[0-9a-f]+|[0-9]{1,6})(?:\s*,\s*(?:0x[0-9a-f]+|[0-9]{1,6}))+)\s*\)?\)?(?:\s*-join\s*(?:''|\x22\x22))?"
);
expression!(
    joined,
    '+',
    r#"(?:'((?:[^'\r\n]|'')*)'|"([^"`$\r\n]*)")\s*\+\s*(?:'((?:[^'\r\n]|'')*)'|"([^"`$\r\n]*)")"#
);
expression!(
    format_call,
    '{',
    r#"(?i)(?:"((?:[^"\r\n]*\{[0-9]+\})+[^"\r\n]*)"|'((?:[^'\r\n]*\{[0-9]+\})+[^'\r\n]*)')\s*-f\s*((?:'[^'\r\n]*'|"[^"$\r\n]*")(?:\s*,\s*(?:'[^'\r\n]*'|"[^"$\r\n]*"))*)"#
);
expression!(
    join_call,
    QUOTES,
    r#"(?i)-join\s*\(\s*((?:'[^'\r\n]*'|"[^"$\r\n]*")(?:\s*,\s*(?:'[^'\r\n]*'|"[^"$\r\n]*"))*)\s*\)"#
);
expression!(
    replace_call,
    ',',
    r#"(?i)(?:'([^'\r\n]*)'|"([^"$\r\n]*)")(?:\.replace\(\s*|\s*-c?replace\s*\(?\s*)(?:'([^'\r\n]*)'|"([^"$\r\n]*)")\s*,\s*(?:'([^'\r\n]*)'|"([^"$\r\n]*)")\s*\)?"#
);
expression!(
    reversed,
    '[',
    r#"(?i)\(?\s*(?:'([^'\r\n]+)'|"([^"$\r\n]+)")\s*\[\s*-1\s*\.\.\s*-\s*([0-9]+)\s*\]\s*\)?\s*-join\s*(?:''|"")"#
);
expression!(
    ps_assignment,
    '$',
    r#"(?im)(?:^|;)[ \t]*\$([a-z_][a-z0-9_]*)[ \t]*=[ \t]*(?:'([^'\r\n]*)'|"([^"`$\r\n]*)")[ \t]*(?:;|\r?$)"#
);
expression!(
    sh_assignment,
    '=',
    r#"(?m)(?:^|;)[ \t]*([A-Za-z_][A-Za-z0-9_]*)=(?:'([^'\r\n]*)'|"([^"$`\\\r\n]*)"|([^\s'"$`;|&()<>\\]+))[ \t]*(?:;|$)"#
);
expression!(ansi_c, "$'", r"\$'((?:[^'\\]|\\.)*)'");
expression!(
    reverse_text,
    "rev",
    r#"(?:echo\s+(?:'([^'\r\n]*)'|"([^"$`\r\n]*)"|([^\s'"$`|;]+))\s*\|\s*rev\b|rev\s*<<<\s*(?:'([^'\r\n]*)'|"([^"$`\r\n]*)"|([^\s'"$`|;)]+)))"#
);
expression!(
    rotated,
    "tr",
    r#"(?:echo\s+(?:'([^'\r\n]*)'|"([^"$`\r\n]*)"|([^\s'"$`|;]+))\s*\|\s*tr\s+['"]?(?:A-Za-z|a-zA-Z)['"]?\s+['"]?(?:N-ZA-Mn-za-m|n-za-mN-ZA-M)['"]?)"#
);
expression!(
    cmd_assignment,
    '=',
    r#"(?im)^[ \t]*set[ \t]+"?([a-z_][a-z0-9_]*)=([^"\r\n&|]*)"?[ \t]*\r?$"#
);
expression!(
    cmd_slice,
    '%',
    r"%([A-Za-z_][A-Za-z0-9_]*)(?::~(-?[0-9]+)(?:,(-?[0-9]+))?)?%"
);

fn to_fixed_point(text: &str, pass: impl Fn(Cow<'_, str>) -> Cow<'_, str>) -> Cow<'_, str> {
    let mut now = Cow::Borrowed(text);
    for _ in 0..MOST_PASSES {
        let next = match pass(Cow::Borrowed(&*now)) {
            Cow::Owned(next) if next != *now => next,
            _ => break,
        };
        now = Cow::Owned(next);
    }
    now
}

/// What a replacement made of a text, else the text.
fn replaced<'a>(text: Cow<'a, str>, change: impl Fn(&str) -> Cow<'_, str>) -> Cow<'a, str> {
    let changed = match change(&text) {
        Cow::Owned(changed) => Some(changed),
        Cow::Borrowed(_) => None,
    };
    changed.map_or(text, Cow::Owned)
}

fn replace<'a>(
    text: Cow<'a, str>,
    expression: fn(&str) -> Option<&'static Regex>,
    with: impl Fn(&Captures<'_>) -> Option<String>,
) -> Cow<'a, str> {
    let Some(regex) = expression(&text) else {
        return text;
    };
    replaced(text, |text| {
        regex.replace_all(text, |found: &Captures<'_>| {
            let whole = found.get(0).map_or("", |whole| whole.as_str());
            with(found).unwrap_or_else(|| whole.to_owned())
        })
    })
}

fn either<'a>(found: &Captures<'a>, groups: &[usize]) -> Option<&'a str> {
    groups
        .iter()
        .find_map(|group| found.get(*group))
        .map(|group| group.as_str())
}

fn number(text: &str) -> Option<char> {
    let text = text.trim().to_ascii_lowercase();
    let value = match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => text.parse().ok()?,
    };
    char::from_u32(value)
}

fn quoted(text: &str) -> String {
    if text.contains('"') {
        format!("'{text}'")
    } else {
        format!("\"{text}\"")
    }
}

fn literals(list: &str) -> Vec<String> {
    static ONE: Expression = Expression::new(r#"'([^'\r\n]*)'|"([^"\r\n]*)""#);
    ONE.over(list)
        .into_iter()
        .flat_map(|regex| regex.captures_iter(list))
        .filter_map(|found| either(&found, &[1, 2]).map(str::to_owned))
        .collect()
}

/// T6.
#[must_use]
pub fn powershell(text: &str) -> Cow<'_, str> {
    to_fixed_point(text, |text| {
        let text = replaced(text, without_backticks);
        let text = replace(text, char_list, |found| {
            let letters: Option<String> = found.get(1)?.as_str().split(',').map(number).collect();
            Some(quoted(&letters?))
        });
        let text = replace(text, chars, |found| {
            let whole = found.get(0)?.as_str();
            let letters: Option<String> = whole
                .split('+')
                .map(|part| number(part.trim().get(6..)?.trim_matches([' ', '(', ')'])))
                .collect();
            Some(quoted(&letters?))
        });
        let text = replace(text, format_call, |found| {
            let values = literals(found.get(3)?.as_str());
            let mut out = either(found, &[1, 2])?.to_owned();
            for (at, value) in values.iter().enumerate() {
                out = out.replace(&format!("{{{at}}}"), value);
            }
            Some(quoted(&out))
        });
        let text = replace(text, join_call, |found| {
            Some(quoted(&literals(found.get(1)?.as_str()).concat()))
        });
        let text = replace(text, replace_call, |found| {
            let (whole, from, to) = (
                either(found, &[1, 2])?,
                either(found, &[3, 4])?,
                either(found, &[5, 6])?,
            );
            (!from.is_empty()).then(|| quoted(&whole.replace(from, to)))
        });
        let text = replace(text, reversed, |found| {
            let whole = either(found, &[1, 2])?;
            let wanted: usize = found.get(3)?.as_str().parse().ok()?;
            (wanted == whole.chars().count())
                .then(|| quoted(&whole.chars().rev().collect::<String>()))
        });
        let text = replace(text, joined, |found| {
            let single = found.get(1).is_some() && found.get(3).is_some();
            let (one, other) = (either(found, &[1, 2])?, either(found, &[3, 4])?);
            Some(if single {
                format!("'{one}{other}'")
            } else {
                quoted(&format!("{one}{other}"))
            })
        });
        substitute(text, ps_assignment, &[2, 3], "$", true)
    })
}

/// Backticks outside single quotes, except the escapes inside double quotes.
fn without_backticks(text: &str) -> Cow<'_, str> {
    if !text.contains('`') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let (mut single, mut double) = (false, false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' if !double => single = !single,
            '"' if !single => double = !double,
            '\n' => (single, double) = (false, false),
            '`' if !single => {
                let next = letters.peek().copied();
                let escape = double
                    && next.is_some_and(|next| {
                        matches!(
                            next,
                            '0' | 'a' | 'b' | 'e' | 'f' | 'n' | 'r' | 't' | 'u' | 'v'
                        )
                    });
                let line_end = next.is_none_or(|next| next == '\n' || next == '\r');
                if !escape && !line_end {
                    continue;
                }
            }
            _ => {}
        }
        out.push(letter);
    }
    Cow::Owned(out)
}

/// Variables that are given a constant once and never again.
fn substitute<'a>(
    text: Cow<'a, str>,
    assignment: fn(&str) -> Option<&'static Regex>,
    values: &[usize],
    sigil: &str,
    fold_case: bool,
) -> Cow<'a, str> {
    let Some(assignment) = assignment(&text) else {
        return text;
    };
    let name_of = |name: &str| {
        if fold_case {
            name.to_ascii_lowercase()
        } else {
            name.to_owned()
        }
    };
    let mut known: BTreeMap<String, Option<String>> = BTreeMap::new();
    for found in assignment.captures_iter(&text) {
        let (Some(name), Some(value)) = (found.get(1), either(&found, values)) else {
            continue;
        };
        let entry = known.entry(name_of(name.as_str()));
        entry
            .and_modify(|value| *value = None)
            .or_insert(Some(value.to_owned()));
    }
    if known.is_empty() {
        return text;
    }
    let mut out = text.into_owned();
    for (name, value) in known {
        let Some(value) = value.filter(|value| !value.contains(&format!("{sigil}{name}"))) else {
            continue;
        };
        let case = if fold_case { "(?i)" } else { "" };
        let pattern = if fold_case {
            format!(r"{case}\${}\b", regex::escape(&name))
        } else {
            format!(r"\$(?:\{{{0}\}}|{0}\b)", regex::escape(&name))
        };
        let Ok(regex) = Regex::new(&pattern) else {
            continue;
        };
        let assigned_again = |rest: &str| {
            let rest = rest.trim_start();
            (rest.starts_with('=') && !rest.starts_with("==")) || rest.starts_with("+=")
        };
        let original = out.clone();
        out = regex
            .replace_all(&original, |found: &Captures<'_>| {
                let whole = found.get(0).map_or(0..0, |whole| whole.range());
                let behind = original.get(whole.end..).unwrap_or("");
                if fold_case && assigned_again(behind) {
                    original.get(whole).unwrap_or("").to_owned()
                } else if fold_case {
                    // Inside double quotes the value stands bare.
                    let line = original
                        .get(..whole.start)
                        .and_then(|head| head.rsplit('\n').next())
                        .unwrap_or("");
                    let inside = line.matches('"').count() % 2 == 1;
                    if inside {
                        value.clone()
                    } else {
                        format!("'{value}'")
                    }
                } else {
                    value.clone()
                }
            })
            .into_owned();
    }
    Cow::Owned(out)
}

/// T7.
#[must_use]
pub fn shell(text: &str) -> Cow<'_, str> {
    to_fixed_point(text, |text| {
        let text = replace(text, ansi_c, |found| {
            let inner = found.get(1)?.as_str();
            inner.contains('\\').then(|| ansi(inner))
        });
        let text = replace(text, reverse_text, |found| {
            let whole = either(found, &[1, 2, 3, 4, 5, 6])?;
            Some(format!(
                "echo '{}'",
                whole.chars().rev().collect::<String>()
            ))
        });
        let text = replace(text, rotated, |found| {
            let whole = either(found, &[1, 2, 3])?;
            let turned: String = whole.chars().map(rot13).collect();
            Some(format!("echo '{turned}'"))
        });
        let text = replaced(text, |text| {
            if !text.contains("IFS") {
                return Cow::Borrowed(text);
            }
            let text = text.replace("${IFS}", " ").replace("$IFS$9", " ");
            Cow::Owned(text.replace("$IFS", " "))
        });
        let text = replaced(text, unquoted);
        substitute(text, sh_assignment, &[2, 3, 4], "$", false)
    })
}

fn rot13(letter: char) -> char {
    match letter {
        'a'..='m' | 'A'..='M' => char::from_u32(u32::from(letter) + 13).unwrap_or(letter),
        'n'..='z' | 'N'..='Z' => char::from_u32(u32::from(letter) - 13).unwrap_or(letter),
        other => other,
    }
}

/// The escapes of `$'…'`.
fn ansi(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(rest.get(..at).unwrap_or(""));
        let tail = rest.get(at + 1..).unwrap_or("");
        let digits = |from: usize, most: usize, radix: u32| {
            let word: String = tail
                .get(from..)
                .unwrap_or("")
                .chars()
                .take(most)
                .take_while(|letter| letter.is_digit(radix))
                .collect();
            let value = u32::from_str_radix(&word, radix)
                .ok()
                .and_then(char::from_u32);
            value.map(|value| (value, from + word.len()))
        };
        let (letter, used) = match tail.chars().next() {
            Some('x') => digits(1, 2, 16).unwrap_or(('x', 1)),
            Some('0'..='7') => digits(0, 3, 8).unwrap_or(('\\', 0)),
            Some('n') => ('\n', 1),
            Some('t') => ('\t', 1),
            Some(other) => (other, other.len_utf8()),
            None => ('\\', 0),
        };
        out.push(letter);
        rest = tail.get(used..).unwrap_or("");
        if used == 0 {
            break;
        }
    }
    out.push_str(rest);
    out
}

/// Quotes inside a word, and backslashes before ordinary letters.
fn unquoted(text: &str) -> Cow<'_, str> {
    if !text.contains(QUOTES) && !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    static EMPTY: Expression = Expression::new(r#"([A-Za-z0-9_/.-])(?:''|"")([A-Za-z0-9_/.-])"#);
    static INSIDE: Expression =
        Expression::new(r#"\b([A-Za-z]{1,12})(?:'([a-z]{1,8})'|"([a-z]{1,8})")([a-z]{0,12})\b"#);
    static ESCAPED: Expression = Expression::new(r"(?m)(^|[\s;|&(]|[A-Za-z])\\([A-Za-z])([a-z])");
    let mut out = Cow::Borrowed(text);
    if let Some(regex) = EMPTY.over(text) {
        out = replaced(out, |text| regex.replace_all(text, "$1$2"));
    }
    if let Some(regex) = INSIDE.over(text) {
        out = replaced(out, |text| {
            regex.replace_all(text, |found: &Captures<'_>| {
                let part = |group: usize| found.get(group).map_or("", |part| part.as_str());
                format!("{}{}{}{}", part(1), part(2), part(3), part(4))
            })
        });
    }
    if let Some(regex) = ESCAPED.over(text) {
        // `\n` and `\t` inside quotes mean something; a word's first letters do not.
        out = replaced(out, |text| {
            regex.replace_all(text, |found: &Captures<'_>| {
                let part = |group: usize| found.get(group).map_or("", |part| part.as_str());
                let ordinary = !matches!(
                    part(2),
                    "n" | "t"
                        | "r"
                        | "x"
                        | "0"
                        | "a"
                        | "b"
                        | "e"
                        | "f"
                        | "v"
                        | "u"
                        | "U"
                        | "d"
                        | "s"
                        | "w"
                        | "S"
                        | "W"
                        | "D"
                        | "B"
                );
                let command = found.get(1).is_some_and(|before| {
                    !before
                        .as_str()
                        .chars()
                        .all(|letter| letter.is_ascii_alphabetic())
                        || before.as_str().is_empty()
                });
                if ordinary || command {
                    format!("{}{}{}", part(1), part(2), part(3))
                } else {
                    part(0).to_owned()
                }
            })
        });
    }
    out
}

/// T8.
#[must_use]
pub fn cmd(text: &str) -> Cow<'_, str> {
    to_fixed_point(text, |text| {
        let mut values: BTreeMap<String, String> = BTreeMap::new();
        for found in cmd_assignment(&text)
            .into_iter()
            .flat_map(|regex| regex.captures_iter(&text))
        {
            if let (Some(name), Some(value)) = (found.get(1), found.get(2)) {
                values.insert(
                    name.as_str().to_ascii_lowercase(),
                    value.as_str().to_owned(),
                );
            }
        }
        let text = replace(text, cmd_slice, |found| {
            let value = values.get(&found.get(1)?.as_str().to_ascii_lowercase())?;
            let letters: Vec<char> = value.chars().collect();
            let length = i64::try_from(letters.len()).ok()?;
            let Some(start) = found.get(2) else {
                return Some(value.clone());
            };
            let start: i64 = start.as_str().parse().ok()?;
            let start = if start < 0 {
                (length + start).max(0)
            } else {
                start.min(length)
            };
            let end = match found.get(3) {
                Some(count) => {
                    let count: i64 = count.as_str().parse().ok()?;
                    if count < 0 {
                        length + count
                    } else {
                        (start + count).min(length)
                    }
                }
                None => length,
            };
            let range = usize::try_from(start).ok()?..usize::try_from(end.max(start)).ok()?;
            Some(letters.get(range)?.iter().collect())
        });
        if !text.contains('^') && !text.contains("\"\"") {
            return text;
        }
        let mut out = String::with_capacity(text.len());
        let mut inside = false;
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            match letter {
                '"' if letters.peek() == Some(&'"') => {
                    letters.next();
                    continue;
                }
                '"' => inside = !inside,
                '\n' => inside = false,
                // At a line's end it joins lines, which is another matter.
                '^' if !inside && !matches!(letters.peek(), Some('\n' | '\r') | None) => continue,
                _ => {}
            }
            out.push(letter);
        }
        Cow::Owned(out)
    })
}
