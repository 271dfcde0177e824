//! A rule as its author wrote it: who it is, how bad, and what it looks for.
//!
//! ```yaml
//! title: Command run on a VM
//! id: 0f2a1f6e-0000-4000-8000-000000000001
//! logsource: { product: azure, service: activitylogs }
//! detection:
//!     selection:
//!         operationName|endswith: /runCommand/action
//!     condition: selection
//! level: medium
//! tags: [attack.execution, attack.t1651]
//! ```
//!
//! A rule that cannot be run as meant keeps its place in the list with the reason.

use super::condition::{self, Expression};
use super::correlation::Correlation;
use super::selection::Tests;
use super::source::{self, Scope};
use crate::record::yaml::Node;
use crate::severity::Severity;

/// What stands before a rule's key where detectors are named.
pub const DETECTOR_PREFIX: &str = "sigma:";

/// A rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Path of its file.
    pub path: String,
    /// SHA-256 of its file.
    pub sha256: Option<String>,
    /// 1-based line where it begins.
    pub line: u64,
    /// Its id.
    pub id: Option<String>,
    /// The name by which correlations call it.
    pub name: Option<String>,
    /// Title.
    pub title: String,
    /// Description.
    pub description: Option<String>,
    /// How bad its author thinks a match is.
    pub severity: Severity,
    /// The level as written.
    pub level: Option<String>,
    /// Status as written.
    pub status: Option<String>,
    /// Tags as written.
    pub tags: Vec<String>,
    /// ATT&CK techniques among them.
    pub attack: Vec<String>,
    /// Known false positives.
    pub false_positives: Vec<String>,
    /// What it looks for; the reason where it cannot be run.
    pub body: Result<Body, String>,
    /// What of it does not take part, and why.
    pub left_out: Vec<String>,
}

/// What a rule looks for.
#[derive(Clone, Debug)]
pub enum Body {
    /// Single events.
    Detection(Detection),
    /// Matches of other rules.
    Correlation(Correlation),
    /// A condition that other rules get besides their own.
    Filter(Filter),
}

/// What a rule looks for in one event.
#[derive(Clone, Debug)]
pub struct Detection {
    /// Which events.
    pub scope: Scope,
    /// Names of the selections, and what each wants, over tests.
    pub selections: Vec<(String, Expression)>,
    /// The whole condition over tests.
    pub condition: Expression,
    /// Fields it looks at.
    pub fields: Vec<usize>,
}

/// A condition that other rules get besides their own.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Ids and names of the rules; empty for all of its log source.
    pub rules: Vec<String>,
    /// The condition over tests.
    pub condition: Expression,
    /// Its log source.
    pub scope: Scope,
}

impl Rule {
    /// What stands behind `sigma:` in a finding: id, else name, else title.
    #[must_use]
    pub fn key(&self) -> &str {
        self.id
            .as_deref()
            .or(self.name.as_deref())
            .unwrap_or(&self.title)
    }

    /// What its findings are listed under.
    #[must_use]
    pub fn detector(&self) -> String {
        format!("{DETECTOR_PREFIX}{}", self.key())
    }

    /// Whether a correlation means this rule by that word.
    #[must_use]
    pub fn is_called(&self, word: &str) -> bool {
        self.id
            .as_deref()
            .is_some_and(|id| id.eq_ignore_ascii_case(word))
            || self.name.as_deref() == Some(word)
    }

    /// Reads one document of a file.
    #[must_use]
    pub fn read(
        path: &str,
        sha256: Option<&str>,
        line: u64,
        tree: &Result<Node, String>,
        tests: &mut Tests,
    ) -> Self {
        let empty = Node::Map(Vec::new());
        let node = tree.as_ref().unwrap_or(&empty);
        let text = |key: &str| node.get(key).and_then(Node::text).map(str::to_owned);
        let texts = |key: &str| -> Vec<String> {
            let list = node.get(key).map_or(&[][..], Node::elements);
            list.iter()
                .filter_map(Node::text)
                .map(str::to_owned)
                .collect()
        };
        let (tags, level) = (texts("tags"), text("level"));
        let file = path.rsplit('/').next().unwrap_or(path);
        Self {
            path: path.to_owned(),
            sha256: sha256.map(str::to_owned),
            line,
            id: text("id"),
            name: text("name"),
            title: text("title").unwrap_or_else(|| format!("{file} line {line}")),
            description: text("description"),
            severity: severity(level.as_deref()),
            level,
            status: text("status"),
            attack: techniques(&tags),
            tags,
            false_positives: texts("falsepositives"),
            body: match tree {
                Ok(node) => body(node, tests),
                Err(why) => Err(format!("not readable as YAML: {why}")),
            },
            left_out: Vec::new(),
        }
    }
}

