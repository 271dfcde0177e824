//! Correlation rules: counts, values and orders among the matches of other rules.
//!
//! ```yaml
//! title: Many commands of one caller
//! correlation:
//!     type: event_count
//!     rules: [command_run_on_a_vm]
//!     group-by: [caller]
//!     timespan: 1h
//!     condition: { gte: 10 }
//! ```
//!
//! Windows slide: a match is the shortest run of matches inside one timespan that satisfies the condition, and the next one begins behind it.
//! Where the condition has an upper bound (`lt`, `lte`, `eq`), a window begins with the first match not yet counted and holds
//! what follows within the timespan. Matches without a value for every `group-by` field, or without a time, take no part.
//!
//! Rejected: counting in fixed hours of the clock. The tenth failure at 10:01 belongs to the nine before it.

use super::condition::{self, Expression};
use super::matcher::Comparison;
use crate::record::yaml::Node;
use crate::time::NS_PER_SECOND;
use std::collections::{BTreeMap, BTreeSet};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Matches.
    EventCount,
    /// Different values of a field.
    ValueCount,
    /// Rules, in any order.
    Temporal,
    /// Rules, in the order given.
    TemporalOrdered,
    /// The sum of a field.
    ValueSum,
    /// Its mean.
    ValueAverage,
    /// Its median.
    ValueMedian,
}

/// A correlation.
#[derive(Clone, Debug)]
pub struct Correlation {
    /// What is counted.
    pub kind: Kind,
    /// Rules by id or name, as written.
    pub rules: Vec<String>,
    /// Fields or aliases that must be equal.
    pub group_by: Vec<String>,
    /// Length of the window.
    pub timespan_ns: i64,
    /// Bounds of the count.
    pub bounds: Vec<(Comparison, f64)>,
    /// Which of the rules must match, where the condition says it in words.
    pub wanted: Option<Expression>,
    /// Field whose values are counted.
    pub field: Option<String>,
    /// Alias → (rule, field).
    pub aliases: BTreeMap<String, Vec<(String, String)>>,
    /// Whether its rules speak for themselves too.
    pub generate: bool,
}

impl Correlation {
    /// Reads the `correlation` of a document.
    ///
    /// # Errors
    /// A sentence for the author of the rule.
    pub fn read(node: &Node, document: &Node) -> Result<Self, String> {
        let texts = |key: &str| -> Vec<String> {
            let list = node.get(key).map_or(&[][..], Node::elements);
            list.iter()
                .filter_map(Node::text)
                .map(str::to_owned)
                .collect()
        };
        let kind = node
            .get("type")
            .and_then(Node::text)
            .ok_or("a correlation without type")?;
        let kind = match kind {
            "event_count" => Kind::EventCount,
            "value_count" => Kind::ValueCount,
            "temporal" => Kind::Temporal,
            "temporal_ordered" | "ordered_temporal" => Kind::TemporalOrdered,
            "value_sum" => Kind::ValueSum,
            "value_avg" => Kind::ValueAverage,
            "value_median" => Kind::ValueMedian,
            "value_percentile" => {
                return Err("value_percentile: the specification does not say of which distribution the percentile is taken".to_owned());
            }
            other => return Err(format!("the correlation type {other} is not known")),
        };
        let rules = texts("rules");
        if rules.is_empty() {
            return Err("a correlation without rules".to_owned());
        }
        let timespan = node
            .get("timespan")
            .or(node.get("timeframe"))
            .and_then(Node::text)
            .ok_or("a correlation without timespan")?;
        let mut correlation = Self {
            kind,
            timespan_ns: timespan_ns(timespan).ok_or_else(|| {
                format!("the timespan {timespan:?} is no number with s, m, h or d")
            })?,
            group_by: texts("group-by"),
            bounds: Vec::new(),
            wanted: None,
            field: None,
            aliases: aliases(node.get("aliases"))?,
            generate: [node.get("generate"), document.get("generate")]
                .into_iter()
                .flatten()
                .any(|node| node.truth() == Some(true)),
            rules,
        };
        correlation.condition(node.get("condition"))?;
        Ok(correlation)
    }

