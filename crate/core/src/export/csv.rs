//! Cells of a CSV that neither breaks nor runs anything.

/// A cell that no spreadsheet takes for a formula, quoted where it must be.
#[must_use]
pub fn cell(text: &str) -> String {
    // Dashes alone (Plaso's `-` and `--:--:--` for what is not known) calculate nothing.
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r'])
        && !text.chars().all(|letter| matches!(letter, '-' | ':'));
    let text = if formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

/// A line of cells.
pub fn line<'a>(out: &mut Vec<u8>, cells: impl IntoIterator<Item = &'a str>) {
    for (at, text) in cells.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(cell(text).as_bytes());
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_quotes_survive() {
        assert_eq!(cell("=1+1"), "'=1+1");
        assert_eq!(cell("-2+3"), "'-2+3");
        assert_eq!(cell("--:--:--"), "--:--:--");
        assert_eq!(cell("@a,b"), "\"'@a,b\"");
        assert_eq!(cell("a \"b\""), "\"a \"\"b\"\"\"");
        assert_eq!(cell("plain/path.log"), "plain/path.log");
    }
}
