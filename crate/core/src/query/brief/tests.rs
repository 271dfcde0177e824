use super::{Brief, MOST_NAMED, brief};
use crate::case::Case;
use crate::case::triage::{Said, TriageState};
use crate::query::executions::{ExecutionsAsk, executions};
use crate::query::findings::tests::{RUN, case, row, some};

use crate::query::hosts::first_hosts;
use crate::query::shown;
use crate::settings::Settings;

fn of(case: &Case) -> Brief {
    brief(case, &first_hosts(case, MOST_NAMED))
}

#[test]
fn figures_are_those_of_the_lists_behind_them() {
    let case = some();
    let brief = of(&case);
    let findings: usize = brief.severities.iter().map(|one| one.count).sum();
    assert_eq!(findings + brief.suppressed, case.findings().len());
    assert_eq!(brief.incidents_total, case.incidents().len());
    let all = executions(&case, &ExecutionsAsk::default());
    assert_eq!(brief.executions_total, all.of);
    for one in &brief.executions {
        let ask = ExecutionsAsk {
            filters: [(
                crate::query::executions::Column::Confidence,
                one.word.clone(),
            )]
            .into(),
            ..ExecutionsAsk::default()
        };
        assert_eq!(executions(&case, &ask).total, one.count, "{}", one.word);
    }
    assert_eq!((brief.callers_total, brief.hosts_total), (2, 2));
    assert_eq!(
        brief.coverage.without_guest, 2,
        "there are cloud records alone"
    );
}

#[test]
fn each_piece_of_the_strip_is_what_its_filter_shows() {
    let case = some();
    let brief = of(&case);
    let events: usize = brief.activity.iter().map(|one| one.events).sum();
    assert_eq!(events, case.store().order().len());
    let runs: usize = brief.activity.iter().map(|one| one.executions).sum();
    assert_eq!(runs, brief.executions_total);
    for one in brief.activity.iter().filter(|one| one.events > 0) {
        let (rows, _) = shown::count(&case, &one.filter).expect("a filter");
        assert_eq!(rows, one.events, "{}", one.filter);
    }
    // Evidence of one moment has a strip too.
    let moment = case_of_one();
    assert_eq!(
        of(&moment)
            .activity
            .iter()
            .map(|one| one.events)
            .sum::<usize>(),
        1
    );
    assert!(of(&Case::new(Settings::default())).activity.is_empty());
}

fn case_of_one() -> Case {
    case(
        vec![row(1, "alex@contoso.example", "vm1", RUN)],
        &Settings::default(),
    )
}

#[test]
fn what_is_benign_leads_no_more() {
    let mut case = some();
    let first = of(&case).lead.expect("a lead");
    assert!(first.event.is_some());
    let said = Said {
        state: TriageState::Benign,
        note: String::new(),
    };
    case.triage_mut()
        .set(&first.finding.key, said)
        .expect("said");
    let next = of(&case).lead.expect("another");
    assert_ne!(next.finding.key, first.finding.key);
}