    fn condition(&mut self, node: Option<&Node>) -> Result<(), String> {
        let temporal = matches!(self.kind, Kind::Temporal | Kind::TemporalOrdered);
        match node {
            None if temporal => return Ok(()),
            None => return Err("a correlation without condition".to_owned()),
            Some(Node::Map(entries)) => {
                for (key, value) in entries {
                    if key == "field" {
                        let field = value.text().ok_or("field must be one field")?;
                        self.field = Some(field.to_owned());
                        continue;
                    }
                    let comparison = Comparison::of_word(key)
                        .ok_or_else(|| format!("the condition {key} is not known"))?;
                    let bound = value
                        .text()
                        .and_then(super::matcher::number)
                        .ok_or_else(|| format!("the condition {key} wants a number"))?;
                    self.bounds.push((comparison, bound));
                }
            }
            Some(node) if temporal => {
                let text = node.text().ok_or("a condition that is no text")?;
                let names: Vec<&str> = self.rules.iter().map(String::as_str).collect();
                self.wanted = Some(condition::parse(text, &names)?);
                if self.kind == Kind::TemporalOrdered && !is_all(self.wanted.as_ref()) {
                    return Err(
                        "temporal_ordered with `or` or `not`: an absence has no place in an order"
                            .to_owned(),
                    );
                }
                return Ok(());
            }
            Some(_) => return Err("a condition in words is for temporal correlations".to_owned()),
        }
        #[expect(clippy::cast_precision_loss, reason = "counts of rules")]
        let (all, one_less) = (self.rules.len() as f64, self.rules.len() as f64 - 1.0);
        if self.kind == Kind::TemporalOrdered && (!self.passes(all) || self.passes(one_less)) {
            return Err("temporal_ordered with a count other than that of its rules".to_owned());
        }
        if self.bounds.is_empty() && !temporal {
            return Err("a condition without gt, gte, lt, lte or eq".to_owned());
        }
        let of_values = !temporal && self.kind != Kind::EventCount;
        if of_values && self.field.is_none() {
            return Err("the condition names no field whose values are meant".to_owned());
        }
        Ok(())
    }

    /// The field of a rule that an alias or a field name means.
    #[must_use]
    pub fn field_of<'a>(
        &'a self,
        name: &'a str,
        is_rule: impl Fn(&str) -> bool,
    ) -> Option<&'a str> {
        match self.aliases.get(name) {
            Some(fields) => fields
                .iter()
                .find(|(rule, _)| is_rule(rule))
                .map(|(_, field)| field.as_str()),
            None => Some(name),
        }
    }

    fn passes(&self, figure: f64) -> bool {
        self.bounds
            .iter()
            .all(|(comparison, bound)| comparison.holds(figure, *bound))
    }

    /// Whether more matches can undo what fewer had reached.
    fn has_upper_bound(&self) -> bool {
        self.bounds
            .iter()
            .any(|(comparison, _)| !matches!(comparison, Comparison::Greater | Comparison::AtLeast))
            || has_not(self.wanted.as_ref())
            || matches!(
                self.kind,
                Kind::ValueSum | Kind::ValueAverage | Kind::ValueMedian
            )
    }
}

fn has_not(expression: Option<&Expression>) -> bool {
    match expression {
        Some(Expression::Not(_)) => true,
        Some(Expression::All(parts) | Expression::Any(parts)) => {
            parts.iter().any(|part| has_not(Some(part)))
        }
        _ => false,
    }
}

fn is_all(expression: Option<&Expression>) -> bool {
    match expression {
        Some(Expression::All(parts)) => parts.iter().all(|part| is_all(Some(part))),
        Some(Expression::Is(_)) => true,
        _ => false,
    }
}

