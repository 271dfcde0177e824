//! A report written down: as one HTML file, or as Markdown.
//!
//! All text goes through one escape each. HTML: the five characters that are markup become entities, control characters and those that turn the
//! direction of text become visible. Markdown: every character that could be markup gets a backslash, inside tables `|` too; listings are fenced with
//! more backticks than they hold. The HTML forbids scripts and any request by its own policy, so that even a mistake here could not act.

use super::Sheet;
use crate::export::pseudonyms::Pseudonyms;

/// The style of the HTML form, ready to print.
const STYLE: &str = include_str!("style.css");

/// A cell of a table.
pub enum Cell {
    /// Words.
    Text(String),
    /// An id, a hash, a path: letters that are compared.
    Exact(String),
    /// A severity or confidence word, which gets its colour.
    Word(&'static str),
    /// A moment, RFC 3339.
    Time(String),
}

impl Cell {
    /// Words that may be absent.
    pub fn maybe(text: Option<&str>) -> Self {
        Self::Text(text.unwrap_or("–").to_owned())
    }

    /// A moment that may be absent.
    pub fn time(time: Option<&str>) -> Self {
        Self::Time(time.map_or_else(|| "–".to_owned(), |time| time.replacen('T', " ", 1)))
    }

    fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Exact(text) | Self::Time(text) => text,
            Self::Word(word) => word,
        }
    }
}

/// A line of a listing.
pub struct ListingLine {
    /// Its number.
    pub number: usize,
    /// Its text.
    pub text: String,
    /// Whether it is marked.
    pub marked: bool,
}

/// Writes content down.
pub struct Writer<'a> {
    sheet: Sheet,
    names: Option<&'a Pseudonyms>,
    out: String,
}

impl<'a> Writer<'a> {
    /// Begins a sheet with this title.
    pub fn new(sheet: Sheet, names: Option<&'a Pseudonyms>, title: &str) -> Self {
        let mut writer = Self {
            sheet,
            names,
            out: String::new(),
        };
        if sheet == Sheet::Html {
            let title = writer.escaped(title);
            writer.out.push_str(&format!(
                "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n<meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>{STYLE}</style></head><body><main>\n"
            ));
        }
        writer
    }

    /// The whole sheet.
    pub fn finish(mut self) -> String {
        if self.sheet == Sheet::Html {
            self.out.push_str("</main></body></html>\n");
        }
        self.out
    }

    fn escaped(&self, text: &str) -> String {
        let named = self
            .names
            .map_or_else(|| text.to_owned(), |names| names.text(text));
        let visible = visible(&named);
        match self.sheet {
            Sheet::Html => html(&visible),
            Sheet::Markdown => markdown(&visible),
        }
    }

    /// A heading of level 1 to 4.
    pub fn heading(&mut self, level: usize, text: &str) {
        let level = level.clamp(1, 4);
        let text = self.escaped(text);
        match self.sheet {
            Sheet::Html => self.out.push_str(&format!("<h{level}>{text}</h{level}>\n")),
            Sheet::Markdown => self
                .out
                .push_str(&format!("\n{} {text}\n\n", "#".repeat(level))),
        }
    }

    /// A paragraph; its lines stay lines.
    pub fn text(&mut self, text: &str) {
        for part in text.split('\n').filter(|part| !part.trim().is_empty()) {
            let part = self.escaped(part);
            match self.sheet {
                Sheet::Html => self.out.push_str(&format!("<p>{part}</p>\n")),
                Sheet::Markdown => self.out.push_str(&format!("{part}\n\n")),
            }
        }
    }

    /// Names with their values.
    pub fn facts(&mut self, facts: &[(&str, String)]) {
        if facts.is_empty() {
            return;
        }
        let html = self.sheet == Sheet::Html;
        self.out.push_str(if html { "<dl>\n" } else { "" });
        for (name, value) in facts {
            let (name, value) = (self.escaped(name), self.escaped(value));
            self.out.push_str(&if html {
                format!("<dt>{name}</dt><dd>{value}</dd>\n")
            } else {
                format!("- **{name}**: {value}\n")
            });
        }
        self.out.push_str(if html { "</dl>\n" } else { "\n" });
    }

    /// A table; without rows it is not written.
    pub fn table(&mut self, head: &[&str], rows: &[Vec<Cell>]) {
        if rows.is_empty() {
            return;
        }
        let html = self.sheet == Sheet::Html;
        let head: Vec<String> = head.iter().map(|text| self.escaped(text)).collect();
        if html {
            self.out.push_str("<table><thead><tr>");
            head.iter()
                .for_each(|text| self.out.push_str(&format!("<th scope=\"col\">{text}</th>")));
            self.out.push_str("</tr></thead><tbody>\n");
        } else {
            self.out.push_str(&format!(
                "| {} |\n|{}\n",
                head.join(" | "),
                " --- |".repeat(head.len())
            ));
        }
        for row in rows {
            let cells: Vec<String> = row.iter().map(|cell| self.cell(cell)).collect();
            if html {
                self.out.push_str(&format!("<tr>{}</tr>\n", cells.concat()));
            } else {
                self.out.push_str(&format!("| {} |\n", cells.join(" | ")));
            }
        }
        self.out
            .push_str(if html { "</tbody></table>\n" } else { "\n" });
    }

