//! `goal-state`: what the service told the guest to run, as the agent keeps it (VmSettings, ExtensionsConfig, GoalState).
//!
//! A goal state carries the correlation id of the operation that made it, the service's own clock, and the public settings of every extension: scripts of
//! managed run commands can be recovered here after the handler deleted them. It is no proof that anything ran. Source: linux-artifacts 4.

use super::extension_settings::said;
use super::{Certainty, Format, Framing, Reader, Sample, TextShape};
use crate::event::fact::{Fact, GoalStateExtension, GoalStateFact};
use crate::event::sink::Sink;
use crate::event::{Event, EventKind, Field};
use crate::evidence::encoding::text;
use crate::evidence::unit::Unit;
use crate::identity::guid;
use crate::json::Value;
use crate::problem::Code;
use crate::record::cloud::json_fields;
use crate::time::{Instant, Stamp, parse};
use memchr::memmem;
use std::borrow::Cow;

/// The format.
pub const FORMAT: Format = Format {
    id: "goal-state",
    about: "goal-state document of the guest agent",
    from_guest: true,
    text: Some(TextShape {
        framing: Framing::Whole,
        recognise,
    }),
    record: None,
    header: None,
    open: |_| Box::new(GoalState),
};

fn recognise(sample: &Sample<'_>) -> Certainty {
    let head = sample.trimmed();
    let has = |needle: &[u8]| memmem::find(head, needle).is_some();
    if head.first() == Some(&b'{') && has(b"\"extensionGoalStates") {
        return 95;
    }
    let xml = head.first() == Some(&b'<') || head.starts_with(b"\xEF\xBB\xBF<");
    if xml
        && (has(b"<InVMGoalStateMetaData")
            || has(b"<PluginSettings>")
            || has(b"<GoalState")
            || has(b"<Extensions ") && has(b"<Plugins>"))
    {
        95
    } else {
        0
    }
}

/// One extension with its settings, before its names are interned.
#[derive(Default)]
struct Extension {
    handler: String,
    version: String,
    name: Option<String>,
    sequence: Option<i64>,
    settings: crate::event::fact::SettingsSaid,
}

#[derive(Default)]
struct Document {
    id: String,
    activity: Option<String>,
    correlation: Option<String>,
    created: Option<Instant>,
    vm: Option<String>,
    resource: Option<String>,
    extensions: Vec<Extension>,
}

struct GoalState;

impl Reader for GoalState {
    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        let record = sink.begin();
        if unit.defects.too_long {
            sink.skip(
                record,
                Code::DocumentTooLong,
                unit.span(),
                "a goal state longer than limits.document_bytes is not read",
            );
            return true;
        }
        let json = unit.bytes.trim_ascii_start().first() == Some(&b'{');
        let document = if json {
            of_json(Value::new(unit.bytes))
        } else {
            of_xml(&text(unit.bytes))
        };
        let mut event = Event::new(EventKind::GuestGoalState, document.created.map(Stamp::utc));
        event.correlation = document.correlation.clone().map(Cow::Owned);
        event.resource = document
            .resource
            .clone()
            .or_else(|| document.vm.clone())
            .map(Cow::Owned);
        if sink.wants_detail() {
            let names: Vec<String> = document
                .extensions
                .iter()
                .map(|extension| {
                    let number = extension
                        .sequence
                        .map(|sequence| format!(" #{sequence}"))
                        .unwrap_or_default();
                    let name = extension
                        .name
                        .as_deref()
                        .map(|name| format!(".{name}"))
                        .unwrap_or_default();
                    format!("{}{name}{number}", extension.handler)
                })
                .collect();
            event.summary = format!("Goal state {}: {}", document.id, names.join(", "));
            event.fields = if json {
                json_fields(Value::new(unit.bytes))
            } else {
                xml_fields(&document)
            };
            for extension in &document.extensions {
                if let Some(script) = &extension.settings.script {
                    let name = extension.name.as_deref().unwrap_or(&extension.handler);
                    event.fields.push(Field {
                        name: format!("script of {name}"),
                        value: script.clone(),
                    });
                    // The text itself belongs into what people search and read first.
                    event.summary.push_str(" · ");
                    event.summary.push_str(script);
                }
            }
        }
        let extensions = document
            .extensions
            .into_iter()
            .map(|extension| GoalStateExtension {
                handler: sink.intern(&extension.handler),
                version: sink.intern(&extension.version),
                name: sink.intern_some(extension.name.as_deref()),
                sequence: extension.sequence,
                settings: extension.settings,
            })
            .collect();
        event.fact = Some(Fact::GoalState(Box::new(GoalStateFact {
            id: sink.intern(&document.id),
            correlation: sink.intern_some(document.correlation.as_deref()),
            activity: sink.intern_some(document.activity.as_deref()),
            created: document.created,
            vm: sink.intern_some(document.vm.as_deref()),
            resource: sink.intern_some(document.resource.as_deref()),
            extensions,
        })));
        sink.event(record, unit.span(), event);
        true
    }
}

