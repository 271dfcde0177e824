//! What the body of a request tells beyond its operation's name: who was given which role, whether a rule lets anyone in, whether a VM gets an identity.
//!
//! ```text
//! roleAssignments/write  { "properties": { "roleDefinitionId": "…/8e3af657-…", "principalId": "p" } }  ─►  granted: p
//! ```
//!
//! Property names are compared in any case of letters, and with or without `properties` around them: exports differ in both.
//!
//! Rejected: typed structures for each request. Of a body three or four values matter, and half of the bodies are cut.

use crate::json::Value as Json;
use crate::reconstruct::operations::Operation;
use std::collections::BTreeSet;

/// Built-in roles that let their holder run commands or grant roles: Owner, Contributor, User Access Administrator, Role Based Access Control
/// Administrator, Virtual Machine Contributor, Virtual Machine Administrator Login.
pub(crate) const PRIVILEGED: [&str; 6] = [
    "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
    "b24988ac-6180-42a0-ab88-20f7382dd24c",
    "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9",
    "f58310d9-a9f6-439a-9e8d-f62e7b41a168",
    "9980e02c-c2be-4d73-94e8-173b1dc7cf3c",
    "1c0163c0-47e6-4577-8991-ea5c82e286e4",
];
/// What the published list has besides.
pub(crate) const PUBLISHED: [&str; 2] = [
    "92b92042-07d9-4307-87f7-36a593fc5850",
    "a8889054-8d42-49c9-bc1c-52486c10e7cd",
];

fn property<'a>(body: Json<'a>, name: &str) -> Json<'a> {
    let nested = body.get_folded("properties").get_folded(name);
    if nested.is_null() {
        body.get_folded(name)
    } else {
        nested
    }
}

/// (who, whether the role is privileged) of a role assignment's request.
pub(super) fn granted(
    op: &Operation,
    published_roles: bool,
    listed: &BTreeSet<String>,
) -> Option<String> {
    op.bodies.iter().find_map(|body| {
        let body = Json::new(body.as_bytes());
        let role = property(body, "roledefinitionid").word()?;
        let role = crate::identity::fold(&role);
        let role = role.rsplit('/').next()?;
        let privileged = PRIVILEGED.contains(&role)
            || published_roles && PUBLISHED.contains(&role)
            || listed.contains(role);
        privileged.then(|| {
            property(body, "principalid")
                .word()
                .unwrap_or_default()
                .into_owned()
        })
    })
}

/// Whether a rule lets anyone in.
fn opens(rule: Json<'_>) -> bool {
    let is = |name: &str, word: &str| {
        property(rule, name)
            .word()
            .is_some_and(|text| text.eq_ignore_ascii_case(word))
    };
    let anyone = |text: &str| {
        matches!(
            crate::identity::fold(text).as_str(),
            "*" | "0.0.0.0/0" | "internet" | "any"
        )
    };
    let one = property(rule, "sourceaddressprefix");
    let mut many = property(rule, "sourceaddressprefixes").elements();
    is("direction", "inbound")
        && is("access", "allow")
        && (one.word().is_some_and(|text| anyone(&text))
            || many.any(|text| text.word().is_some_and(|text| anyone(&text))))
}

/// Whether the request, of one rule or of a whole set, lets anyone in.
pub(super) fn opens_net(op: &Operation, whole_set: bool) -> bool {
    op.bodies.iter().any(|body| {
        let body = Json::new(body.as_bytes());
        if whole_set {
            property(body, "securityrules").elements().any(opens)
        } else {
            opens(body)
        }
    })
}

/// Whether the request gives the VM an identity.
pub(super) fn attaches_identity(op: &Operation) -> bool {
    op.bodies.iter().any(|body| {
        let identity = Json::new(body.as_bytes()).get_folded("identity");
        identity
            .get_folded("type")
            .word()
            .is_some_and(|kind| !kind.eq_ignore_ascii_case("none"))
    })
}