    fn cell(&self, cell: &Cell) -> String {
        let text = self.escaped(cell.text());
        match (self.sheet, cell) {
            (Sheet::Html, Cell::Text(_)) => format!("<td>{text}</td>"),
            (Sheet::Html, Cell::Time(_)) => format!("<td class=\"time\">{text}</td>"),
            (Sheet::Html, Cell::Exact(_)) => format!("<td class=\"exact\">{text}</td>"),
            (Sheet::Html, Cell::Word(_)) => {
                format!("<td><span class=\"word {text}\">{text}</span></td>")
            }
            (Sheet::Markdown, _) => text,
        }
    }

    /// Lines of a script or an output.
    pub fn listing(&mut self, lines: &[ListingLine]) {
        if lines.is_empty() {
            return;
        }
        let named = |text: &str| {
            visible(
                &self
                    .names
                    .map_or_else(|| text.to_owned(), |names| names.text(text)),
            )
        };
        match self.sheet {
            Sheet::Html => {
                let mut out = String::from("<pre>");
                for line in lines {
                    let text = html(&named(&line.text));
                    let open = if line.marked { "<mark>" } else { "" };
                    let close = if line.marked { "</mark>" } else { "" };
                    out.push_str(&format!(
                        "<span class=\"line\"><i>{}</i>{open}{text}{close}</span>\n",
                        line.number
                    ));
                }
                out.push_str("</pre>\n");
                self.out.push_str(&out);
            }
            Sheet::Markdown => {
                let texts: Vec<String> = lines
                    .iter()
                    .map(|line| {
                        format!(
                            "{:>4}{} {}",
                            line.number,
                            if line.marked { ">" } else { " " },
                            named(&line.text)
                        )
                    })
                    .collect();
                let longest = texts
                    .iter()
                    .flat_map(|text| text.split(|letter| letter != '`').map(str::len))
                    .max()
                    .unwrap_or(0);
                let fence = "`".repeat(longest.max(2) + 1);
                self.out
                    .push_str(&format!("{fence}text\n{}\n{fence}\n\n", texts.join("\n")));
            }
        }
    }

    /// A drawing that was made here, not text of evidence; Markdown has only its caption.
    pub fn picture(&mut self, svg: &str, caption: &str) {
        let caption = self.escaped(caption);
        match self.sheet {
            Sheet::Html => self.out.push_str(&format!(
                "<figure>{svg}<figcaption>{caption}</figcaption></figure>\n"
            )),
            Sheet::Markdown => self.out.push_str(&format!("{caption}\n\n")),
        }
    }
}

/// Control characters and those that turn the direction of text, made visible.
fn visible(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '\t' => ' ',
            '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + letter as u32).unwrap_or('\u{fffd}'),
            '\u{7f}'..='\u{9f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}' => '\u{fffd}',
            other => other,
        })
        .collect()
}

/// Text that no reader of HTML takes for markup.
pub fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// Text that no reader of Markdown takes for markup, and that no program makes a link of.
fn markdown(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' => {
                out.push('\\');
                out.push(letter);
            }
            other => out.push(other),
        }
    }
    // Many readers make links of these by themselves.
    let out = out.replace("://", "&#58;//").replace("www.", "www&#46;");
    // A line that begins so would be a heading, a list or a rule.
    if out.starts_with(['-', '=', '#', '+']) {
        return format!("\\{out}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "<script>alert(1)</script> [x](javascript:a) `b` | http://evil.example \u{202e}txt\u{1b}[0m";

    #[test]
    fn text_is_never_markup() {
        let mut page = Writer::new(Sheet::Html, None, HOSTILE);
        page.heading(2, HOSTILE);
        page.table(&["a"], &[vec![Cell::Text(HOSTILE.to_owned())]]);
        page.listing(&[ListingLine {
            number: 1,
            text: HOSTILE.to_owned(),
            marked: true,
        }]);
        let page = page.finish();
        assert!(
            !page.contains("<script") && !page.contains('\u{202e}') && !page.contains('\u{1b}'),
            "{page}"
        );
    }

    #[test]
    fn markdown_keeps_its_table_and_its_fence() {
        let mut page = Writer::new(Sheet::Markdown, None, "t");
        page.table(
            &["a", "b"],
            &[vec![Cell::Text(HOSTILE.to_owned()), Cell::Word("high")]],
        );
        page.listing(&[ListingLine {
            number: 1,
            text: "```` <b>".to_owned(),
            marked: false,
        }]);
        let page = page.finish();
        let row = page.lines().nth(2).unwrap();
        assert!(
            row.contains("\\|") && !row.contains("http:") && !row.contains("<s"),
            "{row}"
        );
        assert!(page.contains("`````text\n"), "{page}");
    }
}