/// A level that is not given is taken as medium.
fn severity(level: Option<&str>) -> Severity {
    match level.map(str::to_lowercase).as_deref() {
        Some("informational") => Severity::Info,
        Some("low") => Severity::Low,
        Some("high") => Severity::High,
        Some("critical") => Severity::Critical,
        _ => Severity::Medium,
    }
}

/// `attack.t1059.001` → `T1059.001`.
fn techniques(tags: &[String]) -> Vec<String> {
    let mut found: Vec<String> = tags
        .iter()
        .filter_map(|tag| {
            let tag = tag.to_ascii_lowercase();
            let id = tag.strip_prefix("attack.")?;
            let digits = id.strip_prefix('t')?;
            let is_id = digits.len() >= 4
                && digits
                    .bytes()
                    .all(|byte| byte.is_ascii_digit() || byte == b'.');
            is_id.then(|| id.to_ascii_uppercase())
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

fn body(node: &Node, tests: &mut Tests) -> Result<Body, String> {
    if node.get("action").is_some() {
        return Err("documents with action are of Sigma 1; Sigma 2 has no global parts".to_owned());
    }
    if let Some(correlation) = node.get("correlation") {
        return Correlation::read(correlation, node).map(Body::Correlation);
    }
    if let Some(filter) = node.get("filter") {
        let (_, condition) = parts(filter, &["rules"], tests)?;
        let rules = filter.get("rules").map_or(&[][..], Node::elements);
        let rules: Vec<String> = rules
            .iter()
            .filter_map(Node::text)
            .map(str::to_owned)
            .collect();
        let all = rules.len() == 1 && rules.first().is_some_and(|rule| rule == "any");
        return Ok(Body::Filter(Filter {
            rules: if all { Vec::new() } else { rules },
            condition,
            scope: source::scope(node.get("logsource"))?,
        }));
    }
    let detection = node
        .get("detection")
        .ok_or("neither detection nor correlation nor filter")?;
    let scope = source::scope(node.get("logsource"))?;
    if detection.get("timeframe").is_some() {
        return Err(
            "timeframe belongs to aggregations of Sigma 1; a correlation rule says the same"
                .to_owned(),
        );
    }
    let (selections, condition) = parts(detection, &[], tests)?;
    let fields = fields(&condition, tests);
    Ok(Body::Detection(Detection {
        scope,
        selections,
        condition,
        fields,
    }))
}

/// Fields that a condition looks at, in order.
pub fn fields(condition: &Expression, tests: &Tests) -> Vec<usize> {
    let mut fields = Vec::new();
    condition.each(&mut |test| {
        if let Some(test) = tests.tests.get(test) {
            fields.extend(test.field);
            if let super::matcher::Matcher::Same { field, .. } = test.matcher {
                fields.push(field);
            }
        }
    });
    fields.sort_unstable();
    fields.dedup();
    fields
}

/// The selections of a map, and its condition over tests.
fn parts(
    node: &Node,
    besides: &[&str],
    tests: &mut Tests,
) -> Result<(Vec<(String, Expression)>, Expression), String> {
    let Node::Map(entries) = node else {
        return Err("a detection that is no map".to_owned());
    };
    let mut selections = Vec::new();
    for (name, value) in entries {
        if name == "condition" || besides.contains(&name.as_str()) {
            continue;
        }
        let selection = tests
            .selection(value)
            .map_err(|why| format!("{name}: {why}"))?;
        selections.push((name.clone(), selection));
    }
    let names: Vec<&str> = selections.iter().map(|(name, _)| name.as_str()).collect();
    let conditions = node.get("condition").map_or(&[][..], Node::elements);
    let mut found = Vec::new();
    for condition in conditions {
        let text = condition.text().ok_or("a condition that is no text")?;
        found.push(condition::parse(text, &names)?);
    }
    let whole = match found.pop() {
        Some(only) if found.is_empty() => only,
        Some(last) => {
            found.push(last);
            Expression::Any(found)
        }
        None => return Err("a detection without condition".to_owned()),
    };
    let whole = whole.with(&|number| {
        let selection = selections.get(number);
        selection.map_or(Expression::Any(Vec::new()), |(_, wants)| wants.clone())
    });
    Ok((selections, whole))
}
