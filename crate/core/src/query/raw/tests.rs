//! Rows are the same however the bytes come, every byte is in one of them, and each place is found again.

use super::*;
use proptest::prelude::*;

fn index(bytes: &[u8], pieces: &[usize]) -> RowIndex {
    let mut index = RowIndex::new(bytes.len() as u64, &bytes[..bytes.len().min(512)]);
    let mut at = 0;
    for piece in pieces.iter().cycle() {
        if at >= bytes.len() {
            break;
        }
        let end = (at + piece.max(&1)).min(bytes.len());
        index.push(&bytes[at..end]);
        at = end;
    }
    index
}

fn part(bytes: &[u8], range: Range<u64>) -> &[u8] {
    &bytes[range.start as usize..range.end as usize]
}

fn all_rows(index: &RowIndex, bytes: &[u8], marked: &[Range<u64>]) -> Vec<RawRow> {
    let mut rows = Vec::new();
    let total = index.indexed().rows;
    while (rows.len() as u64) < total {
        let first = rows.len() as u64;
        let page = index.rows(first, 97, part(bytes, index.need(first, 97)), marked, true);
        assert!(!page.is_empty(), "row {first} of {total}");
        rows.extend(page);
    }
    rows
}

fn text_of(rows: &[RawRow]) -> String {
    let pieces = rows.iter().flat_map(|row| &row.pieces);
    pieces.map(|piece| piece.text.as_str()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_byte_is_in_one_row_and_every_place_is_found(
        lines in prop::collection::vec(("[a-zü€😀\r]{0,6}", 0_usize..1200), 0..700),
        pieces in prop::collection::vec(1_usize..5000, 1..5),
        ended in any::<bool>(), wide in any::<bool>(),
    ) {
        let mut text: String = lines.iter().map(|(letters, times)| {
            // Most lines are short, some much longer than a row.
            let times = if times % 50 == 0 { *times } else { times % 7 };
            format!("{}\n", letters.repeat(times))
        }).collect();
        if !ended {
            text.push_str("without an end");
        }
        let mut bytes = text.clone().into_bytes();
        if wide {
            bytes = "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        }
        let index = index(&bytes, &pieces);
        prop_assert_eq!(index.indexed().complete, true);
        let rows = all_rows(&index, &bytes, &[]);
        let mut at = 0;
        for (number, row) in rows.iter().enumerate() {
            prop_assert_eq!((row.row, row.offset), (number as u64, at));
            prop_assert!(row.length > 0 && row.length <= LONGEST_ROW_BYTES + 4);
            at += row.length;
        }
        prop_assert_eq!(at, bytes.len() as u64);
        let begun = rows.iter().filter_map(|row| row.line).count() as u64;
        prop_assert_eq!(index.indexed().lines, begun);
        prop_assert!(!text_of(&rows).contains('\u{fffd}'), "no letter is cut");
        for row in rows.iter().step_by(37) {
            let middle = row.offset + row.length / 2;
            prop_assert_eq!(index.row_at(middle, part(&bytes, index.need_at(middle))), row.row);
            if let Some(line) = row.line {
                prop_assert_eq!(index.row_of_line(line, part(&bytes, index.need_line(line))), row.row, "line {}", line);
            }
        }
    }
}

#[test]
fn what_is_marked_is_told_apart_also_across_rows() {
    let bytes = b"first line\nsecond line\nthird line\n";
    let index = index(bytes, &[7]);
    let event = 6..17;
    let rows = all_rows(&index, bytes, std::slice::from_ref(&event));
    let marked: String = rows
        .iter()
        .flat_map(|row| &row.pieces)
        .filter(|piece| piece.marked)
        .map(|piece| piece.text.as_str())
        .collect();
    assert_eq!(marked, "linesecond");
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[1].line, Some(2));
}

#[test]
fn a_secret_is_dots_until_it_is_revealed() {
    let bytes =
        b"curl -u x\nexport AZURE_CLIENT_SECRET=abc8Q~hunter2hunter2hunter2hunter2hunter2\nls\n";
    let index = index(bytes, &[1000]);
    let page = |reveal| text_of(&index.rows(0, 10, bytes, &[], reveal));
    assert!(!page(false).contains("hunter2"), "{}", page(false));
    assert!(page(false).contains("•••••"));
    assert!(page(true).contains("abc8Q~hunter2"));
}

#[test]
fn a_text_is_found_in_each_spelling() {
    let mut bytes = b"a Needle, a \\\"needle".to_vec();
    bytes.extend("NEEDLE".encode_utf16().flat_map(u16::to_le_bytes));
    let found = find("needle", &bytes);
    assert_eq!(found, [2..8, 14..20, 20..32]);
    assert_eq!(longest("needle"), 12);
    assert!(find("", &bytes).is_empty());
}
