//! What detection costs against the number of rules: content indicators over scripts, Sigma rules over Activity Log rows, both the same ones each time.
//!
//! Rules are made up: each looks for texts of its own, as published ones do, and nearly all of them find nothing. What a rule costs then is what it
//! costs to be passed over, and that must not be paid rule by rule.
//!
//! ```text
//! | rules | … | rows searched, s |        ten times the rules: far less than ten times the time
//! |   300 |   |             0.09 |
//! | 3,000 |   |             0.13 |
//! ```
//!
//! Reading a rule (its YAML or TOML, its expressions, the automaton of all texts) is paid once a rule and once a case, and has a column of its own.
//!
//! Rejected: rules of the Sigma project. They would have to be carried along, and hold a tenth of 3,000 for what is read here.

use super::detect::{Reading, now};
use crate::failure::Failure;
use runlens_casegen::volume;
use runlens_core::case::Case;
use runlens_core::lists::{ListKind, Lists};
use runlens_core::record::yaml;
use runlens_core::script::{Examinations, ScriptHint};
use runlens_core::sigma::rule_set::{RuleFile, RuleSet};
use runlens_core::sigma::search::Search;
use std::fmt::Write as _;
use std::time::Duration;

/// How many rules.
const COUNTS: [usize; 4] = [0, 30, 300, 3_000];
/// Rounds; the least time counts, since others on the machine only add to it.
const ROUNDS: usize = 3;
/// Scripts that are searched, and lines of each.
const SCRIPTS: usize = 200;
const LINES: usize = 500;

/// Indicators in the form of an analyst's list.
pub fn indicators(count: usize) -> String {
    let mut out = String::new();
    for at in 0..count {
        // Writing into a string does not fail.
        let _ = write!(
            out,
            "[[indicator]]\nid = 'made-up-{at}'\ngroup = 'EXE'\nos = 'any'\nwhat = 'Made up'\nre = '(?i)\\b(?:tool{at}|kit{at})\\s+--(?:drop|plant)\\b'\npos = 'tool{at} --drop x'\nneg = 'tool{at} --help'\ntechnique = 'T1059'\nweight = 3\n"
        );
    }
    out
}

/// Sigma rules; the first one finds the run commands among the rows.
pub fn rules(count: usize) -> String {
    let mut out = String::new();
    for at in 0..count {
        let operation = if at == 0 { "runCommand" } else { "madeUp" };
        let _ = write!(
            out,
            "---\ntitle: Made up {at}\nid: made-up-{at}\nlogsource: {{product: azure, service: activitylogs}}\ndetection:\n    operation:\n        operationName|endswith: ['/{operation}{suffix}/action', '/{operation}{suffix}/write']\n    who:\n        Caller|contains: ['svc-{at}@', 'made-up-{at}']\n    where:\n        ResourceId|contains: '/made-up-group-{at}/'\n    condition: (operation or who) and not where\n",
            suffix = if at == 0 {
                String::new()
            } else {
                at.to_string()
            },
        );
    }
    out
}

/// Ordinary lines of administration, some of which name what indicators look for in another way.
pub fn script(number: usize) -> String {
    const KINDS: [&str; 6] = [
        "systemctl restart service-{}",
        "if [ -d /opt/app/{} ]; then echo \"found {}\"; fi",
        "tool{} --help",
        "cp /etc/app/{}.conf /var/backups/app-{}.conf",
        "Get-ChildItem -Path C:\\App\\{} | Select-Object Name",
        "echo 'Prüfung {} ist fertig'",
    ];
    let mut out = String::from("#!/bin/sh\n");
    for line in 0..LINES {
        let kind = KINDS.get(line % KINDS.len()).copied().unwrap_or_default();
        let _ = writeln!(
            out,
            "{}",
            kind.replace("{}", &(number * LINES + line).to_string())
        );
    }
    out
}