fn timespan_ns(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let seconds = match text.get(digits.len()..)? {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    let number: i64 = digits.parse().ok().filter(|number| *number > 0)?;
    number.checked_mul(seconds)?.checked_mul(NS_PER_SECOND)
}

fn aliases(node: Option<&Node>) -> Result<BTreeMap<String, Vec<(String, String)>>, String> {
    let Some(Node::Map(aliases)) = node else {
        return Ok(BTreeMap::new());
    };
    let mut out = BTreeMap::new();
    for (alias, fields) in aliases {
        let Node::Map(fields) = fields else {
            return Err(format!("the alias {alias} is no map of rules and fields"));
        };
        let fields = fields
            .iter()
            .filter_map(|(rule, field)| Some((rule.clone(), field.text()?.to_owned())));
        out.insert(alias.clone(), fields.collect());
    }
    Ok(out)
}

/// A match of one of the rules, as a correlation counts it.
#[derive(Clone, Debug)]
pub struct Occurrence {
    /// When.
    pub time_ns: i64,
    /// Which of the correlation's rules, by position.
    pub rule: usize,
    /// Values of the `group-by` fields.
    pub group: Vec<String>,
    /// Values of the counted field.
    pub values: Vec<String>,
    /// What it is, for the caller.
    pub number: usize,
}

/// Occurrences that together satisfy a correlation.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// Their numbers, in time order.
    pub numbers: Vec<usize>,
    /// Values of the `group-by` fields.
    pub group: Vec<String>,
    /// The figure that was compared.
    pub figure: f64,
}

/// What a correlation finds among occurrences in time order.
#[must_use]
pub fn find(correlation: &Correlation, occurrences: Vec<Occurrence>) -> Vec<Found> {
    let mut groups: BTreeMap<Vec<String>, Vec<Occurrence>> = BTreeMap::new();
    for occurrence in occurrences {
        groups
            .entry(occurrence.group.clone())
            .or_default()
            .push(occurrence);
    }
    let mut found = Vec::new();
    for (group, list) in groups {
        let windows = match (correlation.kind, correlation.has_upper_bound()) {
            (Kind::TemporalOrdered, _) => ordered(correlation, &list),
            (_, true) => fixed(correlation, &list),
            (_, false) => sliding(correlation, &list),
        };
        found.extend(windows.into_iter().map(|(numbers, figure)| Found {
            numbers,
            group: group.clone(),
            figure,
        }));
    }
    found
}

/// What is inside a window.
#[derive(Default)]
struct Inside {
    rules: BTreeMap<usize, usize>,
    values: BTreeMap<String, usize>,
    count: usize,
}

impl Inside {
    fn add(&mut self, occurrence: &Occurrence) {
        self.count += 1;
        *self.rules.entry(occurrence.rule).or_default() += 1;
        for value in &occurrence.values {
            *self.values.entry(value.to_lowercase()).or_default() += 1;
        }
    }

    fn remove(&mut self, occurrence: &Occurrence) {
        self.count = self.count.saturating_sub(1);
        take_one(&mut self.rules, &occurrence.rule);
        for value in &occurrence.values {
            take_one(&mut self.values, &value.to_lowercase());
        }
    }

    fn satisfies(&self, correlation: &Correlation) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "counts of a case")]
        let of = |count: usize| count as f64;
        let figure = match correlation.kind {
            Kind::EventCount => of(self.count),
            Kind::ValueCount => of(self.values.len()),
            Kind::Temporal | Kind::TemporalOrdered => of(self.rules.len()),
            _ => figure_of(correlation.kind, &self.values)?,
        };
        let passes = match &correlation.wanted {
            Some(wanted) => {
                wanted.holds(&mut |rule| Some(self.rules.contains_key(&rule))) == Some(true)
            }
            None if correlation.kind == Kind::Temporal && correlation.bounds.is_empty() => {
                self.rules.len() == correlation.rules.len()
            }
            None => correlation.passes(figure),
        };
        passes.then_some(figure)
    }
}

