//! All rules of a case together: read, joined to each other, told apart.
//!
//! Correlations call rules by id or name, across files; filters add conditions to rules; one id stands for one rule. Whatever does not resolve
//! refuses the rule that asked for it, with its word. The order of the files does not matter: they are taken by path.

use super::condition::Expression;
use super::correlation::Correlation;
use super::rule::{Body, Detection, Rule, fields};
use super::selection::Tests;
use crate::record::yaml::Document;
use std::collections::BTreeMap;

/// A file of rules.
#[derive(Clone, Copy, Debug)]
pub struct RuleFile<'a> {
    /// Its path.
    pub path: &'a str,
    /// SHA-256 in lower-case hex.
    pub sha256: Option<&'a str>,
    /// Its documents.
    pub documents: &'a [Document],
}

/// The rules of a case.
#[derive(Debug, Default)]
pub struct RuleSet {
    /// By file and place.
    pub rules: Vec<Rule>,
    /// Their fields and tests.
    pub tests: Tests,
    /// Correlations, each behind the rules it rests on.
    pub correlations: Vec<usize>,
    /// For each rule that is a correlation, the rules it calls, in its own order.
    pub calls: BTreeMap<usize, Vec<usize>>,
    /// Fields that a correlation wants of each rule's matches.
    pub wanted: Vec<Vec<usize>>,
    /// Whether matches of the rule are findings of their own.
    pub speaks: Vec<bool>,
}

