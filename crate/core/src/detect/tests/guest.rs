//! The worked examples of the detectors of the guest and of the join: files of a guest and rows of the Activity Log, through the whole core.

mod absence;
mod files;
mod numbers;
mod removal;

use super::Table;
use crate::case::Case;
use crate::detect::Finding;
use crate::formats::ItemReader;

const CONFIG: &str = "web01/var/lib/waagent/Microsoft.CPlat.Core.RunCommandLinux-1.0.5";
const MANAGED: &str = "web01/var/lib/waagent/Microsoft.CPlat.Core.RunCommandHandlerLinux-1.3.9";
const DATA: &str = "web01/var/lib/waagent/run-command";

/// Evidence in the making: (path, bytes, modified time in ms).
#[derive(Clone, Default)]
struct Guest {
    files: Vec<(String, String, Option<i64>)>,
    cloud: Table,
}

impl Guest {
    fn file(mut self, path: &str, text: &str) -> Self {
        self.files.push((path.to_owned(), text.to_owned(), None));
        self
    }

    fn modified(mut self, ms: i64) -> Self {
        if let Some(last) = self.files.last_mut() {
            last.2 = Some(ms);
        }
        self
    }

    fn cloud(mut self, lines: &str) -> Self {
        self.cloud = self.cloud.with(lines);
        self
    }

    /// A terminal status of an action, with these streams.
    fn status(self, number: i64, time: &str, message: &str) -> Self {
        let path = format!("{CONFIG}/status/{number}.status");
        self.file(&path, &status("Enable", "success", time, message))
    }

    /// A script in its folder.
    fn script(self, number: i64, text: &str) -> Self {
        self.file(&format!("{DATA}/download/{number}/script.sh"), text)
    }

    fn output(self, number: i64, stream: &str, text: &str) -> Self {
        self.file(&format!("{DATA}/download/{number}/{stream}"), text)
    }

    fn handler(self, lines: &str) -> Self {
        let lines: Vec<String> = lines.lines().map(|line| entry(line.trim())).collect();
        let text = lines.join("\n") + "\n";
        self.file("web01/var/log/azure/run-command/handler.log", &text)
    }

    fn case(&self) -> Case {
        let mut case = Case::new(self.cloud.settings.clone());
        let mut files = self.files.clone();
        if !self.cloud.rows.is_empty() {
            let rows = serde_json::Value::from(self.cloud.rows.clone()).to_string();
            files.push(("log.json".to_owned(), rows, None));
        }
        for (path, text, modified) in &files {
            let item = case.add_item(path, text.len() as u64, *modified);
            let limits = self.cloud.settings.limits.clone();
            let mut reader = ItemReader::new(path, text.len() as u64, *modified, limits);
            reader.push(text.as_bytes());
            while let Some(batch) = reader.take_batch() {
                case.add_batch(item, &batch);
            }
            case.finish_item(item, &reader.finish());
        }
        case.conclude();
        case
    }

    fn finds(&self, detector: &str) -> Vec<Finding> {
        let case = self.case();
        let found = case.findings().iter();
        found
            .filter(|finding| finding.detector == detector)
            .map(|finding| case.referred().spelled_out(finding))
            .collect()
    }

    /// (severity, a figure) of each finding.
    fn says(&self, detector: &str, figure: &str) -> Vec<(&'static str, String)> {
        let found = self.finds(detector);
        let said = found.iter().map(|one| {
            let figure = one.values.get(figure).cloned().unwrap_or_default();
            let text = figure
                .as_str()
                .map_or_else(|| figure.to_string(), str::to_owned);
            (one.severity.word(), text)
        });
        said.collect()
    }

    fn left_out(&self, detector: &str) -> Option<String> {
        let case = self.case();
        let searched = case.searched().iter().find(|one| one.detector == detector);
        let searched = searched.expect("every detector is listed").clone();
        searched.not_assessed.or(searched.left_out)
    }
}

/// `10:00:05 executing command seq=3` as a handler writes it.
fn entry(line: &str) -> String {
    let (time, rest) = line.split_once(' ').expect("a time");
    let (what, number) = rest.rsplit_once(" seq=").expect("a number");
    format!(
        "time=2024-05-01T{time}Z version=v1.0.5/git@0000000-clean operation=enable seq={number} event=\"{what}\""
    )
}

fn status(operation: &str, word: &str, time: &str, message: &str) -> String {
    serde_json::json!([{
        "version": 1,
        "timestampUTC": time,
        "status": {
            "operation": operation,
            "status": word,
            "formattedMessage": { "lang": "en", "message": message },
        },
    }])
    .to_string()
}

fn said(out: &str) -> String {
    format!("Enable succeeded: \n[stdout]\n{out}\n[stderr]\n")
}

fn words<'a>(pairs: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    pairs
        .iter()
        .map(|(severity, text)| (*severity, text.as_str()))
        .collect()
}
