//! What rules cost: 10, 100 and 1,000 made-up rules over the same processes.
//!
//! `cargo test --profile quick -p xtask --test sigma_scale -- --ignored --nocapture` prints the figures; nothing is asserted of them but that the rules found
//! what they must.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test ends where something is not as it must be"
)]

use runlens_core::case::Case;
use runlens_core::formats::ItemReader;
use runlens_core::settings::Settings;
use std::fmt::Write as _;
use std::time::Instant;

const EVENTS: usize = 100_000;

fn events() -> String {
    let mut out = String::new();
    for at in 0..EVENTS {
        let (second, minute, hour) = (at % 60, at / 60 % 60, at / 3_600 % 24);
        let day = 1 + at / 86_400;
        writeln!(
            out,
            r##"{{"Event":{{"System":{{"Provider":{{"#attributes":{{"Name":"Microsoft-Windows-Sysmon"}}}},"EventID":1,"TimeCreated":{{"#attributes":{{"SystemTime":"2024-05-{day:02}T{hour:02}:{minute:02}:{second:02}.000000Z"}}}},"EventRecordID":{at},"Channel":"Microsoft-Windows-Sysmon/Operational","Computer":"WIN01"}},"EventData":{{"ProcessId":{},"Image":"C:\\Program Files\\Made Up\\tool{}.exe","CommandLine":"tool{}.exe --quiet --config C:\\ProgramData\\made-up\\{at}.json /update","ParentImage":"C:\\Windows\\System32\\services.exe","ParentCommandLine":"services.exe","User":"NT AUTHORITY\\SYSTEM"}}}}}}"##,
            at + 10, at % 97, at % 97
        )
        .unwrap();
    }
    out
}

fn rules(count: usize) -> String {
    let mut out = String::new();
    for at in 0..count {
        write!(
            out,
            "---\ntitle: Rule {at}\nid: rule-{at}\nlogsource: {{category: process_creation, product: windows}}\ndetection:\n    image:\n        Image|endswith: ['\\made{at}.exe', '\\up{at}.exe', '\\tool{}.exe']\n    line:\n        CommandLine|contains: ['--secret{at}', '/hidden{at}', 'made-up\\{at}.json']\n    filter:\n        ParentImage|endswith: '\\explorer{at}.exe'\n    condition: image and line and not filter\n",
            at % 97
        )
        .unwrap();
    }
    out
}

#[test]
#[ignore = "prints figures; run it alone"]
fn a_thousand_rules_cost_less_than_a_hundred_times_ten() {
    let settings = Settings::default();
    let events = events();
    let mut case = Case::new(settings.clone());
    let item = case.add_item("sysmon.jsonl", events.len() as u64, None);
    let mut reader = ItemReader::new(
        "sysmon.jsonl",
        events.len() as u64,
        None,
        settings.limits.clone(),
    );
    for piece in events.as_bytes().chunks(1 << 20) {
        reader.push(piece);
        while let Some(batch) = reader.take_batch() {
            case.add_batch(item, &batch);
        }
    }
    case.finish_item(item, &reader.finish());
    case.conclude();
    println!("{} processes", case.processes().len());
    for count in [10, 100, 1_000] {
        let text = rules(count);
        let documents = runlens_core::record::yaml::documents(&text, &settings.limits);
        let begun = Instant::now();
        let files = [runlens_core::sigma::rule_set::RuleFile {
            path: "rules.yml",
            sha256: None,
            documents: &documents,
        }];
        let set = runlens_core::sigma::rule_set::RuleSet::read(&files);
        let compiled = begun.elapsed();
        let begun = Instant::now();
        let search = runlens_core::sigma::search::Search::new(&case, set);
        let run = begun.elapsed();
        println!(
            "{count:>5} rules: compiled in {compiled:.1?}, run in {run:.1?}, {} matches",
            search.matches.len()
        );
        assert_eq!(search.matches.len(), count, "each rule means one process");
    }
}
