//! The content indicators: expressions that a line of a script matches when it does something worth knowing.
//!
//! They are data (`indicators.toml`), each with a line it must match and one it must not. An analyst's own list has the same form. Before any expression runs, one pass over a line finds which of
//! them it could match at all: each expression's longest text that every match must contain is taken from its own syntax tree.
//!
//! Rejected: one set of all expressions in one automaton. It was ten times the memory for lines that almost never match.

use crate::expression::{Compiled, compile};
use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};
use regex::Regex;
use regex_syntax::hir::{Class, Hir, HirKind};
use serde::Deserialize;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// One indicator as its file has it.
#[derive(Clone, Debug, Deserialize)]
pub struct Indicator {
    /// Its name.
    pub id: String,
    /// Group it scores in.
    pub group: String,
    /// `any`, `linux` or `windows`.
    pub os: String,
    /// What a match means.
    pub what: String,
    /// The expression.
    pub re: String,
    /// A line it matches.
    pub pos: String,
    /// A line it does not.
    pub neg: String,
    /// ATT&CK technique.
    pub technique: String,
    /// 0 to 10.
    pub weight: u8,
}

impl Indicator {
    /// The ATT&CK tactic its group stands for.
    #[must_use]
    pub fn tactic(&self) -> &'static str {
        match self.group.as_str() {
            "EXE" => "execution",
            "DL" | "REV" => "command-and-control",
            "CRED" => "credential-access",
            "ACCT" | "PERS" => "persistence",
            "DEF" | "LOG" => "defense-evasion",
            "LAT" => "lateral-movement",
            "EXF" => "exfiltration",
            "MINE" | "RAN" => "impact",
            _ => "",
        }
    }
}

#[derive(Deserialize)]
struct File {
    indicator: Vec<Indicator>,
}

/// Why a list of indicators is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadIndicator {
    /// Which one; empty for the file as a whole.
    pub id: String,
    /// Line of the file, from 1, where it is known.
    pub line: Option<usize>,
    /// Why.
    pub what: String,
}

impl fmt::Display for BadIndicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.id.is_empty() {
            write!(f, "this is no list of indicators: {}", self.what)
        } else {
            write!(f, "indicator {}: {}", self.id, self.what)
        }
    }
}

impl std::error::Error for BadIndicator {}

/// Indicators ready to search with.
#[derive(Debug)]
pub struct Indicators {
    /// Their expressions are compiled when a line first could match: most never are, and compiling all of them costs more than reading a case.
    list: Vec<(Arc<Indicator>, Compiled)>,
    /// Finds the required texts; pattern number -> indicator number.
    literals: Option<AhoCorasick>,
    of_literal: Vec<usize>,
    /// Indicators without a required text: always tried.
    always: Vec<usize>,
}

/// Compiled size of one expression.
const MOST_COMPILED: usize = 2 << 20;
/// Shorter required texts are in every line.
const LEAST_LITERAL: usize = 3;
/// More alternatives than this are no filter.
const MOST_LITERALS: usize = 64;

impl Indicators {
    /// From the text of a TOML file.
    ///
    /// # Errors
    /// [`BadIndicator`] where the file or one of its indicators cannot be used.
    pub fn parse(toml: &str) -> Result<Self, BadIndicator> {
        Self::of(toml, |indicator| {
            let compiled =
                compile(&indicator.re, MOST_COMPILED).map_err(|error| error.to_string())?;
            if !compiled.is_match(&indicator.pos) {
                return Err("its expression does not match the line pos".to_owned());
            }
            if compiled.is_match(&indicator.neg) {
                return Err("its expression matches the line neg".to_owned());
            }
            Ok(Compiled::written(compiled))
        })
    }

    /// From the text of a TOML file, each indicator's expression as `expression` has it or refuses it.
    fn of(
        toml: &str,
        expression: impl Fn(&Indicator) -> Result<Compiled, String>,
    ) -> Result<Self, BadIndicator> {
        let line_of = |at: usize| toml.get(..at).map(|head| head.matches('\n').count() + 1);
        let file: File = toml::from_str(toml).map_err(|error: toml::de::Error| BadIndicator {
            id: String::new(),
            line: error.span().and_then(|span| line_of(span.start)),
            what: error.message().to_owned(),
        })?;
        let mut list = Vec::with_capacity(file.indicator.len());
        let (mut words, mut of_literal, mut always) = (Vec::new(), Vec::new(), Vec::new());
        for (at, indicator) in file.indicator.into_iter().enumerate() {
            let refused = |what: String| BadIndicator {
                id: indicator.id.clone(),
                line: toml.find(&indicator.id).and_then(line_of),
                what,
            };
            if indicator.weight > 10 {
                return Err(refused(format!(
                    "weight is 0 to 10; {} is outside",
                    indicator.weight
                )));
            }
            let expression = expression(&indicator).map_err(refused)?;
            match required(&indicator.re) {
                Some(literals) => {
                    for literal in literals {
                        words.push(literal);
                        of_literal.push(at);
                    }
                }
                None => always.push(at),
            }
            list.push((Arc::new(indicator), expression));
        }
        let literals = AhoCorasickBuilder::new()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .build(&words)
            .map_err(|error| BadIndicator {
                id: String::new(),
                line: None,
                what: error.to_string(),
            })?;
        Ok(Self {
            list,
            literals: Some(literals),
            of_literal,
            always,
        })
    }

