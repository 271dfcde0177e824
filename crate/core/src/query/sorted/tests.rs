//! Any column gives the same table whatever order the evidence came in, and sorting loses nothing.

use super::*;
use crate::case::notes::Note;
use crate::formats::ItemReader;
use crate::query::rows::row;
use crate::settings::Settings;
use proptest::prelude::*;

const ALL: [EventColumn; 18] = [
    EventColumn::Time,
    EventColumn::Corrected,
    EventColumn::Kind,
    EventColumn::Host,
    EventColumn::Caller,
    EventColumn::Ip,
    EventColumn::Operation,
    EventColumn::Resource,
    EventColumn::Outcome,
    EventColumn::Correlation,
    EventColumn::Path,
    EventColumn::Format,
    EventColumn::Basis,
    EventColumn::Record,
    EventColumn::Bytes,
    EventColumn::Starred,
    EventColumn::Tags,
    EventColumn::Comment,
];

fn read(case: &mut Case, path: &str, bytes: &[u8]) {
    let item = case.add_item(path, bytes.len() as u64, None);
    let limits = case.settings().limits.clone();
    let mut reader = ItemReader::new(path, bytes.len() as u64, None, limits);
    reader.push(bytes);
    case.finish_item(item, &reader.finish());
}

fn files(seconds: &[(u8, u8)]) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for (file, part) in seconds.chunks(7).enumerate() {
        if file % 2 == 0 {
            let lines: String = part
                .iter()
                .map(|(second, who)| {
                    format!(
                        "2024-05-01T10:00:{:02}.000000Z INFO ExtHandler ExtHandler say {who}\n",
                        second % 60
                    )
                })
                .collect();
            files.push((
                format!("web{file:02}/var/log/waagent.log"),
                lines.into_bytes(),
            ));
        } else {
            let rows: Vec<serde_json::Value> = (0_u32..)
                .zip(part)
                .map(|(number, (second, who))| {
                    serde_json::json!({
                        "eventTimestamp": format!("2024-05-01T10:00:{:02}Z", second % 60),
                        "caller": if who % 5 == 0 { String::new() } else { format!("Person{}@contoso.example", who % 5) },
                        "operationName": {"value": "Microsoft.Compute/virtualMachines/runCommand/action"},
                        "status": {"value": if who % 2 == 0 { "Succeeded" } else { "Failed" }},
                        "correlationId": format!("00000000-0000-0000-{file:04}-{number:012}"),
                        "eventDataId": format!("11111111-0000-0000-{file:04}-{number:012}"),
                        "resourceId": format!("/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/vm{}", who % 3),
                    })
                })
                .collect();
            files.push((
                format!("cloud/activity-{file:02}.json"),
                serde_json::Value::from(rows).to_string().into_bytes(),
            ));
        }
    }
    files
}

/// The table by what names its events on any machine.
fn table(case: &Case, sort: Sort) -> Vec<(String, u32)> {
    let order = sorted(case, case.store().order(), sort);
    let name = |event: &EventNumber| {
        let row = row(case, *event, 0);
        (row.path, row.ordinal)
    };
    order.iter().map(name).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_order_of_files_gives_the_same_table(
        seconds in prop::collection::vec((any::<u8>(), any::<u8>()), 1..60),
        turn in 0_usize..9,
    ) {
        let files = files(&seconds);
        let mut turned = files.clone();
        turned.rotate_left(turn % files.len());
        turned.reverse();
        let cases: Vec<Case> = [files, turned].iter().map(|files| {
            let mut case = Case::new(Settings::default());
            for (path, bytes) in files {
                read(&mut case, path, bytes);
            }
            case.conclude();
            let first = case.store().order().first().copied().map(|event| row(&case, event, 0));
            if let Some(first) = first {
                let note = Note { starred: true, tags: vec!["x".to_owned()], comment: "look".to_owned() };
                case.set_note(first.item, first.ordinal, note).unwrap();
            }
            case
        }).collect();
        for by in ALL {
            for descending in [false, true] {
                let sort = Sort { by, descending };
                let [one, other] = [&cases[0], &cases[1]].map(|case| table(case, sort));
                prop_assert_eq!(&one, &other, "{:?}", sort);
                let mut have = one;
                let mut want = table(&cases[0], Sort::default());
                have.sort();
                want.sort();
                prop_assert_eq!(have, want, "nothing is lost by {:?}", sort);
            }
        }
    }
}

#[test]
fn texts_sort_without_case_and_nothing_stands_last_either_way() {
    let mut case = Case::new(Settings::default());
    let rows: Vec<serde_json::Value> = ["bob", "", "Alice", "carol", "alice"]
        .iter()
        .enumerate()
        .map(|(at, caller)| {
            serde_json::json!({
                "eventTimestamp": format!("2024-05-01T10:00:0{at}Z"), "caller": caller,
                "operationName": {"value": "Microsoft.Compute/virtualMachines/start/action"},
                "status": {"value": "Succeeded"}, "correlationId": format!("c{at}"), "eventDataId": format!("e{at}"),
                "resourceId": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/vm",
            })
        })
        .collect();
    read(
        &mut case,
        "activity.json",
        serde_json::Value::from(rows).to_string().as_bytes(),
    );
    case.conclude();
    let callers = |descending| -> Vec<String> {
        let sort = Sort {
            by: EventColumn::Caller,
            descending,
        };
        let order = sorted(&case, case.store().order(), sort);
        order
            .iter()
            .map(|event| row(&case, *event, 0).actor.unwrap_or_default())
            .collect()
    };
    assert_eq!(callers(false), ["Alice", "alice", "bob", "carol", ""]);
    assert_eq!(callers(true), ["carol", "bob", "Alice", "alice", ""]);
}
