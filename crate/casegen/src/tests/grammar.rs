use super::{ending, file, is_windows, said, text};
use crate::example_case;
use serde_json::Value;
use std::collections::BTreeSet;

/// Whether text has a digit where the pattern has `0`, and the pattern's letter elsewhere.
fn shaped(text: &str, pattern: &str) -> bool {
    text.len() == pattern.len()
        && text.bytes().zip(pattern.bytes()).all(|(is, should)| {
            if should == b'0' {
                is.is_ascii_digit()
            } else {
                is == should
            }
        })
}

fn starts_shaped(text: &str, pattern: &str) -> bool {
    text.get(..pattern.len())
        .is_some_and(|head| shaped(head, pattern))
}

const AGENT_TIME: &str = "0000-00-00T00:00:00.000000Z ";

#[test]
fn every_line_of_the_agents_logs_is_a_record_or_continues_one() {
    let case = example_case();
    let mut logs = ending(&case, "/waagent.log");
    logs.extend(
        case.files
            .iter()
            .filter(|file| file.path.contains("/CommandExecution")),
    );
    for log in logs {
        let mut records = 0;
        for line in text(log).lines() {
            if !starts_shaped(line, AGENT_TIME) {
                let continues = line.is_empty()
                    || line == "[stdout]"
                    || line == "[stderr]"
                    || line.starts_with("time=")
                    || line.starts_with("+ ")
                    || line.starts_with("Writing a placeholder")
                    || line.starts_with("Not writing a placeholder");
                // A tail of 3200 characters may begin inside a line, behind `[stdout]`.
                assert!(
                    continues || records > 0 && line.contains(" seq="),
                    "{}: {line}",
                    log.path
                );
                continue;
            }
            records += 1;
            let words: Vec<&str> = line.splitn(5, ' ').collect();
            assert_eq!(words[1], "INFO", "{line}");
            assert!(["ExtHandler", "Daemon"].contains(&words[2]), "{line}");
        }
        assert!(records > 0, "{}", log.path);
        assert!(log.bytes.is_ascii());
        let times: Vec<&str> = text(log)
            .lines()
            .filter(|line| starts_shaped(line, AGENT_TIME))
            .map(|line| &line[..27])
            .collect();
        assert!(times.is_sorted(), "{} goes back in time", log.path);
    }
}

#[test]
fn every_line_of_a_handler_log_is_logfmt_or_the_shims() {
    let case = example_case();
    for log in ending(&case, "/handler.log") {
        for line in text(log).lines() {
            if line.starts_with("+ ") || line.contains("riting a placeholder status file") {
                continue;
            }
            let keys = logfmt_keys(line);
            assert_eq!(keys[..2], ["time", "version"], "{}: {line}", log.path);
            assert!(
                keys.contains(&"operation".to_owned()) && keys.contains(&"seq".to_owned()),
                "{line}"
            );
            let zone = if log.path.starts_with("db01/") {
                "+02:00"
            } else {
                "Z"
            };
            let time = line["time=".len()..].split(' ').next().unwrap();
            assert!(
                starts_shaped(time, "0000-00-00T00:00:00") && time[19..] == *zone,
                "{line}"
            );
        }
    }
}

/// The keys of a logfmt line; fails on anything that is not logfmt.
fn logfmt_keys(line: &str) -> Vec<String> {
    let mut keys = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=').expect(line);
        assert!(
            key.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            "{line}"
        );
        keys.push(key.to_owned());
        rest = if let Some(quoted) = after.strip_prefix('"') {
            let mut escaped = false;
            let end = quoted
                .find(|letter| {
                    let ends = letter == '"' && !escaped;
                    escaped = letter == '\\' && !escaped;
                    ends
                })
                .expect(line);
            &quoted[end + 1..]
        } else {
            &after[after.find(' ').unwrap_or(after.len())..]
        };
        rest = rest.strip_prefix(' ').unwrap_or(rest);
    }
    keys
}

#[test]
fn every_line_of_the_system_logs_has_the_header_of_its_distribution() {
    let case = example_case();
    for (path, host, iso) in [
        ("web01/var/log/syslog", "web01", false),
        ("web01/var/log/auth.log", "web01", false),
        ("app01/var/log/syslog", "app01", true),
        ("app01/var/log/auth.log", "app01", true),
        ("db01/var/log/messages", "db01", false),
        ("db01/var/log/secure", "db01", false),
    ] {
        for line in text(file(&case, path)).lines() {
            let rest = if iso {
                assert!(
                    starts_shaped(line, "0000-00-00T00:00:00.000000+00:00 "),
                    "{line}"
                );
                &line[33..]
            } else {
                assert!(
                    line.starts_with("Apr ") || line.starts_with("May "),
                    "{line}"
                );
                assert!(
                    line.as_bytes()[4] == b' ' || line.as_bytes()[4].is_ascii_digit(),
                    "{line}"
                );
                assert!(starts_shaped(&line[6..], " 00:00:00 "), "{line}");
                &line[16..]
            };
            let rest = rest
                .strip_prefix(host)
                .and_then(|rest| rest.strip_prefix(' '))
                .expect(line);
            let (tag, _) = rest.split_once(": ").expect(line);
            assert!(!tag.is_empty() && !tag.contains(' '), "{line}");
        }
    }
}

