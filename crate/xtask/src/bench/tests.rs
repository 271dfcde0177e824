use super::accuracy::{Ask, difficulty, measured, together};
use super::inputs::FORMATS;
use super::measured::measure;
use super::rounds::{Samples, with_section};
use super::{Wanted, read, rules};
use runlens_casegen::adversary::{Clocks, Difficulty};
use runlens_casegen::volume;
use runlens_core::lists::{ListKind, Lists};
use runlens_core::record::yaml;
use runlens_core::script::{Examinations, ScriptHint};
use runlens_core::settings::Settings;
use runlens_core::sigma::rule_set::{RuleFile, RuleSet};
use runlens_core::sigma::search::Search;

#[test]
fn hard_cases_are_reconstructed_and_linked() {
    let cases = measured(&Ask {
        seeds: 18,
        first: 1,
        verbose: false,
    });
    let all = together(cases.iter().map(|(_, measured)| measured));
    assert!(all.links.wanted > 200, "{}", all.links.wanted);
    assert_eq!(
        (all.operations.precision(), all.operations.recall()),
        (1.0, 1.0)
    );
    assert!(
        all.runs.precision() >= 0.999 && all.runs.recall() >= 0.995,
        "{:?} {:#?}",
        all.runs,
        all.remarks
    );
    let said = format!("{:?}\n{:#?}", all.links, all.remarks);
    assert!(all.links.precision() >= 0.96, "{said}");
    assert!(all.links.recall() >= 0.91, "{said}");
    assert!(all.decidable.recall() >= 0.93, "{said}");
    assert!(all.links.precision() > all.nearest.precision());
    assert!(all.links.recall() > all.nearest.recall());
    assert!(
        all.clock_error(50) <= Some(2.0),
        "{:?}",
        all.clock_error(50)
    );
}

#[test]
fn without_malice_every_link_is_found() {
    let kind = Difficulty {
        twins: 0,
        bursts: 0,
        hourly: 0,
        refused: 0,
        strangers: 0,
        resets: 0,
        correlations: 100,
        rotated: 0,
        ..Difficulty::with(Clocks::Right, 0)
    };
    let measured = measure(3, kind);
    assert!(measured.links.wanted > 10);
    assert_eq!(
        (measured.links.precision(), measured.links.recall()),
        (1.0, 1.0),
        "{:#?}",
        measured.remarks
    );
}

#[test]
fn the_same_seed_gives_the_same_figures() {
    let (one, other) = (measure(5, difficulty(5)), measure(5, difficulty(5)));
    assert_eq!((one.links, one.remarks), (other.links, other.remarks));
}

#[test]
fn every_input_is_read_whole_by_all_candidates() {
    let said = read::section(&Wanted {
        megabytes: 1,
        rounds: 1,
        ..Wanted::default()
    })
    .unwrap();
    for format in &FORMATS {
        let (_, table) = said.split_once(&format!("### {}\n", format.name)).unwrap();
        let table = table.split("###").next().unwrap();
        let figures = |words: &str| -> u64 {
            let before = table.split(words).next().unwrap();
            before.rsplit(' ').next().unwrap().parse().unwrap()
        };
        let (made, seen) = (figures(" records made"), figures(" events read"));
        // A line of a log may begin a record inside another's body, and events of an archive that are told twice count once more.
        assert!(made > 100 && seen >= made, "{}: {table}", format.name);
        let rows = table
            .lines()
            .filter(|line| line.contains("Runlens, "))
            .count();
        assert_eq!(rows, 2, "{table}");
        assert_eq!(table.contains("serde_json, typed"), format.json.is_some());
        assert_eq!(table.contains("evtx crate"), format.name == "evtx");
    }
}

#[test]
fn the_middle_the_least_and_the_most_are_told() {
    let mut samples = Samples::default();
    assert_eq!(samples.text(1), "–");
    for value in [3.0, 1.0, 9.0] {
        samples.add(value);
    }
    assert_eq!(samples.text(1), "3.0 (1.0–9.0)");
    assert_eq!(samples.map(|value| 9.0 / value).text(0), "3 (1–9)");
    assert_eq!(samples.most(), Some(9.0));
}

#[test]
fn a_section_takes_its_own_place_and_leaves_the_others() {
    let one = with_section("", "Natively", "first\n\n### syslog\n\nfigures");
    let two = with_section(&one, "In the tab", "second");
    let again = with_section(&two, "Natively", "third");
    assert!(
        two.contains("## Natively\n\nfirst\n\n### syslog\n\nfigures\n"),
        "{two}"
    );
    assert!(again.contains("## In the tab\n\nsecond\n"), "{again}");
    assert!(
        again.contains("## Natively\n\nthird\n") && !again.contains("first"),
        "{again}"
    );
    assert_eq!(with_section(&again, "Natively", "third"), again);
}

/// What is refused costs nothing, and a table of it would praise the wrong thing.
#[test]
fn the_rules_that_are_measured_run_and_nearly_all_find_nothing() {
    let settings = Settings::default();
    let text = rules::rules(40);
    let documents = yaml::documents(&text, &settings.limits);
    let set = RuleSet::read(&[RuleFile {
        path: "made-up.yml",
        sha256: None,
        documents: &documents,
    }]);
    assert_eq!(set.rules.len(), 40);
    for rule in &set.rules {
        assert!(rule.body.is_ok() && rule.left_out.is_empty(), "{rule:?}");
    }
    let mut reading = super::detect::Reading::new(2_000);
    let _ = volume::activity_ndjson(1, u64::MAX, &mut reading);
    let (mut case, _) = reading.finish();
    case.conclude();
    let search = Search::new(&case, set);
    assert!(search.has_ended(), "no record has to be read again");
    assert!(
        !search.matches.is_empty(),
        "the first rule finds run commands"
    );
    assert!(search.matches.iter().all(|found| found.rule == 0));
    let mut lists = Lists::default();
    let toml = rules::indicators(40);
    lists
        .set(ListKind::Indicators, "made-up.toml", &toml)
        .unwrap();
    let hint = ScriptHint {
        windows: None,
        file_name: None,
    };
    let found = |text: &str| {
        let examined =
            lists
                .content
                .examine(text, &hint, &settings.script, &mut Examinations::default());
        let ids = examined.matches.iter().map(|hit| hit.indicator.id.clone());
        ids.filter(|id| id.starts_with("made-up-")).count()
    };
    assert_eq!(found(&rules::script(0)), 0);
    assert_eq!(found("tool7 --drop x\n"), 1);
}
