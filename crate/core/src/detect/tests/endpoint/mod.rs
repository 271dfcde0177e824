//! The worked examples of the detectors that join operations with processes and written files.
//!
//! Rows of a sensor stand beside a table of operations: `10:00:21 web01 script3.ps1 120 a1` is a file, `10:00:21 web01 410<400 net.exe | net user | parent` a process.

mod files;
mod fingerprints;
mod processes;

use super::{Table, json};
use crate::detect::Finding;
use serde_json::Value;

/// Rows of a sensor in the making.
#[derive(Clone, Default)]
struct Sensor {
    rows: Vec<Value>,
    cloud: Table,
}

const DOWNLOADS: &str =
    r"C:\Packages\Plugins\Microsoft.CPlat.Core.RunCommandWindows\1.1.22\Downloads";
const ACTION: &str = "powershell  -ExecutionPolicy Unrestricted -File script6.ps1";

impl Sensor {
    fn cloud(mut self, lines: &str) -> Self {
        self.cloud = self.cloud.with(lines);
        self
    }

    fn set(mut self, key: &str, value: &str) -> Self {
        self.cloud = self.cloud.set(key, value);
        self
    }

    fn row(mut self, row: Value) -> Self {
        self.rows.push(row);
        self
    }

    /// A file that the action handler wrote: `10:00:21 testrig1.contoso.com script3.ps1 size sha256`.
    fn file(self, line: &str) -> Self {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [time, host, name, size, sha256] = words.as_slice() else {
            panic!("no file: {line}")
        };
        self.row(json!({
            "Timestamp": format!("2024-05-01T{time}Z"), "DeviceName": host, "ActionType": "FileCreated", "FileName": name,
            "FolderPath": DOWNLOADS, "FileSize": size.parse::<u64>().ok(), "SHA256": sha256.repeat(32),
            "InitiatingProcessFileName": "RunCommandExtension.exe", "InitiatingProcessId": 300,
        }))
    }

    /// A process: `10:00:21 web01 410<400 image | command line | parent's image | parent's command line`.
    fn process(self, line: &str) -> Self {
        let mut parts = line.split(" | ");
        let words: Vec<&str> = parts.next().unwrap_or("").split_whitespace().collect();
        let [time, host, ids, image] = words.as_slice() else {
            panic!("no process: {line}")
        };
        let (pid, parent) = ids.split_once('<').expect("two ids");
        let mut next = || parts.next().unwrap_or("").to_owned();
        let (own, above, above_line) = (next(), next(), next());
        self.row(json!({
            "Timestamp": format!("2024-05-01T{time}Z"), "DeviceName": host, "ActionType": "ProcessCreated",
            "FileName": image, "ProcessId": pid.parse::<u64>().ok(), "ProcessCommandLine": own,
            "InitiatingProcessId": parent.parse::<u64>().ok(), "InitiatingProcessFileName": above, "InitiatingProcessCommandLine": above_line,
        }))
    }

    fn table(&self) -> Table {
        self.cloud
            .clone()
            .file("sensor.json", Value::from(self.rows.clone()))
    }

    fn finds(&self, detector: &str) -> Vec<Finding> {
        self.table().finds(detector)
    }

    fn severities_of(&self, detector: &str) -> Vec<&'static str> {
        self.table().severities(detector)
    }

    fn says(&self, detector: &str, figure: &str) -> Vec<(&'static str, Value)> {
        let found = self.finds(detector);
        let said = found
            .iter()
            .map(|one| (one.severity.word(), one.values[figure].clone()));
        said.collect()
    }
}
