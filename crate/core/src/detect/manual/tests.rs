use super::{Span, blocks, page, spans, text, title};
use crate::detect::TABLE;

const HEADINGS: [&str; 5] = [
    "What it finds",
    "Why it matters",
    "Parameters",
    "Known false positives",
    "Sources",
];

#[test]
fn every_detector_has_its_page_with_the_fixed_headings() {
    for detector in TABLE {
        let written = text(detector.id);
        assert!(written.is_some(), "{} has no manual page", detector.id);
        assert!(title(detector.id).is_some_and(|title| !title.is_empty()));
        let page = page(detector.id);
        let headings: Vec<&str> = page
            .iter()
            .filter(|block| block.form == "heading" && block.level == 2)
            .map(|block| block.rows[0][0][0].text.as_str())
            .collect();
        assert_eq!(headings, HEADINGS, "{}", detector.id);
        let after = |at: usize| page.get(at + 1).is_some_and(|next| next.form != "heading");
        let empty = (1..page.len()).find(|at| page[*at].form == "heading" && !after(*at));
        assert_eq!(empty, None, "{}: a heading without text", detector.id);
    }
}

#[test]
fn no_page_is_made_of_a_room_that_is_no_detector() {
    assert_eq!(text("history"), None);
    assert_eq!(text("mod"), None);
    assert!(page("no-such-detector").is_empty());
}

fn plain(text: &str) -> Span {
    Span {
        form: "plain",
        text: text.to_owned(),
    }
}

#[test]
fn forms_are_told_apart() {
    let read = blocks(
        "# Title\n\n## Head\nOne `a\nb` two\nthree.\n- first\n  goes on\n- second\n\n| a | b |\n|---|---|\n| 1 | `2` |\n```text\n# not a title\n```\nend",
    );
    let forms: Vec<(&str, usize)> = read.iter().map(|b| (b.form, b.rows.len())).collect();
    assert_eq!(
        forms,
        [
            ("heading", 1),
            ("heading", 1),
            ("paragraph", 1),
            ("list", 2),
            ("table", 2),
            ("fenced", 1),
            ("paragraph", 1)
        ]
    );
    let code = Span {
        form: "code",
        text: "a b".to_owned(),
    };
    assert_eq!(
        read[2].rows[0][0],
        [plain("One "), code, plain(" two three.")]
    );
    assert_eq!(read[3].rows[0][0], [plain("first goes on")]);
    assert_eq!(read[5].rows[0][0], [plain("# not a title")]);
}

#[test]
fn signs_without_a_partner_and_markup_stay_text() {
    assert_eq!(spans("a ` b ** c"), [plain("a ` b ** c")]);
    assert_eq!(spans("<b>x</b>"), [plain("<b>x</b>")]);
    let strong = Span {
        form: "strong",
        text: "all".to_owned(),
    };
    assert_eq!(spans("**all** of"), [strong, plain(" of")]);
    assert!(spans("").is_empty());
}
