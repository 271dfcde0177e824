//! `cargo xtask analyze`: the tab's core over files and folders, without a browser.
//!
//! ```text
//! cargo xtask analyze triage/ export.json --events --out case.json
//! ```
//!
//! The document is the tab's, byte for byte: the same paths a dropped folder would give ([`walk`]), the same readers
//! ([`read`], as many at a time as there are cores), the same case, the same export ([`document`]). Evidence that is
//! damaged is a problem in the document and no failure; the exit status is 2 for a wrong command line, 1 where nothing
//! at all could be read, and 0 otherwise. What it says about itself goes to standard error.
//!
//! Rejected: printing a summary to standard output. It is the document's, for whoever pipes it on.

mod document;
mod progress;
mod read;
mod source;
mod walk;

use crate::command_line::{Command, Flags, Word, show};
use crate::failure::Failure;
use document::Destination;
use progress::Progress;
use runlens_core::case::Case;
use runlens_core::export::{self, ExportAsk, FORMS};
use runlens_core::lists::{ListKind, Lists};
use runlens_core::query;
use runlens_core::settings::{PARAMETERS, Settings};
use runlens_core::sigma::RuleState;
use runlens_core::time::{Instant, NS_PER_SECOND};
use std::ffi::OsStr;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

/// The command.
pub const COMMAND: Command = Command {
    name: "analyze",
    about: "Reads evidence and writes the case document (JSON)",
    help: "
cargo xtask analyze PATH… [FLAGS]

  PATH              a file, or a folder with everything below it (links are not followed)
  --out FILE        write the document there; without it, or with `-`, to standard output
  --events          include every event, not only what was concluded from them
  --sigma PATH      a file of Sigma rules, or a folder of them; may be repeated (rules among the evidence run too)
  --secrets         write passwords, keys and tokens as they are, not as dots
  --set KEY=VALUE   change a setting; may be repeated
  --zone PATH=ZONE  local times of the item at PATH are in this zone (UTC+05:30, Europe/Berlin); may be repeated
  --settings-file F settings as the page saves them (JSON)
  --list KIND=FILE  a list of yours: address-ranges, indicators, known-automation, privileged-roles, script-writers, watch-list; may be repeated
  --modes FILE      write there what each published rule finds and its corrected form does not, and the other way round
  --export FORM=FILE  write another form too; may be repeated. Forms: report-html, report-markdown, csv, timesketch,
                    l2t, stix, navigator
  --pseudonyms SALT  names of people, machines and addresses become stand-ins in everything that is written; the same
                    SALT (any secret text) gives the same stand-ins
  --made TIME       the moment that reports and bundles name (RFC 3339; default: now)
  --session FILE    what a saved session says (settings, lists, triage); it overrules other flags
  --hunt FILE       write there the findings' questions as queries for Sentinel, Defender and Elastic (Markdown)
  --settings        list the settings, then end
  --workers N       files read at the same time (default: one for each core); the document is the same for any N

Exit status: 0 also where evidence was damaged (its problems are in the document),
1 where nothing could be read, 2 where the command line is wrong.",
    run,
};

/// What was asked for.
#[derive(Debug, Default)]
struct Ask {
    paths: Vec<PathBuf>,
    rules: Vec<PathBuf>,
    out: Option<PathBuf>,
    events: bool,
    secrets: bool,
    settings: Settings,
    lists: Lists,
    modes: Option<PathBuf>,
    exports: Vec<(String, PathBuf)>,
    pseudonyms: Option<String>,
    made: Option<String>,
    session: Option<String>,
    hunt: Option<PathBuf>,
    workers: usize,
}

impl Ask {
    /// What is asked of one form of export.
    fn export(&self, form: &str) -> ExportAsk {
        ExportAsk {
            form: form.to_owned(),
            events: self.events,
            secrets: self.secrets,
            pseudonyms: self.pseudonyms.clone(),
            made: Some(self.made.clone().unwrap_or_else(now)),
            ..ExportAsk::default()
        }
    }
}

/// Files read and judged, without a word: what the benches measure.
pub fn case_of(files: &[PathBuf], workers: usize) -> Case {
    let (items, _) = walk::collect(files);
    let mut case = Case::new(Settings::default());
    read::into_case(&mut case, &items, workers, &Progress::silent());
    case.conclude();
    case
}

/// This moment, to the second.
fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let seconds = since.map_or(0, |since| since.as_secs());
    let instant = Instant::from_epoch(i64::try_from(seconds).unwrap_or_default(), NS_PER_SECOND, 0);
    instant
        .map(|instant| instant.to_string())
        .unwrap_or_default()
}

