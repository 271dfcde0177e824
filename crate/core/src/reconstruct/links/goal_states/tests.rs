use crate::case::Case;
use crate::formats::ItemReader;
use crate::settings::Settings;

const ROOT: &str = "web01/var/log";
const ONE: &str = "11111111-1111-4111-8111-111111111111";
const TWO: &str = "22222222-2222-4222-8222-222222222222";
const BOOT: &str = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb";

/// What an agent's log and a handler's log say of action runs, as correlation ids by run.
fn brought(agent: &[String], handler: &[String]) -> Vec<(i64, Vec<String>)> {
    let settings = Settings::default();
    let mut case = Case::new(settings.clone());
    let files = [
        (format!("{ROOT}/waagent.log"), agent.join("\n") + "\n"),
        (
            format!("{ROOT}/azure/run-command/handler.log"),
            handler.join("\n") + "\n",
        ),
    ];
    for (path, text) in &files {
        let size = text.len() as u64;
        let item = case.add_item(path, size, None);
        let mut reader = ItemReader::new(path, size, None, settings.limits.clone());
        reader.push(text.as_bytes());
        while let Some(batch) = reader.take_batch() {
            case.add_batch(item, &batch);
        }
        case.finish_item(item, &reader.finish());
    }
    case.conclude();
    let hosts: Vec<(Option<String>, String)> = case
        .items()
        .iter()
        .map(|item| (item.host.clone(), item.layout.root.clone()))
        .collect();
    let states = super::gather(case.store(), &hosts, case.runs(), |_| true);
    let runs = case.runs().iter().map(|run| run.sequence.unwrap_or(-1));
    runs.zip(states.brought).collect()
}

fn goal_state(time: &str, correlation: &str) -> String {
    format!(
        "2024-05-01T{time}.000000Z INFO ExtHandler ExtHandler ProcessExtensionsGoalState started [etag_42 channel: HostGAPlugin source: FastTrack activity: 845594b9-d46c-4649-9f3d-be3bbf795a21 correlation {correlation} created: 2024-05-01T{time}.000000Z]"
    )
}

fn enable(time: &str, number: i64) -> String {
    format!(
        "2024-05-01T{time}.000000Z INFO ExtHandler [Microsoft.CPlat.Core.RunCommandLinux-1.0.5] Update settings file: {number}.settings"
    )
}

fn executing(time: &str, number: i64) -> String {
    format!(
        "time=2024-05-01T{time}Z version=v1.0.5/git operation=enable seq={number} event=\"executing command\" output=/x/{number}"
    )
}

fn expect(number: i64, ids: &[&str]) -> (i64, Vec<String>) {
    (number, ids.iter().map(|id| (*id).to_owned()).collect())
}

#[test]
fn a_number_belongs_to_the_last_goal_state_before_it() {
    let have = brought(
        &[
            goal_state("08:00:00", ONE),
            enable("08:00:01", 3),
            goal_state("09:00:00", TWO),
            enable("09:00:01", 4),
        ],
        &[executing("08:00:02", 3), executing("09:00:02", 4)],
    );
    assert_eq!(have, [expect(3, &[ONE]), expect(4, &[TWO])]);
}

#[test]
fn enabling_again_after_a_boot_brings_nothing() {
    // The log was cut: what led to number 3 is gone, and the boot only calls it again.
    let have = brought(
        &[goal_state("12:00:00", BOOT), enable("12:00:01", 3)],
        &[executing("08:00:02", 3)],
    );
    assert_eq!(have, [expect(3, &[])]);
}

#[test]
fn a_goal_state_brings_one_number_of_a_counter() {
    // Somebody took the second goal state out of the log.
    let have = brought(
        &[
            goal_state("08:00:00", ONE),
            enable("08:00:01", 3),
            enable("09:00:01", 4),
        ],
        &[executing("08:00:02", 3), executing("09:00:02", 4)],
    );
    assert_eq!(have, [expect(3, &[ONE]), expect(4, &[])]);
}
