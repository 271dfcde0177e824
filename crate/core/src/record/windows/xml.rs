//! The walk over an event in text XML, as `wevtutil`, Event Viewer, `evtx_dump`, Sysmon for Linux and Azure diagnostics write it.
//!
//! Rejected: our own reader. Quoting, entities and CDATA are not what this product is for; quick-xml does them.

use super::{Builder, Visitor, WindowsEvent};
use crate::evidence::encoding::text;
use quick_xml::escape::unescape;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

/// Elements and texts of one event.
const MOST_TOKENS: usize = 100_000;

/// The event in this text; `None` where there is none.
#[must_use]
pub fn parse(xml: &[u8]) -> Option<WindowsEvent<'static>> {
    let shown = text(xml);
    let mut reader = Reader::from_str(&shown);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_dangling_amp = true;
    let mut builder = Builder::default();
    for _ in 0..MOST_TOKENS {
        match reader.read_event() {
            Ok(Event::Start(start)) => open(&start, &mut builder),
            Ok(Event::Empty(start)) => {
                open(&start, &mut builder);
                builder.close();
            }
            Ok(Event::End(_)) => builder.close(),
            Ok(Event::Text(part)) => builder.text(&part),
            Ok(Event::CData(part)) => builder.text(&part),
            Ok(Event::GeneralRef(name)) => {
                let written = format!("&{};", &*name);
                match unescape(&written) {
                    Ok(letters) => builder.text(&letters),
                    Err(_) => builder.text(&written),
                }
            }
            Ok(Event::Eof) | Err(_) => break,
            Ok(_) => {}
        }
    }
    builder.finish()
}

fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

fn open(start: &BytesStart<'_>, builder: &mut Builder) {
    builder.open(local(start.name().as_ref()));
    for attribute in start.attributes().with_checks(false).flatten() {
        let raw = &attribute.value;
        let value = unescape(raw).map_or_else(|_| raw.to_string(), std::borrow::Cow::into_owned);
        builder.attribute(local(attribute.key.as_ref()), &value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_quotes_entities_and_user_data() {
        let event = parse(
            br#"<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='P' Guid='{g}'/><EventID Qualifiers='0'>4104</EventID><TimeCreated SystemTime='2019-11-27T15:25:45.123493500Z'/><EventRecordID>7</EventRecordID><Channel>C</Channel><Computer>web01</Computer><Security UserID='S-1-5-18'/></System><EventData><Data Name='A'>1 &lt; 2 &amp; &#65;</Data><Data>plain</Data></EventData></Event>"#,
        );
        let event = event.unwrap();
        assert_eq!(
            (event.id, event.record_id, event.provider.as_ref()),
            (4104, Some(7), "P")
        );
        assert_eq!(
            event.data,
            [
                ("A".into(), "1 < 2 & A".into()),
                ("".into(), "plain".into())
            ]
        );
        assert_eq!(
            event.time.map(|time| time.instant.to_string()).as_deref(),
            Some("2019-11-27T15:25:45.123493500Z")
        );
        let event = parse(b"<Event><System><Provider Name=\"W\"/><EventID>7</EventID></System><UserData><Plugin><Name>Microsoft.CPlat.Core.RunCommandWindows</Name></Plugin></UserData></Event>").unwrap();
        assert_eq!(
            event.data,
            [(
                "Name".into(),
                "Microsoft.CPlat.Core.RunCommandWindows".into()
            )]
        );
        assert_eq!(parse(b"<a><b"), None);
    }
}