impl RuleSet {
    /// Reads the files, which must be in the order of their paths.
    #[must_use]
    pub fn read(files: &[RuleFile<'_>]) -> Self {
        let mut set = Self::default();
        for file in files {
            for document in file.documents {
                set.rules.push(Rule::read(
                    file.path,
                    file.sha256,
                    document.line,
                    &document.tree,
                    &mut set.tests,
                ));
            }
        }
        set.refuse_doubles();
        set.apply_filters();
        set.resolve();
        set.want();
        set
    }

    /// The detection of a rule that can run.
    #[must_use]
    pub fn detection(&self, rule: usize) -> Option<&Detection> {
        match &self.rules.get(rule)?.body {
            Ok(Body::Detection(detection)) => Some(detection),
            _ => None,
        }
    }

    /// The correlation of a rule that can run.
    #[must_use]
    pub fn correlation(&self, rule: usize) -> Option<&Correlation> {
        match &self.rules.get(rule)?.body {
            Ok(Body::Correlation(correlation)) => Some(correlation),
            _ => None,
        }
    }

    fn refuse(&mut self, rule: usize, why: String) {
        if let Some(rule) = self.rules.get_mut(rule) {
            rule.body = Err(why);
        }
    }

    fn refuse_doubles(&mut self) {
        let mut first: BTreeMap<String, String> = BTreeMap::new();
        for rule in &mut self.rules {
            let Some(id) = rule.id.as_ref().map(|id| id.to_lowercase()) else {
                continue;
            };
            if let Some(path) = first.get(&id) {
                rule.body = Err(format!("another rule has this id: {path}"));
            } else {
                first.insert(id, rule.path.clone());
            }
        }
    }

    fn apply_filters(&mut self) {
        let filters: Vec<usize> = (0..self.rules.len())
            .filter(|at| {
                matches!(
                    self.rules.get(*at).map(|rule| &rule.body),
                    Some(Ok(Body::Filter(_)))
                )
            })
            .collect();
        for at in filters {
            let Some(Ok(Body::Filter(filter))) = self.rules.get(at).map(|rule| rule.body.clone())
            else {
                continue;
            };
            let mut missing = Vec::new();
            for word in &filter.rules {
                if !self.rules.iter().any(|rule| rule.is_called(word)) {
                    missing.push(word.clone());
                }
            }
            for rule in &mut self.rules {
                let meant =
                    filter.rules.is_empty() || filter.rules.iter().any(|word| rule.is_called(word));
                if let (true, Ok(Body::Detection(detection))) = (meant, &mut rule.body)
                    && detection.scope.view == filter.scope.view
                {
                    let own =
                        std::mem::replace(&mut detection.condition, Expression::Any(Vec::new()));
                    detection.condition = Expression::All(vec![own, filter.condition.clone()]);
                    detection.fields = fields(&detection.condition, &self.tests);
                }
            }
            if let (false, Some(rule)) = (missing.is_empty(), self.rules.get_mut(at)) {
                let text = format!("it filters rules that are not here: {}", missing.join(", "));
                rule.left_out.push(text);
            }
        }
    }

    /// Finds what correlations call, and an order in which each stands behind what it rests on.
    fn resolve(&mut self) {
        let mut open: Vec<usize> = (0..self.rules.len())
            .filter(|at| self.correlation(*at).is_some())
            .collect();
        let mut calls: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for at in open.clone() {
            let words = self
                .correlation(at)
                .map(|found| found.rules.clone())
                .unwrap_or_default();
            let mut called = Vec::new();
            let mut missing = None;
            for word in &words {
                match self.rules.iter().position(|rule| rule.is_called(word)) {
                    Some(found) => called.push(found),
                    None => missing = missing.or(Some(word.clone())),
                }
            }
            match missing {
                Some(word) => {
                    self.refuse(
                        at,
                        format!("it rests on {word}, and no rule has that id or name"),
                    );
                    open.retain(|other| *other != at);
                }
                None => {
                    calls.insert(at, called);
                }
            }
        }
        loop {
            let mut still = Vec::new();
            let before = open.len();
            for at in open {
                let called = calls.get(&at).cloned().unwrap_or_default();
                let broken = called.iter().find_map(|other| {
                    let rule = self.rules.get(*other)?;
                    match &rule.body {
                        Err(_) => Some(rule.key().to_owned()),
                        Ok(Body::Filter(_)) => Some(rule.key().to_owned()),
                        Ok(_) => None,
                    }
                });
                if let Some(word) = broken {
                    self.refuse(at, format!("it rests on {word}, which does not run"));
                } else if called.iter().all(|other| {
                    self.correlation(*other).is_none() || self.correlations.contains(other)
                }) {
                    self.correlations.push(at);
                } else {
                    still.push(at);
                }
            }
            if still.len() == before {
                for at in still {
                    self.refuse(at, "it rests on itself".to_owned());
                }
                break;
            }
            open = still;
        }
        self.calls = calls;
        self.speaks = vec![true; self.rules.len()];
        for at in &self.correlations {
            let generate = self.correlation(*at).is_some_and(|found| found.generate);
            for called in self.calls.get(at).into_iter().flatten() {
                if let (Some(slot), false) = (self.speaks.get_mut(*called), generate) {
                    *slot = false;
                }
            }
        }
    }

    /// Passes the fields that correlations group and count by down to the rules whose events have them.
    fn want(&mut self) {
        let mut names: Vec<Vec<String>> = vec![Vec::new(); self.rules.len()];
        for at in self.correlations.iter().rev() {
            let Some(correlation) = self.correlation(*at) else {
                continue;
            };
            let mut own: Vec<String> = correlation.group_by.clone();
            own.extend(correlation.field.clone());
            own.extend(names.get(*at).cloned().unwrap_or_default());
            let mut passed: Vec<(usize, String)> = Vec::new();
            for called in self.calls.get(at).into_iter().flatten() {
                let Some(rule) = self.rules.get(*called) else {
                    continue;
                };
                for name in &own {
                    if let Some(field) = correlation.field_of(name, |word| rule.is_called(word)) {
                        passed.push((*called, field.to_owned()));
                    }
                }
            }
            for (called, field) in passed {
                if let Some(list) = names.get_mut(called)
                    && !list.contains(&field)
                {
                    list.push(field);
                }
            }
        }
        let tests = &mut self.tests;
        self.wanted = names
            .iter()
            .map(|names| names.iter().map(|name| tests.field(name)).collect())
            .collect();
    }
}
