//! Questions about the case as a whole: its brief, what has a name in it, an incident, what an entry of the allow-list could be limited to, and what
//! the core knows of formats and detectors.

use crate::{Case, ask, to_js};
use runlens_core::detect;
use runlens_core::formats;
use runlens_core::query::brief::brief;
use runlens_core::query::find::{Hit, find};
use runlens_core::query::hosts::{HostRow, hosts};
use runlens_core::query::incidents::IncidentDetail;
use runlens_core::query::{expectation, incident};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::{JsError, JsValue};

/// The hosts last listed, with the revision that they are of. Listing them walks over all events, and a search asks with every letter.
pub(crate) type KeptHosts = RefCell<Option<(u64, Rc<Vec<HostRow>>)>>;

#[derive(Deserialize)]
struct BriefAsk {
    /// Whether hosts are wanted: while reading goes on they would be listed again and again.
    hosts: bool,
}

#[derive(Deserialize)]
struct FindAsk {
    text: String,
}

#[derive(Deserialize)]
struct IncidentAsk {
    incident: usize,
}

#[derive(Deserialize)]
struct ExpectationAsk {
    key: String,
}

#[derive(Serialize)]
struct Hits {
    hits: Vec<Hit>,
}

#[derive(Serialize)]
struct OneIncident {
    detail: Option<IncidentDetail>,
}

#[derive(Serialize)]
struct Expectation {
    parts: Option<Value>,
}

#[derive(Serialize)]
struct ShownFormat {
    id: &'static str,
    about: &'static str,
    from_guest: bool,
}

#[derive(Serialize)]
struct ShownDetector {
    id: &'static str,
    title: &'static str,
}

/// What the core knows, whatever the case holds.
#[derive(Serialize)]
struct Reference {
    formats: Vec<ShownFormat>,
    detectors: Vec<ShownDetector>,
}

fn kept_hosts(case: &Case) -> Rc<Vec<HostRow>> {
    let revision = case.case.revision();
    let mut kept = case.hosts.borrow_mut();
    match &*kept {
        Some((at, list)) if *at == revision => Rc::clone(list),
        _ => {
            let list = Rc::new(hosts(&case.case));
            *kept = Some((revision, Rc::clone(&list)));
            list
        }
    }
}

pub(crate) fn answer(case: &Case, name: &str, question: JsValue) -> Result<JsValue, JsError> {
    match name {
        "brief" => {
            let asked: BriefAsk = ask(question)?;
            let hosts = if asked.hosts {
                kept_hosts(case)
            } else {
                Rc::default()
            };
            to_js(&brief(&case.case, &hosts))
        }
        "find" => {
            let FindAsk { text } = ask(question)?;
            to_js(&Hits {
                hits: find(&case.case, &kept_hosts(case), &text),
            })
        }
        "incident" => {
            let IncidentAsk { incident: id } = ask(question)?;
            to_js(&OneIncident {
                detail: incident(&case.case, id),
            })
        }
        "expectation" => {
            let ExpectationAsk { key } = ask(question)?;
            to_js(&Expectation {
                parts: expectation(&case.case, &key),
            })
        }
        _ => to_js(&Reference {
            detectors: detect::TABLE
                .iter()
                .map(|one| ShownDetector {
                    id: one.id,
                    title: detect::manual::title(one.id).unwrap_or_default(),
                })
                .collect(),
            formats: formats::TABLE
                .iter()
                .map(|one| ShownFormat {
                    id: one.id,
                    about: one.about,
                    from_guest: one.from_guest,
                })
                .collect(),
        }),
    }
}
