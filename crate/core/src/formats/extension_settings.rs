//! `extension-settings`: what the agent delivered to an extension, on either system.
//!
//! Managed run commands carry their script in the clear; action ones only a protected part, which is shown as present and never opened. A
//! file without bytes is an earlier execution whose settings the handler emptied. Source: linux-artifacts 3.1.

use super::{Certainty, Format, Framing, Reader, Sample, TextShape};
use crate::event::fact::{GuestSaid, SettingsSaid};
use crate::event::sink::Sink;
use crate::event::{Event, EventKind};
use crate::evidence::encoding::text as text_of;
use crate::evidence::layout::{Family, Layout, Role};
use crate::evidence::unit::Unit;
use crate::json::Value;
use crate::problem::Code;
use crate::record::cloud::json_fields;
use crate::record::guest;
use std::borrow::Cow;
use std::io::Read;

/// The format.
pub const FORMAT: Format = Format {
    id: "extension-settings",
    about: "settings file of a VM extension",
    from_guest: true,
    text: Some(TextShape {
        framing: Framing::Whole,
        recognise,
    }),
    record: None,
    header: None,
    open: |opening| {
        Box::new(Settings {
            layout: opening.layout.clone(),
        })
    },
};

fn recognise(sample: &Sample<'_>) -> Certainty {
    let text = sample.trimmed();
    if text.is_empty() {
        return if sample.layout.role == Role::Settings && sample.complete {
            95
        } else {
            0
        };
    }
    let json = text.first() == Some(&b'{');
    if json
        && memchr::memmem::find(text, b"\"runtimeSettings\"").is_some()
        && memchr::memmem::find(text, b"\"handlerSettings\"").is_some()
    {
        95
    } else {
        0
    }
}

struct Settings {
    layout: Layout,
}

/// Longest script that is unpacked from settings; the platform takes 256 KiB of encoded script.
const BODY_BYTES: usize = 4 << 20;

/// A script as base64, compressed with gzip or not.
fn encoded_body(text: &str) -> Option<String> {
    let bytes = crate::script::decode::encoded::base64(text)?;
    let bytes = if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut out = Vec::new();
        let most = u64::try_from(BODY_BYTES).unwrap_or(u64::MAX);
        let mut plain = flate2::read::MultiGzDecoder::new(bytes.as_slice()).take(most);
        plain.read_to_end(&mut out).ok()?;
        (out.len() < BODY_BYTES).then_some(out)?
    } else {
        bytes
    };
    Some(text_of(&bytes).into_owned())
}

/// What the settings of one handler say. `public` may be an object or a string that holds one.
pub(crate) fn said(handler: Value<'_>) -> SettingsSaid {
    let public = handler.get("publicSettings");
    let text = public.text();
    let public = text
        .as_ref()
        .map_or(public, |text| Value::new(text.as_bytes()));
    let source = public.get("source");
    let owned = |value: Value<'_>| value.word().map(Cow::into_owned);
    // A script is passed on whole; Windows keeps one as its lines.
    let whole = |value: Value<'_>| {
        let lines: Vec<Cow<'_, str>> = value.elements().filter_map(Value::text).collect();
        let text = if value.is_array() {
            Some(lines.join("\n"))
        } else {
            value.text().map(Cow::into_owned)
        };
        text.filter(|text| !text.trim().is_empty())
    };
    let script = whole(source.get("script"))
        .or_else(|| whole(public.get("commandToExecute")))
        .or_else(|| whole(public.get("script")));
    // A managed run command carries its script as it is; the others encode it.
    let body = whole(source.get("script")).or_else(|| {
        let text = public.get("script").text()?;
        encoded_body(&text)
    });
    SettingsSaid {
        script,
        body,
        keeps_line_ends: public.get("skipDos2Unix").boolean().unwrap_or(false),
        script_uri: owned(source.get("scriptUri")).or_else(|| {
            owned(
                public
                    .get("fileUris")
                    .elements()
                    .next()
                    .unwrap_or(Value::NULL),
            )
        }),
        run_as_user: owned(public.get("runAsUser")),
        asynchronous: public.get("asyncExecution").boolean(),
        protected: handler.get("protectedSettings").word().is_some(),
        emptied: false,
    }
}

impl Reader for Settings {
    fn read(&mut self, unit: &Unit<'_>, sink: &mut Sink) -> bool {
        let record = sink.begin();
        let document = Value::new(unit.bytes);
        let handler = document
            .get("runtimeSettings")
            .elements()
            .next()
            .unwrap_or(Value::NULL)
            .get("handlerSettings");
        let emptied = unit.bytes.trim_ascii().is_empty();
        if emptied {
            let text = "the settings have no bytes: this execution happened, and the handler emptied its settings when a later one came";
            sink.problem(Code::EmptiedSettings, None, text);
        } else if unit.defects.too_long {
            sink.skip(
                record,
                Code::DocumentTooLong,
                unit.span(),
                "settings longer than limits.document_bytes are not read",
            );
            return true;
        } else if !handler.is_object() {
            sink.skip(
                record,
                Code::MalformedRecord,
                unit.span(),
                "settings without handlerSettings; the file may be cut",
            );
            return true;
        }
        let said = SettingsSaid {
            emptied,
            ..said(handler)
        };
        let mut event = Event::new(EventKind::GuestSettings, None);
        event.actor = said.run_as_user.clone().map(Cow::Owned);
        let sequence = self
            .layout
            .sequence
            .or_else(|| handler.get("seqNo").integer());
        let name = self
            .layout
            .name
            .clone()
            .or_else(|| handler.get("extensionName").word().map(Cow::into_owned));
        if sink.wants_detail() {
            let number = sequence
                .map(|sequence| format!(" of sequence number {sequence}"))
                .unwrap_or_default();
            let what = match (&said.script, &said.script_uri) {
                _ if emptied => "emptied".to_owned(),
                (Some(script), _) => format!(
                    "script in the clear: {}",
                    script.lines().next().unwrap_or("")
                ),
                (None, Some(uri)) => format!("script from {uri}"),
                (None, None) if said.protected => "script in the protected part".to_owned(),
                (None, None) => "no script".to_owned(),
            };
            event.summary = format!("Settings{number}: {what}");
            event.fields = json_fields(document);
        }
        if let Some(sequence) = sequence {
            event.fact = Some(guest::fact(
                &self.layout,
                Family::Extension,
                name.as_deref(),
                sequence,
                GuestSaid::Settings(Box::new(said)),
                sink,
            ));
        }
        sink.event(record, unit.span(), event);
        true
    }
}
