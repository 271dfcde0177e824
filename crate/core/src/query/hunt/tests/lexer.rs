//! Small readers of both languages, written from their grammars and not from the writer that they test.
//!
//! ```text
//! A in ("x\"y")   ─► Name A, Name in, Sign (, Text x"y, Sign )
//! ```
//!
//! Numbers and spans of time (`15m`) are left out: they are of no interest here.

/// A part of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A name, a key word or a function.
    Name(String),
    /// What a string literal means.
    Text(String),
    /// Any other letter.
    Sign(char),
}

struct Reader<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
}

impl Reader<'_> {
    fn while_in(&mut self, first: char, inside: impl Fn(char) -> bool) -> String {
        let mut name = String::from(first);
        while let Some(letter) = self.rest.next_if(|letter| inside(*letter)) {
            name.push(letter);
        }
        name
    }

    fn number(&mut self) {
        while self
            .rest
            .next_if(|letter| letter.is_ascii_alphanumeric())
            .is_some()
        {}
    }

    fn hex(&mut self) -> Result<u32, String> {
        let digits: String = self.rest.by_ref().take(4).collect();
        u32::from_str_radix(&digits, 16).map_err(|_| format!("\\u{digits}"))
    }

    /// A quoted string up to `end`; `unicode` where `\u` is known.
    fn quoted(&mut self, end: char, unicode: bool) -> Result<String, String> {
        let mut text = String::new();
        loop {
            match self.rest.next() {
                None => return Err("a string is left open".to_owned()),
                Some('\n' | '\r') => return Err("a line ends inside a string".to_owned()),
                Some(letter) if letter == end => return Ok(text),
                Some('\\') => match self.rest.next() {
                    Some('n') => text.push('\n'),
                    Some('r') => text.push('\r'),
                    Some('t') => text.push('\t'),
                    Some(letter @ ('\\' | '"')) => text.push(letter),
                    Some('\'') if unicode => text.push('\''),
                    Some('u') if unicode => {
                        let mut number = self.hex()?;
                        if (0xd800..0xdc00).contains(&number) {
                            let (slash, u) = (self.rest.next(), self.rest.next());
                            if (slash, u) != (Some('\\'), Some('u')) {
                                return Err("half a letter".to_owned());
                            }
                            number = 0x1_0000 + ((number - 0xd800) << 10) + (self.hex()? - 0xdc00);
                        }
                        text.push(char::from_u32(number).ok_or("no letter")?);
                    }
                    other => return Err(format!("no escape: {other:?}")),
                },
                Some(letter) => text.push(letter),
            }
        }
    }
}

/// Reads KQL.
pub(super) fn lex_kql(text: &str) -> Result<Vec<Token>, String> {
    let mut reader = Reader {
        rest: text.chars().peekable(),
    };
    let mut tokens = Vec::new();
    while let Some(letter) = reader.rest.next() {
        match letter {
            '"' | '\'' => tokens.push(Token::Text(reader.quoted(letter, true)?)),
            '@' if reader.rest.next_if_eq(&'"').is_some() => {
                let mut verbatim = String::new();
                loop {
                    match reader.rest.next() {
                        None | Some('\n' | '\r') => {
                            return Err("a verbatim string is left open".to_owned());
                        }
                        Some('"') if reader.rest.next_if_eq(&'"').is_some() => verbatim.push('"'),
                        Some('"') => break,
                        Some(inside) => verbatim.push(inside),
                    }
                }
                tokens.push(Token::Text(verbatim));
            }
            '/' if reader.rest.next_if_eq(&'/').is_some() => {
                while reader.rest.next_if(|inside| *inside != '\n').is_some() {}
            }
            letter if letter.is_whitespace() => {}
            letter if letter.is_ascii_digit() => reader.number(),
            letter if letter.is_alphabetic() || letter == '_' => {
                let name =
                    reader.while_in(letter, |inside| inside.is_alphanumeric() || inside == '_');
                // The content of datetime(…) is no name.
                if name == "datetime" && reader.rest.peek() == Some(&'(') && {
                    let mut ahead = reader.rest.clone();
                    ahead.next();
                    ahead.peek().is_some_and(char::is_ascii_digit)
                } {
                    while reader.rest.next_if(|inside| *inside != ')').is_some() {}
                    reader.rest.next();
                }
                tokens.push(Token::Name(name));
            }
            other => tokens.push(Token::Sign(other)),
        }
    }
    Ok(tokens)
}

/// Reads ES|QL. A name goes over dots, and an index over dashes and stars.
pub(super) fn lex_esql(text: &str) -> Result<Vec<Token>, String> {
    let mut reader = Reader {
        rest: text.chars().peekable(),
    };
    let mut tokens = Vec::new();
    while let Some(letter) = reader.rest.next() {
        match letter {
            '"' => {
                let mut ahead = reader.rest.clone();
                if (ahead.next(), ahead.next()) == (Some('"'), Some('"')) {
                    return Err("a raw string begins".to_owned());
                }
                tokens.push(Token::Text(reader.quoted('"', false)?));
            }
            '`' => {
                let mut name = String::new();
                loop {
                    match reader.rest.next() {
                        None | Some('\n') => return Err("a name is left open".to_owned()),
                        Some('`') => break,
                        Some(inside) => name.push(inside),
                    }
                }
                tokens.push(Token::Name(name));
            }
            '/' if reader.rest.next_if_eq(&'/').is_some() => {
                while reader.rest.next_if(|inside| *inside != '\n').is_some() {}
            }
            letter if letter.is_whitespace() => {}
            letter if letter.is_ascii_digit() => reader.number(),
            letter if letter.is_alphabetic() || matches!(letter, '_' | '@') => {
                let mut name = reader.while_in(letter, |inside| {
                    inside.is_alphanumeric() || matches!(inside, '_' | '.')
                });
                if name == "logs" {
                    // The first letter handed in stands for the one already read.
                    let rest = reader.while_in('-', |inside| {
                        inside.is_alphanumeric() || matches!(inside, '-' | '.' | '*' | '_')
                    });
                    name.push_str(&rest[1..]);
                }
                tokens.push(Token::Name(name));
            }
            other => tokens.push(Token::Sign(other)),
        }
    }
    Ok(tokens)
}

#[test]
fn both_readers_refuse_what_is_left_open() {
    for text in ["\"a", "@\"a", "\"a\nb\"", "\"\\q\""] {
        assert!(lex_kql(text).is_err(), "{text:?}");
    }
    for text in ["\"a", "`a", "\"a\nb\"", "\"\\u0041\"", "\"\"\"a"] {
        assert!(lex_esql(text).is_err(), "{text:?}");
    }
    assert_eq!(
        lex_kql("A == @\"x\"\"y\" // z"),
        Ok(vec![
            Token::Name("A".to_owned()),
            Token::Sign('='),
            Token::Sign('='),
            Token::Text("x\"y".to_owned()),
        ])
    );
}
