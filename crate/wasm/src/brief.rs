//! Questions about the case as a whole: its brief, what has a name in it, an incident, what an entry of the allow-list could be limited to, and what
//! the core knows of formats and detectors.

use crate::{Case, ask, to_js};
use runlens_core::detect;
use runlens_core::formats;
use runlens_core::query::brief::{MOST_NAMED, brief};
use runlens_core::query::find::{Hit, find};
use runlens_core::query::hosts::{FirstHosts, HostRow, first_hosts, hosts};
use runlens_core::query::incidents::IncidentDetail;
use runlens_core::query::{expectation, incident};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::prelude::{JsError, JsValue};

/// What was last made of a kind, with the revision of the case that it is of.
struct Kept<T>(RefCell<Option<(u64, Rc<T>)>>);

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(RefCell::default())
    }
}

impl<T> Kept<T> {
    fn of(
        &self,
        case: &runlens_core::case::Case,
        make: impl FnOnce(&runlens_core::case::Case) -> T,
    ) -> Rc<T> {
        let revision = case.revision();
        let mut kept = self.0.borrow_mut();
        match &*kept {
            Some((at, made)) if *at == revision => Rc::clone(made),
            _ => {
                let made = Rc::new(make(case));
                *kept = Some((revision, Rc::clone(&made)));
                made
            }
        }
    }
}

/// The hosts last listed. Listing them walks over all events; a search asks with every letter, a brief as often as something is said of a finding.
#[derive(Default)]
pub(crate) struct KeptHosts {
    all: Kept<Vec<HostRow>>,
    first: Kept<FirstHosts>,
}

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

pub(crate) fn answer(case: &Case, name: &str, question: JsValue) -> Result<JsValue, JsError> {
    match name {
        "brief" => {
            let asked: BriefAsk = ask(question)?;
            let hosts = if asked.hosts {
                let first = &case.hosts.first;
                first.of(&case.case, |case| first_hosts(case, MOST_NAMED))
            } else {
                Rc::default()
            };
            to_js(&brief(&case.case, &hosts))
        }
        "find" => {
            let FindAsk { text } = ask(question)?;
            to_js(&Hits {
                hits: find(&case.case, &case.hosts.all.of(&case.case, hosts), &text),
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
