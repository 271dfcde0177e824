//! The manual page of each detector, as blocks that a page draws.
//!
//! A page is the doc comment of the detector's own file, taken out by the build script, in the small Markdown that these comments are written
//! in: titles, paragraphs, lists, tables, fenced text, and inside a line `code` and **strong** words.
//!
//! ```text
//! ## Parameters                          Block { form: "heading", level: 2, rows: [[Parameters]] }
//! `report_min` (3; 1 to 20).             Block { form: "paragraph", rows: [[code report_min, " (3; 1 to 20)."]] }
//! ```
//!
//! Rejected: a Markdown library that makes HTML. The page sets elements and never markup, and these five forms are all that there is.

use serde::Serialize;

mod pages {
    include!(concat!(env!("OUT_DIR"), "/manual_pages.rs"));
    pub(in crate::detect::manual) fn all() -> &'static [(&'static str, &'static str)] {
        PAGES
    }
}

/// A run of letters of one form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Span {
    /// `plain`, `code` or `strong`.
    pub form: &'static str,
    /// The letters.
    pub text: String,
}

/// A part of a page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Block {
    /// `heading`, `paragraph`, `list`, `table` or `fenced`.
    pub form: &'static str,
    /// Of a heading: 1 or 2.
    pub level: u8,
    /// Rows of cells; a heading, a paragraph and a list item are rows of one cell.
    pub rows: Vec<Vec<Vec<Span>>>,
}

impl Block {
    /// A block of rows of one cell, whose letters are taken as they are.
    fn plain<'a>(form: &'static str, level: u8, rows: impl Iterator<Item = &'a str>) -> Self {
        let cell = |text: &str| {
            let (form, text) = ("plain", text.to_owned());
            vec![vec![Span { form, text }]]
        };
        let rows = rows.map(cell).collect();
        Self { form, level, rows }
    }

    /// A title.
    #[must_use]
    pub fn heading(level: u8, text: &str) -> Self {
        Self::plain("heading", level, std::iter::once(text))
    }

    /// A paragraph.
    #[must_use]
    pub fn paragraph(text: &str) -> Self {
        Self::plain("paragraph", 0, std::iter::once(text))
    }

    /// A list.
    #[must_use]
    pub fn list(items: &[String]) -> Self {
        Self::plain("list", 0, items.iter().map(String::as_str))
    }
}

/// The page of a detector, as it is written.
#[must_use]
pub fn text(detector: &str) -> Option<&'static str> {
    let pages = pages::all();
    let at = pages.binary_search_by_key(&detector, |(id, _)| *id).ok()?;
    pages.get(at).map(|(_, page)| *page)
}

/// The title of a detector's page.
#[must_use]
pub fn title(detector: &str) -> Option<&'static str> {
    text(detector)?.lines().next()?.strip_prefix("# ")
}

/// The page of a detector, in blocks; none where there is no such page.
#[must_use]
pub fn page(detector: &str) -> Vec<Block> {
    text(detector).map(blocks).unwrap_or_default()
}

/// Which form a line begins or goes on with, its level, and its text.
fn line_form(line: &str) -> (&'static str, u8, &str) {
    if let Some(text) = line.strip_prefix("## ") {
        ("heading", 2, text)
    } else if let Some(text) = line.strip_prefix("# ") {
        ("heading", 1, text)
    } else if let Some(text) = line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")) {
        ("list", 0, text)
    } else if line.starts_with('|') {
        ("table", 0, line)
    } else {
        ("paragraph", 0, line)
    }
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    // The text of what is being gathered; its spans are cut when it is whole, since a `code` may go on in the next line.
    let mut open: Option<(&'static str, u8, Vec<String>)> = None;
    let mut fenced = false;
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            close(&mut blocks, open.take());
            fenced = !fenced;
            if fenced {
                open = Some(("fenced", 0, Vec::new()));
            }
            continue;
        }
        if fenced {
            if let Some((_, _, rows)) = &mut open {
                rows.push(line.to_owned());
            }
            continue;
        }
        if line.trim().is_empty() {
            close(&mut blocks, open.take());
            continue;
        }
        let (form, level, text) = line_form(line);
        match &mut open {
            // A line without a sign of its own goes on with what is open.
            Some((at, _, rows)) if form == "paragraph" && matches!(*at, "paragraph" | "list") => {
                if let Some(last) = rows.last_mut() {
                    last.push(' ');
                    last.push_str(text.trim());
                }
            }
            Some((at, _, rows)) if *at == form && form != "heading" => {
                rows.push(text.to_owned());
            }
            _ => {
                close(&mut blocks, open.take());
                open = Some((form, level, vec![text.to_owned()]));
            }
        }
    }
    close(&mut blocks, open);
    blocks
}

fn close(blocks: &mut Vec<Block>, open: Option<(&'static str, u8, Vec<String>)>) {
    let Some((form, level, lines)) = open else {
        return;
    };
    let rows = match form {
        "fenced" => vec![vec![vec![Span {
            form: "plain",
            text: lines.join("\n"),
        }]]],
        "table" => lines
            .iter()
            .filter(|line| line.chars().any(|letter| !"|-: ".contains(letter)))
            .map(|line| line.trim_matches('|').split('|').map(spans).collect())
            .collect(),
        _ => lines.iter().map(|line| vec![spans(line)]).collect(),
    };
    blocks.push(Block { form, level, rows });
}

/// Cuts a line at its signs; a sign without its partner is a letter like any other.
fn spans(line: &str) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut rest = line.trim();
    let mut plain = String::new();
    while !rest.is_empty() {
        let sign = [("`", "code"), ("**", "strong")]
            .into_iter()
            .filter_map(|(sign, form)| rest.find(sign).map(|at| (at, sign, form)))
            .min_by_key(|(at, ..)| *at);
        let Some((at, sign, form)) = sign else {
            break;
        };
        let (before, from) = rest.split_at(at);
        let inner = from.strip_prefix(sign).unwrap_or(from);
        plain.push_str(before);
        if let Some((inside, after)) = inner.split_once(sign) {
            push(&mut spans, "plain", std::mem::take(&mut plain));
            push(&mut spans, form, inside.to_owned());
            rest = after;
        } else {
            plain.push_str(sign);
            rest = inner;
        }
    }
    plain.push_str(rest);
    push(&mut spans, "plain", plain);
    spans
}

fn push(spans: &mut Vec<Span>, form: &'static str, text: String) {
    if !text.is_empty() {
        spans.push(Span { form, text });
    }
}

#[cfg(test)]
mod tests;
