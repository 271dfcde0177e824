//! What others' parsers take for the same bytes: one thread, the file in memory, and nothing concluded.
//!
//! The typed rows borrow their fields and keep what an event keeps; everything else is skipped as the parser skips it. Rejected: baselines that also index and
//! judge. Nobody has those, and the comparison is to be hard on Runlens.

use super::inputs::Json;
use crate::failure::Failure;
use serde::Deserialize;
use std::borrow::Cow;
use std::fs;
use std::hint::black_box;
use std::path::Path;

type Text<'a> = Option<Cow<'a, str>>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "that they are parsed is what is measured")]
struct DiagnosticRow<'a> {
    #[serde(borrow)]
    time: Text<'a>,
    #[serde(borrow)]
    resource_id: Text<'a>,
    #[serde(borrow)]
    operation_name: Text<'a>,
    #[serde(borrow)]
    category: Text<'a>,
    #[serde(borrow)]
    result_type: Text<'a>,
    #[serde(borrow)]
    result_signature: Text<'a>,
    #[serde(borrow)]
    caller_ip_address: Text<'a>,
    #[serde(borrow)]
    correlation_id: Text<'a>,
    #[serde(borrow)]
    identity: Option<Identity<'a>>,
    #[serde(borrow)]
    properties: Option<Properties<'a>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "that they are parsed is what is measured")]
struct Identity<'a> {
    #[serde(borrow)]
    authorization: Option<Authorization<'a>>,
    #[serde(borrow)]
    claims: Option<Claims<'a>>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "that they are parsed is what is measured")]
struct Authorization<'a> {
    #[serde(borrow)]
    scope: Text<'a>,
    #[serde(borrow)]
    action: Text<'a>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "that they are parsed is what is measured")]
struct Claims<'a> {
    #[serde(
        borrow,
        rename = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"
    )]
    upn: Text<'a>,
    #[serde(
        borrow,
        rename = "http://schemas.microsoft.com/identity/claims/objectidentifier"
    )]
    object_id: Text<'a>,
    #[serde(borrow)]
    ipaddr: Text<'a>,
    #[serde(borrow)]
    appid: Text<'a>,
    #[serde(borrow)]
    uti: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "that they are parsed is what is measured")]
struct Properties<'a> {
    #[serde(borrow)]
    event_data_id: Text<'a>,
    #[serde(borrow, rename = "requestbody")]
    request_body: Text<'a>,
    #[serde(borrow)]
    response_body: Text<'a>,
    #[serde(borrow)]
    status_code: Text<'a>,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "that they are parsed is what is measured")]
struct Localizable<'a> {
    #[serde(borrow)]
    value: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "that they are parsed is what is measured")]
struct CommandLineRow<'a> {
    #[serde(borrow)]
    event_timestamp: Text<'a>,
    #[serde(borrow)]
    resource_id: Text<'a>,
    #[serde(borrow)]
    event_data_id: Text<'a>,
    #[serde(borrow)]
    caller: Text<'a>,
    #[serde(borrow)]
    correlation_id: Text<'a>,
    #[serde(borrow)]
    operation_name: Option<Localizable<'a>>,
    #[serde(borrow)]
    category: Option<Localizable<'a>>,
    #[serde(borrow)]
    status: Option<Localizable<'a>>,
    #[serde(borrow)]
    sub_status: Option<Localizable<'a>>,
    #[serde(borrow)]
    http_request: Option<HttpRequest<'a>>,
    #[serde(borrow)]
    authorization: Option<Authorization<'a>>,
    #[serde(borrow)]
    claims: Option<Claims<'a>>,
    #[serde(borrow)]
    properties: Option<Properties<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "that they are parsed is what is measured")]
struct HttpRequest<'a> {
    #[serde(borrow)]
    client_ip_address: Text<'a>,
}

fn lines<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> serde_json::Result<Vec<T>> {
    let lines = bytes.split(|byte| *byte == b'\n');
    lines
        .filter(|line| !line.is_empty())
        .map(serde_json::from_slice)
        .collect()
}

fn count<T>(parsed: serde_json::Result<Vec<T>>, path: &Path) -> Result<u64, Failure> {
    match parsed {
        Ok(rows) => Ok(black_box(rows).len() as u64),
        Err(error) => Err(Failure::Wrong {
            sentence: format!("{} is not the JSON it was made as: {error}", path.display()),
            mend: "see `crate/casegen/src/volume`".to_owned(),
        }),
    }
}

/// Rows of a file as typed rows that borrow from it; all are kept. Answers how many.
pub fn typed(path: &Path, shape: Json) -> Result<u64, Failure> {
    let bytes = fs::read(path).map_err(Failure::file("read", path))?;
    match shape {
        Json::Lines => count(lines::<DiagnosticRow<'_>>(&bytes), path),
        Json::Array => count(
            serde_json::from_slice::<Vec<CommandLineRow<'_>>>(&bytes),
            path,
        ),
    }
}

/// Rows of a file, each as a tree that is let go. Answers how many.
pub fn trees(path: &Path, shape: Json) -> Result<u64, Failure> {
    let bytes = fs::read(path).map_err(Failure::file("read", path))?;
    match shape {
        Json::Lines => {
            let mut rows = 0;
            for line in bytes
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
            {
                let parsed = serde_json::from_slice::<serde_json::Value>(line);
                rows += count(parsed.map(|tree| vec![tree]), path)?;
            }
            Ok(rows)
        }
        Json::Array => count(
            serde_json::from_slice::<Vec<serde_json::Value>>(&bytes),
            path,
        ),
    }
}

/// Records of an event log as JSON text, by the evtx crate on one thread. Answers how many.
pub fn event_log(path: &Path) -> Result<u64, Failure> {
    let wrong = |error: evtx::err::EvtxError| Failure::Wrong {
        sentence: format!("the evtx crate cannot read {}: {error}", path.display()),
        mend: "see `crate/casegen/src/volume`".to_owned(),
    };
    let settings = evtx::ParserSettings::default().num_threads(1).indent(false);
    let parser = evtx::EvtxParser::from_path(path).map_err(wrong)?;
    let mut parser = parser.with_configuration(settings);
    let mut records = 0;
    for record in parser.records_json() {
        black_box(record.map_err(wrong)?);
        records += 1;
    }
    Ok(records)
}