fn run(flags: Flags) -> Result<ExitCode, Failure> {
    let Some(ask) = understand(flags)? else {
        show(&settings_table());
        return Ok(ExitCode::SUCCESS);
    };
    let (items, notes) = walk::collect(&ask.paths);
    for note in &notes {
        eprintln!("note: {note}");
    }
    if items.is_empty() {
        return Err(Failure::Wrong {
            sentence: "there is nothing to read: no file was found".to_owned(),
            mend: "name a file, or a folder that holds files".to_owned(),
        });
    }
    let document = ask.export("case");
    let mut exports = vec![(document, Destination::prepare(ask.out.clone())?)];
    for (form, file) in &ask.exports {
        exports.push((ask.export(form), Destination::prepare(Some(file.clone()))?));
    }
    let progress = Progress::new();
    let mut case = Case::new(ask.settings);
    case.set_lists(ask.lists);
    if let Some(session) = &ask.session {
        case.take_session(session).map_err(refused)?;
    }
    let outcome = read::into_case(&mut case, &items, ask.workers, &progress);
    case.conclude();
    document::serve_rules(&mut case, &outcome.sources);
    for line in rules(&case) {
        eprintln!("{line}");
    }
    for (asked, to) in exports {
        let mut export = export::begin(&case, &asked, case.store().order()).map_err(refused)?;
        to.write(&case, &outcome.sources, export.as_mut())?;
        if let Some(left_out) = export.left_out() {
            eprintln!("note: {}: {left_out}", asked.form);
        }
    }
    if let Some(file) = ask.modes {
        write_modes(&case, &file)?;
    }
    if let Some(file) = ask.hunt {
        write_beside(&file, &query::hunt::markdown(&case))?;
    }
    progress.finished(&case);
    if outcome.readable == 0 {
        return Err(Failure::Wrong {
            sentence: format!(
                "none of {} files could be read; the document says why",
                items.len()
            ),
            mend: "see that you may read them".to_owned(),
        });
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads the command line; `None` where only the settings are wanted.
fn understand(mut flags: Flags) -> Result<Option<Ask>, Failure> {
    let mut ask = Ask {
        workers: thread::available_parallelism().map_or(1, NonZero::get),
        ..Ask::default()
    };
    while let Some(word) = flags.next()? {
        match word {
            Word::Flag(ref name) if name == "out" => {
                let file = flags.value("out")?;
                ask.out = (file != OsStr::new("-")).then(|| file.into());
            }
            Word::Flag(ref name) if name == "events" => ask.events = true,
            Word::Flag(ref name) if name == "secrets" => ask.secrets = true,
            Word::Flag(ref name) if name == "settings" => return Ok(None),
            Word::Flag(ref name) if name == "set" => {
                let pair: String = flags.parsed("set", "KEY=VALUE")?;
                let Some((key, value)) = pair.split_once('=') else {
                    return Err(flags.wrong(format!("`--set` wants KEY=VALUE, not `{pair}`")));
                };
                ask.settings
                    .set(key.trim(), value)
                    .map_err(|refused| flags.wrong(refused.to_string()))?;
            }
            Word::Flag(ref name) if name == "sigma" => {
                let path = PathBuf::from(flags.value("sigma")?);
                path.symlink_metadata().map_err(|error| {
                    flags.wrong(format!("cannot find {}: {error}", path.display()))
                })?;
                ask.rules.push(path);
            }
            Word::Flag(ref name) if name == "zone" => {
                let pair: String = flags.parsed("zone", "PATH=ZONE")?;
                let Some((path, zone)) = pair.rsplit_once('=') else {
                    return Err(flags.wrong(format!("`--zone` wants PATH=ZONE, not `{pair}`")));
                };
                ask.settings
                    .set_zone(path, zone)
                    .map_err(|refused| flags.wrong(refused.to_string()))?;
            }
            Word::Flag(ref name) if name == "settings-file" => {
                let file = PathBuf::from(flags.value("settings-file")?);
                let text = std::fs::read_to_string(&file).map_err(|error| {
                    flags.wrong(format!("cannot read {}: {error}", file.display()))
                })?;
                ask.settings
                    .set_json(&text)
                    .map_err(|refused| flags.wrong(refused.to_string()))?;
            }
            Word::Flag(ref name) if name == "list" => {
                let pair: String = flags.parsed("list", "KIND=FILE")?;
                let split = pair.split_once('=');
                let Some((kind, file)) =
                    split.and_then(|(kind, file)| Some((ListKind::of(kind.trim())?, file)))
                else {
                    return Err(flags.wrong(format!("`--list` wants KIND=FILE, not `{pair}`")));
                };
                let text = std::fs::read_to_string(file)
                    .map_err(|error| flags.wrong(format!("cannot read {file}: {error}")))?;
                let name = Path::new(file).file_name().unwrap_or_default();
                ask.lists
                    .set(kind, &name.to_string_lossy(), &text)
                    .map_err(|refused| flags.wrong(refused.to_string()))?;
            }
            Word::Flag(ref name) if name == "modes" => {
                ask.modes = Some(flags.value("modes")?.into());
            }
            Word::Flag(ref name) if name == "export" => {
                let pair: String = flags.parsed("export", "FORM=FILE")?;
                let known = |form: &str| FORMS.iter().any(|known| known.form == form);
                let split = pair.split_once('=').filter(|(form, _)| known(form));
                let Some((form, file)) = split else {
                    let forms = FORMS.map(|known| known.form).join(", ");
                    return Err(flags.wrong(format!(
                        "`--export` wants FORM=FILE with a form of {forms}, not `{pair}`"
                    )));
                };
                ask.exports.push((form.to_owned(), file.into()));
            }
            Word::Flag(ref name) if name == "pseudonyms" => {
                ask.pseudonyms = Some(flags.parsed("pseudonyms", "a salt")?);
            }
            Word::Flag(ref name) if name == "made" => {
                let made: String = flags.parsed("made", "a time such as 2024-05-01T00:00:00Z")?;
                if runlens_core::time::parse::iso(made.as_bytes()).is_none() {
                    return Err(flags.wrong(format!(
                        "`--made` wants a time such as 2024-05-01T00:00:00Z, not `{made}`"
                    )));
                }
                ask.made = Some(made);
            }
            Word::Flag(ref name) if name == "session" => {
                let file = PathBuf::from(flags.value("session")?);
                let text = std::fs::read_to_string(&file).map_err(|error| {
                    flags.wrong(format!("cannot read {}: {error}", file.display()))
                })?;
                ask.session = Some(text);
            }
            Word::Flag(ref name) if name == "hunt" => {
                ask.hunt = Some(flags.value("hunt")?.into());
            }
            Word::Flag(ref name) if name == "workers" => {
                ask.workers = flags
                    .parsed::<NonZero<usize>>("workers", "a number from 1 on")?
                    .get();
            }
            Word::Value(path) => {
                let path = PathBuf::from(path);
                path.symlink_metadata().map_err(|error| {
                    flags.wrong(format!("cannot find {}: {error}", path.display()))
                })?;
                ask.paths.push(path);
            }
            other => return Err(flags.unknown(&other)),
        }
    }
    if ask.secrets && ask.pseudonyms.is_some() {
        return Err(flags.wrong("`--secrets` and `--pseudonyms` exclude each other".to_owned()));
    }
    if ask.paths.is_empty() {
        return Err(flags.wrong("`cargo xtask analyze` wants at least one PATH".to_owned()));
    }
    // Rules are known by their content, wherever they lie.
    ask.paths.append(&mut ask.rules);
    Ok(Some(ask))
}

/// What the core refused, in its own sentence.
fn refused(sentence: String) -> Failure {
    Failure::Wrong {
        sentence,
        mend: "see `cargo xtask analyze --help`".to_owned(),
    }
}

/// What became of the Sigma rules: a line for each that found something or does not run whole, and one for all.
fn rules(case: &Case) -> Vec<String> {
    let reports = case.sigma().reports();
    let mut lines: Vec<String> = reports
        .iter()
        .filter(|report| report.findings > 0 || !report.reasons.is_empty())
        .map(|report| {
            let rule = report.rule;
            let reasons = report.reasons.join("; ");
            let found = match report.findings {
                0 => String::new(),
                1 => ", 1 finding".to_owned(),
                n => format!(", {n} findings"),
            };
            let why = if reasons.is_empty() {
                String::new()
            } else {
                format!(": {reasons}")
            };
            format!(
                "sigma {}{found}: {} ({}:{}){why}",
                report.state.word(),
                rule.title,
                rule.path,
                rule.line
            )
        })
        .map(|line| line.replace(|letter: char| letter.is_control(), " "))
        .collect();
    if !reports.is_empty() {
        let count = |state| {
            reports
                .iter()
                .filter(|report| report.state == state)
                .count()
        };
        lines.push(format!(
            "sigma: {} rules active, {} partly, {} refused, {} not assessed; {} findings",
            count(RuleState::Active),
            count(RuleState::Partly),
            count(RuleState::Refused),
            count(RuleState::NotAssessed),
            case.sigma().count()
        ));
    }
    lines
}

/// Writes the comparison of published and corrected rules.
fn write_modes(case: &Case, file: &Path) -> Result<(), Failure> {
    let modes = serde_json::json!({ "modes": query::modes(case, None) });
    write_beside(file, &format!("{modes:#}\n"))
}

/// Writes a file that goes with the document.
fn write_beside(file: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(file, text).map_err(|error| Failure::Wrong {
        sentence: format!("cannot write {}: {error}", file.display()),
        mend: "name a file in a folder that you may write to".to_owned(),
    })
}

/// What `--settings` prints.
fn settings_table() -> String {
    let defaults = Settings::default().to_json();
    let lines = PARAMETERS.iter().map(|parameter| {
        let default = parameter
            .key
            .split_once('.')
            .and_then(|(room, name)| defaults.get(room)?.get(name));
        let default = default.map(ToString::to_string).unwrap_or_default();
        let range = match parameter.unit {
            "yes-no" => "yes or no".to_owned(),
            "choice" => parameter.choices.join(" or "),
            unit => format!("{} to {} {unit}", parameter.least, parameter.most),
        };
        format!(
            "{}={default}\n    {} ({range})",
            parameter.key, parameter.about
        )
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests;