#[test]
fn every_line_of_the_audit_log_belongs_to_an_event_and_serials_grow() {
    let case = example_case();
    let mut last = 0;
    let mut started = 0;
    for line in text(file(&case, "web01/var/log/audit/audit.log")).lines() {
        let (kind, rest) = line
            .strip_prefix("type=")
            .and_then(|it| it.split_once(' '))
            .expect(line);
        let stamp = rest
            .strip_prefix("msg=audit(")
            .and_then(|it| it.split_once("): "))
            .expect(line)
            .0;
        let (time, serial) = stamp.split_once(':').expect(line);
        assert!(shaped(time, "0000000000.000"), "{line}");
        let serial: u64 = serial.parse().expect(line);
        assert!(serial >= last, "{line}");
        last = serial;
        started += usize::from(kind == "EXECVE");
    }
    assert!(started > 20);
}

#[test]
fn statuses_settings_and_states_have_their_schema() {
    let case = example_case();
    for status in ending(&case, ".status") {
        if is_windows(status) {
            continue;
        }
        let document: Value = serde_json::from_slice(&status.bytes).unwrap();
        let first = &document[0];
        assert_eq!(first["version"], 1);
        assert!(shaped(
            first["timestampUTC"].as_str().unwrap(),
            "0000-00-00T00:00:00Z"
        ));
        assert_eq!(first["status"]["operation"], "Enable");
        let message = first["status"]["formattedMessage"]["message"]
            .as_str()
            .unwrap();
        match first["status"]["name"].as_str() {
            Some(_) => {
                let view: Value = serde_json::from_str(message).unwrap();
                assert!(view["exitCode"].is_i64() && view["executionState"].is_string());
            }
            None => assert!(message.contains("\n[stdout]\n") && message.contains("\n[stderr]\n")),
        }
        assert!(
            text(status).contains("\n\t\t\"status\": {\n"),
            "not the hand of Go"
        );
    }
    for settings in ending(&case, ".settings") {
        if settings.bytes.is_empty() || is_windows(settings) {
            continue;
        }
        let document: Value = serde_json::from_slice(&settings.bytes).unwrap();
        let inner = &document["runtimeSettings"][0]["handlerSettings"];
        assert!(inner["publicSettings"].is_object());
        if let Some(protected) = inner["protectedSettings"].as_str() {
            assert!(protected.starts_with("MII"));
            assert_eq!(
                inner["protectedSettingsCertThumbprint"]
                    .as_str()
                    .unwrap()
                    .len(),
                40
            );
        }
    }
    for marker in ending(&case, "mrseq") {
        assert!(!marker.bytes.is_empty() && marker.bytes.iter().all(u8::is_ascii_digit));
    }
}

#[test]
fn records_of_the_command_line_have_its_keys_and_finishing_rows_no_request() {
    let case = example_case();
    let document: Value =
        serde_json::from_slice(&file(&case, "cloud/activity-log.json").bytes).unwrap();
    let records = document.as_array().unwrap();
    let mut without = 0;
    for record in records {
        let keys: Vec<&String> = record.as_object().unwrap().keys().collect();
        assert!(keys.is_sorted());
        let time = record["eventTimestamp"].as_str().unwrap();
        assert!(time.ends_with('Z') && time.len() <= 28, "{time}");
        let ticks = record["id"].as_str().unwrap().rsplit('/').next().unwrap();
        assert_eq!(ticks.len(), 18);
        let finishes =
            record["eventName"]["value"] == "EndRequest" && record["subStatus"]["value"] == "";
        assert_eq!(
            record.get("httpRequest").is_none(),
            finishes || record["eventName"]["value"] == ""
        );
        without += usize::from(finishes);
        if let Some(request) = record.get("httpRequest") {
            assert_eq!(request.as_object().unwrap().len(), 4);
        }
    }
    assert!(without > 20);
    let times: Vec<&str> = records
        .iter()
        .map(|it| &it["eventTimestamp"].as_str().unwrap()[..19])
        .collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "newest first");
}

#[test]
fn blobs_lie_under_the_hour_of_reception_and_carry_the_role() {
    let case = example_case();
    let blobs = ending(&case, "/PT1H.json");
    for blob in blobs {
        let hour = blob
            .path
            .split("/h=")
            .nth(1)
            .unwrap()
            .get(..2)
            .unwrap()
            .parse::<u8>()
            .unwrap();
        for line in text(blob).lines() {
            let record: Value = serde_json::from_str(line).unwrap();
            for key in ["resourceId", "operationName"] {
                let value = record[key].as_str().unwrap();
                assert_eq!(value, value.to_uppercase());
            }
            assert!(
                ["Start", "Accept", "Success", "Failure"]
                    .contains(&record["resultType"].as_str().unwrap())
            );
            let role = &record["identity"]["authorization"]["evidence"]["roleDefinitionId"];
            assert_eq!(role.as_str().unwrap().len(), 32);
            let began: u8 = record["time"].as_str().unwrap()[11..13].parse().unwrap();
            // A minute or three after the event: the same hour, or the next one.
            assert!(hour == began || hour == (began + 1) % 24, "{}", blob.path);
        }
    }
}

#[test]
fn nothing_in_the_example_is_outside_the_ranges_for_documentation() {
    let allowed = [
        "192.0.2.",
        "198.51.100.",
        "203.0.113.",
        "10.20.",
        "10.21.",
        "127.0.0.1",
        "0.0.0.0",
        "168.63.129.16",
        "169.254.169.254",
    ];
    let case = example_case();
    let mut seen = BTreeSet::new();
    for file in &case.files {
        for word in said(file).split(|letter: char| !(letter.is_ascii_digit() || letter == '.')) {
            let parts: Vec<&str> = word.split('.').collect();
            if parts.len() == 4 && parts.iter().all(|part| part.parse::<u8>().is_ok()) {
                seen.insert(word.to_owned());
            }
        }
    }
    let versions = ["2.11.1.4"];
    for address in seen {
        assert!(
            allowed.iter().any(|range| address.starts_with(range))
                || versions.contains(&address.as_str()),
            "{address}"
        );
    }
}
