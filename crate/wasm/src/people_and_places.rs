//! Questions about techniques, actors and hosts.

use crate::{Case, ask, to_js};
use runlens_core::query::actors::{ActorDetail, ActorRow, actor, actors};
use runlens_core::query::attack::{Tactic, attack};
use runlens_core::query::hosts::{HostDetail, HostRow, host, hosts};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::{JsError, JsValue};

#[derive(Deserialize)]
struct ActorAsk {
    actor: usize,
}

#[derive(Deserialize)]
struct HostAsk {
    host: String,
}

#[derive(Serialize)]
struct Tactics {
    tactics: Vec<Tactic>,
}

#[derive(Serialize)]
struct Actors {
    actors: Vec<ActorRow>,
}

#[derive(Serialize)]
struct OneActor {
    actor: Option<ActorDetail>,
}

#[derive(Serialize)]
struct Hosts {
    hosts: Vec<HostRow>,
}

#[derive(Serialize)]
struct OneHost {
    host: Option<HostDetail>,
}

pub(crate) fn answer(case: &Case, name: &str, question: JsValue) -> Result<JsValue, JsError> {
    let case = &case.case;
    match name {
        "attack" => to_js(&Tactics {
            tactics: attack(case),
        }),
        "actors" => to_js(&Actors {
            actors: actors(case),
        }),
        "actor" => {
            let ActorAsk { actor: number } = ask(question)?;
            to_js(&OneActor {
                actor: actor(case, number),
            })
        }
        "hosts" => to_js(&Hosts { hosts: hosts(case) }),
        _ => {
            let HostAsk { host: key } = ask(question)?;
            to_js(&OneHost {
                host: host(case, &key),
            })
        }
    }
}
