use super::*;
use crate::limits::Limits;
use crate::record::yaml::documents;
use std::borrow::Cow;

/// Whether a selection holds of an event with these fields.
fn holds(selection: &str, event: &[(&str, &str)]) -> Result<bool, String> {
    let tree = documents(selection, &Limits::default()).remove(0).tree?;
    let mut tests = Tests::default();
    let wants = tests.selection(&tree)?;
    let values = |field: usize| -> Vec<Cow<'_, str>> {
        let name = tests.fields.get(field).map_or("", String::as_str);
        let found = event
            .iter()
            .filter(|(have, _)| have.eq_ignore_ascii_case(name));
        found.map(|(_, value)| Cow::Borrowed(*value)).collect()
    };
    let all: Vec<Cow<'_, str>> = event
        .iter()
        .map(|(_, value)| Cow::Borrowed(*value))
        .collect();
    let answer = wants.holds(&mut |number| {
        let test = tests.tests.get(number)?;
        Some(match test.field {
            Some(field) => test.matcher.holds(&values(field), values),
            None => test.matcher.holds(&all, values),
        })
    });
    Ok(answer == Some(true))
}

#[test]
fn every_modifier_matches_what_it_says_and_nothing_beside_it() {
    let line = "C:\\Windows\\System32\\cmd.exe /c WhoAmI -all";
    for (selection, value, expected) in [
        ("F: cmd", "CMD", true),
        ("F: cmd", "cmd.exe", false),
        ("F|contains: whoami", line, true),
        ("F|contains: whois", line, false),
        ("F|startswith: 'c:\\win'", line, true),
        ("F|startswith: windows", line, false),
        ("F|endswith: '-all'", line, true),
        ("F|endswith: '-al'", line, false),
        ("F|contains|cased: WhoAmI", line, true),
        ("F|contains|cased: whoami", line, false),
        ("F|contains|all: [whoami, '/c']", line, true),
        ("F|contains|all: [whoami, '/d']", line, false),
        ("F|contains: [whois, '/c']", line, true),
        ("F|contains: [whois, '/d']", line, false),
        ("F|neq: cmd", "cmd", false),
        ("F|neq: cmd", "bash", true),
        ("F|re: 'Who[A-Z]mI'", line, true),
        ("F|re: 'who[a-z]mi'", line, false),
        ("F|re|i: 'who[a-z]mi'", line, true),
        ("F|re: '^b$'", "a\nb", false),
        ("F|re|m: '^b$'", "a\nb", true),
        ("F|re: 'a.b'", "a\nb", false),
        ("F|re|s: 'a.b'", "a\nb", true),
        ("F|windash|contains: ' -all'", "x /all", true),
        ("F|windash|contains: ' -all'", "x \u{2013}all", true),
        ("F|windash|contains: ' -all'", "x +all", false),
        ("F|cidr: 10.0.0.0/8", "10.20.30.40", true),
        ("F|cidr: 10.0.0.0/8", "11.20.30.40", false),
        ("F|cidr: [192.0.2.0/24, 'fd00::/8']", "fd00::1", true),
        ("F|lt: 10", "9", true),
        ("F|lt: 10", "10", false),
        ("F|lte: 10", "10", true),
        ("F|lte: 10", "11", false),
        ("F|gt: 10", "0x0b", true),
        ("F|gt: 10", "10", false),
        ("F|gte: 10", "10.0", true),
        ("F|gte: 10", "many", false),
        ("F|base64: 'foo bar'", "Zm9vIGJhcg==", true),
        ("F|base64: 'foo bar'", "Zm9vIGJheg==", false),
        (
            "F|wide|base64offset|contains: whoami",
            "SQB3AGgAbwBhAG0AaQA=",
            true,
        ),
        ("F|utf16be|base64|contains: a", "AGE=", true),
        ("F|utf16|base64|contains: a", "//5hAA==", true),
        ("F|minute: 59", "2024-05-03T23:59:01Z", true),
        ("F|hour|gte: 20", "2024-05-03T23:59:01Z", true),
        ("F|hour|gte: 20", "2024-05-03T03:59:01Z", false),
        ("F|day: 3", "2024-05-03T03:59:01Z", true),
        ("F|week: 18", "2024-05-03T03:59:01Z", true),
        ("F|month: 6", "2024-05-03T03:59:01Z", false),
        ("F|year: 2024", "2024-05-03T03:59:01Z", true),
        ("F: 'a*c'", "abbbc", true),
        ("F: 'a\\*c'", "abbbc", false),
        ("F: 'a\\*c'", "a*c", true),
        ("F: 'a?c'", "abc", true),
        ("F: ''", "", true),
        ("F: 4688", "4688", true),
        ("F: true", "True", true),
    ] {
        assert_eq!(
            holds(selection, &[("f", value)]),
            Ok(expected),
            "{selection} on {value:?}"
        );
    }
}

