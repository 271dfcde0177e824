//! PowerShell's engine records (400, 403, 600, 800, and the context of 4103): one block of `Key=Value` lines.
//!
//! A value may hold `=` and line breaks: a script given on the command line stands whole in `HostApplication`. So a value ends where the next *known* key begins a line,
//! never at the next `=` (windows-and-endpoint-artifacts 3.1).
//!
//! Rejected: splitting at line ends. Obfuscated one-liners of several kilobytes contain them.

/// Keys in the order the engine writes them.
const KEYS: [&str; 21] = [
    "NewEngineState",
    "PreviousEngineState",
    "NewProviderState",
    "ProviderName",
    "DetailSequence",
    "DetailTotal",
    "SequenceNumber",
    "UserId",
    "HostName",
    "HostVersion",
    "HostId",
    "HostApplication",
    "EngineVersion",
    "RunspaceId",
    "PipelineId",
    "CommandName",
    "CommandType",
    "ScriptName",
    "CommandPath",
    "CommandLine",
    "Severity",
];

/// A block and where a known key begins a line in it.
#[derive(Debug)]
pub struct Block<'a> {
    text: &'a str,
    /// (place, key), in the order of the text.
    marks: Vec<(usize, &'static str)>,
}

impl<'a> Block<'a> {
    /// Finds the keys of a block.
    #[must_use]
    pub fn of(text: &'a str) -> Self {
        let mut marks = Vec::new();
        let mut line = 0;
        loop {
            let rest = text.get(line..).unwrap_or("");
            if let Some((blanks, key)) = key_at(rest) {
                marks.push((line + blanks, key));
            }
            match memchr::memchr(b'\n', rest.as_bytes()) {
                Some(end) => line += end + 1,
                None => return Self { text, marks },
            }
        }
    }

    /// The value of a key.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<&'a str> {
        let mut marks = self.marks.iter().skip_while(|(_, have)| *have != key);
        let (at, _) = marks.next()?;
        let start = at + key.len() + 1;
        let rest = self.text.get(start..)?;
        // A key right behind this one begins a line too.
        let end = match (key_at(rest), marks.next()) {
            (Some((blanks, _)), _) => blanks,
            (None, Some((next, _))) => next - start,
            (None, None) => rest.len(),
        };
        Some(rest.get(..end)?.trim()).filter(|value| !value.is_empty())
    }
}

/// The known key with which a text begins (after blanks), and how many blanks.
fn key_at(text: &str) -> Option<(usize, &'static str)> {
    let trimmed = text.trim_start_matches([' ', '\t']);
    let key = KEYS.iter().find(|key| {
        trimmed
            .strip_prefix(**key)
            .is_some_and(|rest| rest.starts_with('='))
    })?;
    Some((text.len() - trimmed.len(), key))
}

/// The value of `Key = Value` in the context of a 4103.
#[must_use]
pub fn context<'a>(block: &'a str, key: &str) -> Option<&'a str> {
    block.lines().find_map(|line| {
        let (name, value) = line.split_once(" = ")?;
        (name.trim() == key)
            .then(|| value.trim())
            .filter(|value| !value.is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_at_the_next_known_key() {
        let block = "NewEngineState=Available\r\n\tPreviousEngineState=None\r\n\r\n\tSequenceNumber=13\r\n\r\n\tHostName=ConsoleHost\r\n\tHostApplication=powershell -c $a=1;\r\n$b=2\r\n\tEngineVersion=5.1\r\n\tCommandLine=";
        assert_eq!(
            Block::of(block).value("HostApplication"),
            Some("powershell -c $a=1;\r\n$b=2")
        );
        let value = |text: &'static str, key: &str| Block::of(text).value(key);
        assert_eq!(value(block, "NewEngineState"), Some("Available"));
        assert_eq!(value(block, "CommandLine"), None);
        // One key right behind another, and a word that only looks like a key.
        assert_eq!(value("UserId= \tHostName=x", "UserId"), None);
        assert_eq!(
            value("x UserId=1\n UserId=2\nUserIds=3\nHostName=y", "UserId"),
            Some("2\nUserIds=3")
        );
        assert_eq!(
            context(
                "        Severity = Informational\n        Host Application = powershell -File x\n",
                "Host Application"
            ),
            Some("powershell -File x")
        );
    }
}