    /// The indicators in the order of their file.
    pub fn list(&self) -> impl Iterator<Item = &Indicator> {
        self.list.iter().map(|(indicator, _)| indicator.as_ref())
    }

    /// An indicator by number.
    #[must_use]
    pub fn get(&self, number: usize) -> Option<&Arc<Indicator>> {
        self.list.get(number).map(|(indicator, _)| indicator)
    }

    /// Every (number, indicator, expression) of those that `fit` that a line could match.
    pub fn candidates<'a>(
        &'a self,
        line: &str,
        fit: impl Fn(&Indicator) -> bool,
    ) -> Vec<(usize, &'a Arc<Indicator>, &'a Regex)> {
        let ascii = line.is_ascii();
        // Only these two letters outside ASCII fold to letters inside.
        let folds = !ascii && line.contains(['\u{17F}', '\u{212A}']);
        let folded = folds.then(|| line.replace('\u{17F}', "s").replace('\u{212A}', "k"));
        let text = folded.as_deref().unwrap_or(line);
        // What is found is listed: a walk over all indicators for each line would cost more than the lines, once there are thousands.
        let mut wanted = self.always.clone();
        if let Some(literals) = &self.literals {
            let hits = literals.find_overlapping_iter(text);
            wanted.extend(hits.filter_map(|hit| self.of_literal.get(hit.pattern().as_usize())));
        }
        wanted.sort_unstable();
        wanted.dedup();
        let known = wanted.into_iter().filter_map(|at| {
            let (indicator, expression) = self.list.get(at)?;
            let fitting = fit(indicator).then_some(indicator)?;
            let regex = expression.of(&indicator.re, MOST_COMPILED, ascii);
            Some((at, fitting, regex?))
        });
        known.collect()
    }
}

/// The built-in indicators.
/// A test compiles the file that is built in and tries each line; were it broken all the same, there would be none.
#[must_use]
pub fn built_in() -> &'static Indicators {
    static BUILT_IN: OnceLock<Indicators> = OnceLock::new();
    BUILT_IN.get_or_init(|| {
        let later = |_: &Indicator| Ok(Compiled::new());
        Indicators::of(include_str!("indicators.toml"), later).unwrap_or_else(|_| Indicators {
            list: Vec::new(),
            literals: None,
            of_literal: Vec::new(),
            always: Vec::new(),
        })
    })
}

/// Texts of which every match contains one; `None` where there is no useful set.
fn required(expression: &str) -> Option<Vec<String>> {
    let hir = regex_syntax::Parser::new().parse(expression).ok()?;
    let found = best(&hir)?;
    let useful =
        found.len() <= MOST_LITERALS && found.iter().all(|word| word.len() >= LEAST_LITERAL);
    useful.then_some(found)
}

/// How good a set of required texts is: its shortest text counts.
fn worth(set: &[String]) -> usize {
    set.iter().map(String::len).min().unwrap_or(0)
}

fn best(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Literal(literal) => {
            let text = std::str::from_utf8(&literal.0).ok()?;
            text.is_ascii().then(|| vec![text.to_ascii_lowercase()])
        }
        HirKind::Class(class) => letter_of(class).map(|letter| vec![letter.to_string()]),
        HirKind::Capture(capture) => best(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => best(&repetition.sub),
        HirKind::Alternation(branches) => {
            let mut all = Vec::new();
            for branch in branches {
                all.extend(best(branch)?);
            }
            (all.len() <= MOST_LITERALS).then_some(all)
        }
        HirKind::Concat(parts) => {
            let mut sets: Vec<Vec<String>> = Vec::new();
            let mut run = String::new();
            for part in parts {
                // Letters one behind the other are one text, also where case is ignored.
                let single = match part.kind() {
                    HirKind::Literal(_) | HirKind::Class(_) => best(part),
                    _ => None,
                };
                match single.as_deref() {
                    Some([text]) => run.push_str(text),
                    _ => {
                        sets.push(vec![std::mem::take(&mut run)]);
                        sets.extend(best(part));
                    }
                }
            }
            sets.push(vec![run]);
            // The first of the best.
            sets.into_iter()
                .rev()
                .max_by_key(|set| worth(set))
                .filter(|set| worth(set) > 0)
        }
        _ => None,
    }
}