#[test]
fn base64_is_found_wherever_the_text_begins_in_it() {
    let rule = "F|base64offset|contains: 'http://'";
    for before in ["", "x", "xy", "xyz"] {
        let value = STANDARD.encode(format!("{before}http://example.test"));
        assert_eq!(holds(rule, &[("F", &value)]), Ok(true), "{before:?}");
    }
    let other = STANDARD.encode("ftp://example.test");
    assert_eq!(holds(rule, &[("F", &other)]), Ok(false));
}

#[test]
fn absence_is_null_and_presence_exists() {
    for (selection, event, expected) in [
        ("F: null", &[][..], true),
        ("F: null", &[("F", "")], true),
        ("F: null", &[("F", "x")], false),
        ("F: [null, x]", &[("F", "x")], true),
        ("F|exists: true", &[("F", "")], true),
        ("F|exists: true", &[("G", "")], false),
        ("F|exists: false", &[("G", "")], true),
        ("F|exists: false", &[("F", "x")], false),
        ("F: '*'", &[("F", "x")], true),
        ("F: '*'", &[("G", "x")], false),
        ("F|neq: x", &[("G", "x")], true),
    ] {
        assert_eq!(
            holds(selection, event),
            Ok(expected),
            "{selection} on {event:?}"
        );
    }
}

#[test]
fn fields_are_compared_with_fields() {
    let event = [
        ("A", "C:\\Users\\kay"),
        ("B", "c:\\users"),
        ("C", "c:\\users\\KAY"),
    ];
    for (selection, expected) in [
        ("A|fieldref: C", true),
        ("A|fieldref: B", false),
        ("A|fieldref|startswith: B", true),
        ("A|fieldref|endswith: B", false),
        ("A|fieldref|contains: B", true),
        ("A|fieldref|cased: C", false),
        ("A|fieldref|neq: C", false),
        ("A|fieldref: D", false),
    ] {
        assert_eq!(holds(selection, &event), Ok(expected), "{selection}");
    }
}

#[test]
fn maps_are_and_lists_are_or_and_bare_values_are_keywords() {
    let event = [("A", "one"), ("B", "two three")];
    for (selection, expected) in [
        ("{A: one, B|contains: three}", true),
        ("{A: one, B: three}", false),
        ("[{A: one, B: three}, {B|contains: two}]", true),
        ("[three, four]", true),
        ("[four, five]", false),
        ("three", true),
        ("'|all': [one, three]", true),
        ("'|all': [one, four]", false),
        ("'|re': 't[a-z]o'", true),
        ("[two*three, x]", true),
    ] {
        assert_eq!(holds(selection, &event), Ok(expected), "{selection}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused_with_a_sentence() {
    for (selection, why) in [
        (
            "F|unknown: x",
            "F|unknown: the modifier unknown is not known",
        ),
        (
            "F|expand: '%admins%'",
            "F|expand: the placeholder %admins% would need a list of values, and none was given",
        ),
        (
            "F|cidr: ten",
            "F|cidr: \"ten\" is no network in CIDR notation",
        ),
        ("F|lt: ten", "F|lt: \"ten\" is no number"),
        (
            "F|base64: 'a*'",
            "F|base64: \"a*\" has wildcards, and what is encoded has none",
        ),
        ("F: []", "F: an empty list of values"),
        ("F: [{a: b}]", "F: a value that is no single value"),
        (
            "F|re|cidr: x",
            "F|re|cidr: modifiers that exclude each other",
        ),
        ("F|i: x", "F|i: the modifier i is not known"),
        (
            "F|exists: maybe",
            "F|exists: exists wants a field, and true or false",
        ),
    ] {
        assert_eq!(holds(selection, &[]), Err(why.to_owned()), "{selection}");
    }
    for expression in ["F|re: '(?=x)y'", "F|re: '(a'", "F|re: '(a{1000}){1000}'"] {
        assert!(holds(expression, &[]).is_err(), "{expression}");
    }
}

#[test]
fn shared_tests_are_one() {
    let mut tests = Tests::default();
    let tree = |text: &str| documents(text, &Limits::default()).remove(0).tree;
    for text in [
        "CommandLine|contains: [a, b]",
        "commandline|contains: [b, A]",
    ] {
        assert!(
            tests
                .selection(&tree(text).unwrap_or(Node::List(Vec::new())))
                .is_ok()
        );
    }
    assert_eq!((tests.tests.len(), tests.fields.len()), (2, 1));
}
