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

/// The value of a key of a block.
#[must_use]
pub fn value<'a>(block: &'a str, key: &str) -> Option<&'a str> {
    let start = find_key(block, key)?;
    let rest = block.get(start + key.len() + 1..)?;
    let end = KEYS
        .iter()
        .filter_map(|next| find_line_key(rest, next))
        .min()
        .unwrap_or(rest.len());
    Some(rest.get(..end)?.trim()).filter(|value| !value.is_empty())
}

fn find_key(block: &str, key: &str) -> Option<usize> {
    if block
        .strip_prefix(key)
        .is_some_and(|rest| rest.starts_with('='))
    {
        return Some(0);
    }
    find_line_key(block, key)
}

/// Where `key=` begins a line (after tabs).
fn find_line_key(block: &str, key: &str) -> Option<usize> {
    let mut from = 0;
    while let Some(hit) = block.get(from..)?.find(key) {
        let at = from + hit;
        let before = block.get(..at)?.trim_end_matches([' ', '\t']);
        let begins = before.is_empty() || before.ends_with('\n');
        if begins && block.get(at + key.len()..)?.starts_with('=') {
            return Some(at);
        }
        from = at + key.len();
    }
    None
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
            value(block, "HostApplication"),
            Some("powershell -c $a=1;\r\n$b=2")
        );
        assert_eq!(value(block, "NewEngineState"), Some("Available"));
        assert_eq!(value(block, "CommandLine"), None);
        assert_eq!(
            context(
                "        Severity = Informational\n        Host Application = powershell -File x\n",
                "Host Application"
            ),
            Some("powershell -File x")
        );
    }
}