/// The letter whose spellings a class is.
fn letter_of(class: &Class) -> Option<char> {
    let Class::Unicode(class) = class else {
        return None;
    };
    let mut letters = Vec::new();
    for range in class.ranges() {
        for letter in range.start()..=range.end() {
            letters.push(letter);
            if letters.len() > 4 {
                return None;
            }
        }
    }
    let ascii = letters
        .iter()
        .copied()
        .find(char::is_ascii)?
        .to_ascii_lowercase();
    let same = |letter: &char| {
        letter.to_lowercase().eq([ascii]) || letter.to_uppercase().eq([ascii.to_ascii_uppercase()])
    };
    letters.iter().all(same).then_some(ascii)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::tests::agree;
    use std::collections::{BTreeMap, BTreeSet};

    #[test]
    fn every_indicator_matches_its_line_and_not_the_other() {
        let indicators = Indicators::parse(include_str!("indicators.toml")).unwrap();
        assert_eq!(indicators.list.len(), 148);
        let ids: BTreeSet<&str> = indicators
            .list()
            .map(|indicator| indicator.id.as_str())
            .collect();
        assert_eq!(ids.len(), 148);
        for (at, (indicator, expression)) in indicators.list.iter().enumerate() {
            let form = |text: &str| expression.of(&indicator.re, MOST_COMPILED, text.is_ascii());
            let regex = form("\u{e9}").unwrap();
            // Of the one line's beginnings and the other's ends, both forms say the same.
            let (pos, neg) = (&indicator.pos, &indicator.neg);
            for cut in (0..=pos.len()).filter(|cut| pos.is_char_boundary(*cut)) {
                let end = neg.get(cut.min(neg.len())..).unwrap_or(neg);
                agree(expression, &indicator.re, &format!("{}{end}", &pos[..cut]));
            }
            assert!(
                regex.is_match(&indicator.pos),
                "{} does not match its line",
                indicator.id
            );
            assert!(
                !regex.is_match(&indicator.neg),
                "{} matches the other line",
                indicator.id
            );
            // The filter lets through what matches.
            let through = indicators.candidates(&indicator.pos, |_| true);
            assert!(
                through.iter().any(|(number, _, _)| *number == at),
                "{} is filtered out",
                indicator.id
            );
            // Letters outside ASCII change nothing of that, nor do the two that fold to letters inside.
            for line in [
                format!("{} é", indicator.pos),
                indicator
                    .pos
                    .replace('s', "\u{17F}")
                    .replace('k', "\u{212A}"),
            ] {
                let through = indicators.candidates(&line, |_| true);
                let is_through = through.iter().any(|(number, _, _)| *number == at);
                assert!(
                    is_through || !regex.is_match(&line),
                    "{} is filtered out of {line}",
                    indicator.id
                );
            }
        }
    }

    #[test]
    fn groups_have_the_sizes_of_the_specification() {
        let mut groups: BTreeMap<&str, (usize, u8)> = BTreeMap::new();
        for indicator in built_in().list() {
            let entry = groups.entry(&indicator.group).or_default();
            entry.0 += 1;
            entry.1 = entry.1.max(indicator.weight);
        }
        let want = [
            ("ACCT", 10, 9),
            ("CRED", 19, 10),
            ("DEF", 17, 9),
            ("DL", 13, 8),
            ("EXE", 18, 8),
            ("EXF", 8, 8),
            ("LAT", 13, 9),
            ("LOG", 11, 10),
            ("MINE", 4, 10),
            ("PERS", 17, 9),
            ("RAN", 8, 10),
            ("REV", 10, 9),
        ];
        let have: Vec<(&str, usize, u8)> = groups
            .into_iter()
            .map(|(group, (count, most))| (group, count, most))
            .collect();
        assert_eq!(have, want);
    }

    #[test]
    fn the_filter_spares_most_expressions() {
        let indicators = built_in();
        let tried = indicators
            .candidates("apt-get update && apt-get install -y nginx", |_| true)
            .len();
        assert!(tried < 40, "{tried} of 148 are tried on an ordinary line");
    }

    #[test]
    fn a_bad_list_is_refused_by_name() {
        let refused = |toml: &str| Indicators::parse(toml).map(|_| ()).unwrap_err().to_string();
        assert!(refused("x = 1").starts_with("this is no list of indicators"));
        let one = "[[indicator]]\nid='a'\ngroup='G'\nos='any'\nwhat='w'\nre='('\npos='p'\nneg='n'\ntechnique='T'\nweight=3\n";
        assert!(refused(one).starts_with("indicator a: "));
        assert_eq!(
            refused(
                &one.replace("re='('", "re='p'")
                    .replace("weight=3", "weight=11")
            ),
            "indicator a: weight is 0 to 10; 11 is outside"
        );
    }
}