/// What so many rules cost.
#[derive(Default)]
struct Cost {
    indicators_read: Duration,
    scripts_searched: Duration,
    matches: usize,
    rules_read: Duration,
    rows_searched: Duration,
    hits: usize,
}

/// The least time of several rounds of the same work.
fn least<R>(mut work: impl FnMut() -> R) -> (Duration, Option<R>) {
    let mut best = Duration::MAX;
    let mut last = None;
    for _ in 0..ROUNDS {
        let begun = now();
        let done = work();
        best = best.min(now().saturating_sub(begun));
        last = Some(done);
    }
    (best, last)
}

fn cost(case: &Case, scripts: &[String], count: usize) -> Result<Cost, Failure> {
    let mut cost = Cost::default();
    let toml = indicators(count);
    let read = || {
        let mut lists = Lists::default();
        let set = lists.set(ListKind::Indicators, "made-up.toml", &toml);
        set.map(|_| lists)
    };
    let lists = if count == 0 {
        Lists::default()
    } else {
        let (spent, lists) = least(read);
        cost.indicators_read = spent;
        match lists {
            Some(Ok(lists)) => lists,
            Some(Err(refused)) => {
                return Err(Failure::Wrong {
                    sentence: refused.to_string(),
                    mend: "mend what makes the indicators of this bench".to_owned(),
                });
            }
            None => Lists::default(),
        }
    };
    let settings = &case.settings().script;
    let hint = ScriptHint {
        windows: None,
        file_name: None,
    };
    let (spent, matches) = least(|| {
        // As a case does it: what a line held is kept for the next script.
        let mut before = Examinations::default();
        let found = scripts.iter().map(|text| {
            let found = lists.content.examine(text, &hint, settings, &mut before);
            found.matches.len()
        });
        found.sum::<usize>()
    });
    (cost.scripts_searched, cost.matches) = (spent, matches.unwrap_or(0));
    if count > 0 {
        let text = rules(count);
        let limits = &case.settings().limits;
        let set = || {
            let documents = yaml::documents(&text, limits);
            RuleSet::read(&[RuleFile {
                path: "made-up.yml",
                sha256: None,
                documents: &documents,
            }])
        };
        let (spent, _) = least(set);
        cost.rules_read = spent;
        let mut sets: Vec<RuleSet> = (0..ROUNDS).map(|_| set()).collect();
        let (spent, search) = least(|| Search::new(case, sets.pop().unwrap_or_default()));
        cost.rows_searched = spent;
        cost.hits = search.map_or(0, |search| search.matches.len());
    }
    Ok(cost)
}

/// Measures over so many rows; what is printed.
pub fn table(rows: u64, seed: u64) -> Result<String, Failure> {
    let mut reading = Reading::new(rows);
    // The writer stops where enough was taken; that is no failure.
    let _ = volume::activity_ndjson(seed, u64::MAX, &mut reading);
    let (mut case, _) = reading.finish();
    case.conclude();
    let (detection, _) = least(|| case.judge_again());
    let scripts: Vec<String> = (0..SCRIPTS).map(script).collect();
    let mut out = format!(
        "{rows} rows, {SCRIPTS} scripts of {LINES} lines; detection without rules takes {:.3} s.\n\n",
        detection.as_secs_f64()
    );
    out.push_str("| rules of each kind | indicators read, s | scripts searched, s | matches | Sigma rules read, s | rows searched, s | matches |\n");
    out.push_str("|---:|---:|---:|---:|---:|---:|---:|\n");
    for count in COUNTS {
        let cost = cost(&case, &scripts, count)?;
        let _ = writeln!(
            out,
            "| {count} | {:.3} | {:.3} | {} | {:.3} | {:.3} | {} |",
            cost.indicators_read.as_secs_f64(),
            cost.scripts_searched.as_secs_f64(),
            cost.matches,
            cost.rules_read.as_secs_f64(),
            cost.rows_searched.as_secs_f64(),
            cost.hits,
        );
    }
    Ok(out)
}