fn take_one<K: Ord>(counts: &mut BTreeMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

/// Sum, mean or median of the values that are numbers.
fn figure_of(kind: Kind, values: &BTreeMap<String, usize>) -> Option<f64> {
    let mut numbers: Vec<f64> = values
        .iter()
        .filter_map(|(value, count)| Some((super::matcher::number(value)?, *count)))
        .flat_map(|(number, count)| std::iter::repeat_n(number, count))
        .collect();
    if numbers.is_empty() {
        return None;
    }
    let sum: f64 = numbers.iter().sum();
    #[expect(clippy::cast_precision_loss, reason = "counts of a case")]
    let count = numbers.len() as f64;
    Some(match kind {
        Kind::ValueSum => sum,
        Kind::ValueAverage => sum / count,
        _ => {
            numbers.sort_by(f64::total_cmp);
            let upper = numbers.get(numbers.len() / 2).copied()?;
            let lower = numbers.get((numbers.len() - 1) / 2).copied()?;
            f64::midpoint(lower, upper)
        }
    })
}

fn sliding(correlation: &Correlation, list: &[Occurrence]) -> Vec<(Vec<usize>, f64)> {
    let mut found = Vec::new();
    let mut inside = Inside::default();
    let mut first = 0;
    for (at, occurrence) in list.iter().enumerate() {
        inside.add(occurrence);
        while let Some(oldest) = list.get(first).filter(|oldest| {
            first < at && occurrence.time_ns - oldest.time_ns > correlation.timespan_ns
        }) {
            inside.remove(oldest);
            first += 1;
        }
        if let Some(figure) = inside.satisfies(correlation) {
            let window = list.get(first..=at).unwrap_or(&[]);
            found.push((window.iter().map(|one| one.number).collect(), figure));
            inside = Inside::default();
            first = at + 1;
        }
    }
    found
}

fn fixed(correlation: &Correlation, list: &[Occurrence]) -> Vec<(Vec<usize>, f64)> {
    let mut found = Vec::new();
    let mut rest = list;
    while let Some(first) = rest.first() {
        let within =
            rest.partition_point(|one| one.time_ns - first.time_ns <= correlation.timespan_ns);
        let (window, behind) = rest.split_at(within.max(1));
        let mut inside = Inside::default();
        window.iter().for_each(|one| inside.add(one));
        if let Some(figure) = inside.satisfies(correlation) {
            found.push((window.iter().map(|one| one.number).collect(), figure));
        }
        rest = behind;
    }
    found
}

/// For each rule in its turn the latest chain of matches that ends with it; one pass.
fn ordered(correlation: &Correlation, list: &[Occurrence]) -> Vec<(Vec<usize>, f64)> {
    let steps = order_of(correlation);
    let mut chains: Vec<Option<(i64, Vec<usize>)>> = vec![None; steps.len()];
    let mut found = Vec::new();
    for occurrence in list {
        // From the end, so that one match is not two steps.
        for step in (0..steps.len()).rev() {
            if steps.get(step) != Some(&occurrence.rule) {
                continue;
            }
            let chain = match step.checked_sub(1) {
                None => Some((occurrence.time_ns, vec![occurrence.number])),
                Some(before) => chains
                    .get(before)
                    .and_then(Option::as_ref)
                    .filter(|(begun, _)| occurrence.time_ns - begun <= correlation.timespan_ns)
                    .map(|(begun, numbers)| {
                        let mut numbers = numbers.clone();
                        numbers.push(occurrence.number);
                        (*begun, numbers)
                    }),
            };
            let Some(chain) = chain else { continue };
            if step + 1 == steps.len() {
                #[expect(clippy::cast_precision_loss, reason = "counts of rules")]
                found.push((chain.1, steps.len() as f64));
                chains.fill(None);
                break;
            }
            if let Some(slot) = chains.get_mut(step) {
                *slot = Some(chain);
            }
        }
    }
    found
}

/// The rules that must follow each other: those that the condition wants, in the order of `rules`.
fn order_of(correlation: &Correlation) -> Vec<usize> {
    let mut wanted: BTreeSet<usize> = BTreeSet::new();
    match &correlation.wanted {
        Some(expression) => expression.each(&mut |rule| {
            wanted.insert(rule);
        }),
        None => wanted.extend(0..correlation.rules.len()),
    }
    wanted.into_iter().collect()
}

#[cfg(test)]
mod tests;