fn xml_fields(document: &Document) -> Vec<Field> {
    let field = |name: &str, value: &Option<String>| {
        value.clone().map(|value| Field {
            name: name.to_owned(),
            value,
        })
    };
    let created = document.created.map(|created| created.to_string());
    [
        field("activityId", &document.activity),
        field("correlationId", &document.correlation),
        field("created", &created),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn of_json(value: Value<'_>) -> Document {
    let id = |name: &str| value.get(name).word().and_then(|text| guid(&text));
    let metadata = value.get("inVMMetadata");
    let part = |name: &str| metadata.get(name).word();
    let resource = match (part("subscriptionId"), part("resourceGroupName"), part("vmName")) {
        (Some(subscription), Some(group), Some(vm)) => Some(
            format!("/subscriptions/{subscription}/resourcegroups/{group}/providers/microsoft.compute/virtualmachines/{vm}").to_lowercase(),
        ),
        _ => None,
    };
    // The status blob is named after the VM: `…/<vmName>.<guid>.status`.
    let blob = value.at(&["statusUploadBlob", "value"]).word();
    let of_blob = blob
        .as_deref()
        .and_then(|url| url.split('?').next()?.rsplit('/').next()?.split('.').next())
        .map(str::to_owned);
    let mut document = Document {
        id: value
            .get("inSvdSeqNo")
            .word()
            .map(Cow::into_owned)
            .unwrap_or_default(),
        activity: id("activityId"),
        correlation: id("correlationId"),
        created: value
            .get("extensionsLastModifiedTickCount")
            .integer()
            .and_then(Instant::from_ticks),
        vm: part("vmName").map(Cow::into_owned).or(of_blob),
        resource,
        extensions: Vec::new(),
    };
    for state in value.get("extensionGoalStates").elements() {
        let handler = state
            .get("name")
            .word()
            .map(Cow::into_owned)
            .unwrap_or_default();
        let version = state
            .get("version")
            .word()
            .map(Cow::into_owned)
            .unwrap_or_default();
        let sequence = state.get("settingsSeqNo").integer();
        let mut settings = state.get("settings").elements().peekable();
        if settings.peek().is_none() {
            document.extensions.push(Extension {
                handler: handler.clone(),
                version: version.clone(),
                sequence,
                ..Extension::default()
            });
        }
        for setting in settings {
            document.extensions.push(Extension {
                handler: handler.clone(),
                version: version.clone(),
                name: setting.get("extensionName").word().map(Cow::into_owned),
                sequence: setting.get("seqNo").integer().or(sequence),
                settings: said(setting),
            });
        }
    }
    document
}

/// The attributes of a start tag that begins at `from`, with the position behind it.
fn attributes(xml: &str, from: usize) -> Option<(Vec<(&str, String)>, usize)> {
    let rest = xml.get(from..)?;
    let end = rest.find('>')?;
    let mut inside = rest.get(..end)?;
    let mut found = Vec::new();
    while let Some(equals) = inside.find('=') {
        let name = inside
            .get(..equals)?
            .trim()
            .rsplit(char::is_whitespace)
            .next()?;
        let value = inside.get(equals + 1..)?.trim_start();
        let quote = value
            .chars()
            .next()
            .filter(|quote| matches!(quote, '"' | '\''))?;
        let close = value.get(1..)?.find(quote)? + 1;
        found.push((name, unescaped(value.get(1..close)?)));
        inside = value.get(close + 1..)?;
    }
    Some((found, from + end + 1))
}

fn unescaped(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&apos;", "'")
        .replace("&#xD;", "\r")
        .replace("&#xA;", "\n")
        .replace("&amp;", "&")
}

/// Only what the agent's own documents hold is looked for: plug-in names, their settings, and the metadata at the end.
fn of_xml(xml: &str) -> Document {
    let mut document = Document::default();
    let get = |attributes: &[(&str, String)], name: &str| {
        attributes
            .iter()
            .find(|(have, _)| *have == name)
            .map(|(_, value)| value.clone())
            .filter(|value| !value.is_empty())
    };
    if let Some((found, _)) = xml
        .find("<InVMGoalStateMetaData")
        .and_then(|at| attributes(xml, at))
    {
        document.id = get(&found, "inSvdSeqNo").unwrap_or_default();
        document.activity = get(&found, "activityId").and_then(|id| guid(&id));
        document.correlation = get(&found, "correlationId").and_then(|id| guid(&id));
        document.created = get(&found, "createdOnTicks")
            .and_then(|ticks| parse::integer(ticks.as_bytes()))
            .and_then(Instant::from_ticks);
    }
    if let Some(at) = xml.find("<Incarnation>") {
        let inner = xml
            .get(at + 13..)
            .and_then(|rest| rest.split('<').next())
            .unwrap_or("");
        document.id = format!("incarnation_{}", inner.trim());
    }
    let mut plugin = (String::new(), String::new());
    let mut at = xml.find("<PluginSettings").unwrap_or(xml.len());
    while let Some(open) = xml.get(at..).and_then(|rest| rest.find('<')) {
        let from = at + open;
        let Some((found, behind)) = attributes(xml, from) else {
            break;
        };
        at = behind;
        let tag = xml
            .get(from + 1..)
            .and_then(|rest| rest.split([' ', '>', '/', '\n', '\r', '\t']).next())
            .unwrap_or("");
        match tag {
            "Plugin" => {
                plugin = (
                    get(&found, "name").unwrap_or_default(),
                    get(&found, "version").unwrap_or_default(),
                )
            }
            "RuntimeSettings" | "ExtensionRuntimeSettings" => {
                let inner = xml
                    .get(behind..)
                    .and_then(|rest| rest.split("</").next())
                    .unwrap_or("");
                let inner = unescaped(
                    inner
                        .trim()
                        .trim_start_matches("<![CDATA[")
                        .trim_end_matches("]]>"),
                );
                let handler = Value::new(inner.as_bytes())
                    .get("runtimeSettings")
                    .elements()
                    .next()
                    .unwrap_or(Value::NULL)
                    .get("handlerSettings");
                document.extensions.push(Extension {
                    handler: plugin.0.clone(),
                    version: plugin.1.clone(),
                    name: get(&found, "name"),
                    sequence: get(&found, "seqNo").and_then(|number| number.parse().ok()),
                    settings: said(handler),
                });
            }
            _ => {}
        }
    }
    document
}
