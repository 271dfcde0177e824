//! The worked examples of the control-plane detectors, through the whole core: rows are written as REST records, read, folded and judged.
//!
//! A case is a table, one operation a line: `time what caller address target key=value…`, for example
//! `2024-05-01T10:00:00 run alice 52.1.2.3 vm1 end=+33`. `-` leaves a field out.

mod address;
mod allow_list;
mod any_files;
mod any_order;
mod chain;
mod clean;
mod content;
mod dormant;
mod endpoint;
mod examples;
mod extension;
mod guest;
mod infrequent;
mod invocation;
mod lists;
mod managed;
mod model;
mod new_source;
mod new_terms;
mod profile;
mod resource_burst;
mod risk_window;
mod sensitive;
mod spike;
mod told;

use super::Finding;
use super::run_command_from_cloud_address::AddressRanges;
use crate::case::Case;
use crate::formats::ItemReader;
use crate::lists::{ListKind, Lists};
use crate::settings::Settings;
use crate::time::{Instant, NS_PER_SECOND, parse};
use serde_json::{Value, json};

/// A case in the making.
#[derive(Clone, Default)]
struct Table {
    rows: Vec<Value>,
    settings: Settings,
    ranges: Option<AddressRanges>,
    operations: usize,
    lists: Lists,
    /// Further items by path.
    files: Vec<(String, String)>,
}

/// Detectors whose evidence a table of operations does not hold: guests, identities, scripts.
const ELSEWHERE: &[&str] = &[
    "run-command-in-risk-window",
    "dormant-principal-reactivated",
    "script-content",
    "decode",
    "watch-list",
];

/// What detectors say that look at guests where there is none.
const NO_GUEST: &[&str] = &[
    "no evidence of a guest",
    "no process starts are loaded",
    "no record of a script file",
    "of no run command both the operation and the script's text or size are known",
    "the script of 0 executions is known",
];

const RUN: &str = "Microsoft.Compute/virtualMachines/runCommand/action";

/// Operation id and resource id of a short form.
fn spelled(what: &str, target: &str, (sub, group): (&str, &str)) -> (String, String) {
    let scope = format!("/subscriptions/{sub}/resourceGroups/{group}");
    let vm = format!("{scope}/providers/Microsoft.Compute/virtualMachines/{target}");
    let below = |kind: &str, verb: &str, name: &str| {
        (
            format!("Microsoft.Compute/virtualMachines/{kind}/{verb}"),
            format!("{vm}/{kind}/{name}"),
        )
    };
    match what.split_once(':') {
        None if what == "run" => (RUN.to_owned(), vm),
        Some(("write", name)) => below("runCommands", "write", name),
        Some(("delete", name)) => below("runCommands", "delete", name),
        Some(("extension", name)) => below("extensions", "write", name),
        Some(("extension-delete", name)) => below("extensions", "delete", name),
        _ if target.starts_with('/') => (what.to_owned(), format!("{scope}{target}")),
        _ => (what.to_owned(), vm),
    }
}

impl Table {
    fn of(lines: &str) -> Self {
        Self::default().with(lines)
    }

    /// Adds the operations of these lines.
    fn with(mut self, lines: &str) -> Self {
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            self.add(line);
        }
        self
    }

    fn add(&mut self, line: &str) {
        self.operations += 1;
        let words: Vec<&str> = line.split_whitespace().collect();
        let [time, what, caller, ip, target, rest @ ..] = words.as_slice() else {
            panic!("not an operation: {line}")
        };
        let key = |name: &str| {
            rest.iter()
                .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
        };
        let place = (key("sub").unwrap_or("s1"), key("group").unwrap_or("g1"));
        let (operation, resource) = spelled(what, target, place);
        let begun = parse::iso(format!("{time}Z").as_bytes())
            .expect("a time")
            .instant;
        let correlation =
            key("corr").map_or_else(|| format!("c{}", self.operations), str::to_owned);
        let status = key("status").unwrap_or("Succeeded");
        let row = |at: Instant, status: &str, number: usize| {
            let mut row = json!({
                "eventTimestamp": at.to_string(),
                "operationName": { "value": operation },
                "eventDataId": format!("e{}-{number}", self.operations),
                "status": { "value": status },
                "resourceId": resource,
                "correlationId": correlation,
                "category": { "value": "Administrative" },
                "claims": {},
            });
            if *caller != "-" {
                row["caller"] = json!(caller);
            }
            if *ip != "-" {
                row["httpRequest"] = json!({ "clientIpAddress": ip });
            }
            if let Some(id) = key("oid") {
                row["claims"]["oid"] = json!(id);
            }
            if let Some(ip) = key("token") {
                row["claims"]["ipaddr"] = json!(ip);
            }
            if let Some(text) = key("substatus") {
                row["subStatus"] = json!({ "value": text });
            }
            if let Some(body) = key("body") {
                row["properties"] = json!({ "requestbody": body });
            }
            row
        };
        let rows = match key("end") {
            None => vec![row(begun, status, 0)],
            Some(end) => {
                let end = match end.strip_prefix('+') {
                    Some(seconds) => {
                        begun.shifted(seconds.parse::<i64>().expect("seconds") * NS_PER_SECOND)
                    }
                    None => {
                        parse::iso(format!("{end}Z").as_bytes())
                            .expect("a time")
                            .instant
                    }
                };
                let mut last = row(end, status, 1);
                if let Some(ip) = key("end-ip") {
                    last["httpRequest"] = json!({ "clientIpAddress": ip });
                }
                vec![row(begun, "Started", 0), last]
            }
        };
        self.rows.extend(rows);
    }

    fn set(mut self, key: &str, value: &str) -> Self {
        self.settings.set(key, value).expect("a setting");
        self
    }

    /// Ends all windows here.
    fn ending(self, time: &str) -> Self {
        let end = parse::iso(time.as_bytes()).expect("a time").instant.ns / NS_PER_SECOND;
        self.set("detection.end_seconds", &end.to_string())
    }

    fn case(&self) -> Case {
        let mut case = Case::new(self.settings.clone());
        case.set_lists(self.lists.clone());
        if self.ranges.is_some() {
            case.set_address_ranges(self.ranges.clone());
        }
        let text = Value::from(self.rows.clone()).to_string();
        self.read(&mut case, "log.json", &text);
        for (path, text) in &self.files {
            self.read(&mut case, path, text);
        }
        case.conclude();
        case
    }

    fn read(&self, case: &mut Case, path: &str, text: &str) {
        let size = text.len() as u64;
        let item = case.add_item(path, size, None);
        let mut reader = ItemReader::new(path, size, None, self.settings.limits.clone());
        reader.push(text.as_bytes());
        while let Some(batch) = reader.take_batch() {
            case.add_batch(item, &batch);
        }
        case.finish_item(item, &reader.finish());
    }

    /// Brings a list.
    fn list(mut self, kind: ListKind, text: &str) -> Self {
        self.lists.set(kind, "list", text).expect("a list");
        self
    }

    /// Adds an item.
    fn file(mut self, path: &str, text: impl ToString) -> Self {
        self.files.push((path.to_owned(), text.to_string()));
        self
    }

    /// What a detector finds.
    fn finds(&self, detector: &str) -> Vec<Finding> {
        let case = self.case();
        let found = case.findings().iter();
        found
            .filter(|finding| finding.detector == detector)
            .map(|finding| case.referred().spelled_out(finding))
            .collect()
    }

    /// Severity of each finding of a detector.
    fn severities(&self, detector: &str) -> Vec<&'static str> {
        let found = self.finds(detector);
        found.iter().map(|found| found.severity.word()).collect()
    }

    /// Whether a detector ran, and what it says of what it could not answer.
    fn searched(&self, detector: &str) -> (bool, Option<String>) {
        let case = self.case();
        let searched = case.searched().iter().find(|one| one.detector == detector);
        let searched = searched.expect("every detector is listed");
        (
            searched.not_assessed.is_none(),
            searched
                .not_assessed
                .clone()
                .or_else(|| searched.left_out.clone()),
        )
    }
}

/// A row years before, so that every baseline is full. It is no operation that any detector looks at.
const LONG_AGO: &str = "2020-01-01T00:00:00 Microsoft.Resources/tags/read nobody 192.0.2.1 /tags";
