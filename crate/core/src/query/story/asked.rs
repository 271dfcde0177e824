//! Who asked: identity, role, token and addresses, each from the row that says it.

use super::{Sides, Statement, fact_of, time_of_event};
use crate::case::store::EventNumber;
use crate::event::column::Column;
use crate::event::fact::{CloudRow, IdentityFact, Status};
use crate::event::facts::FactKind;
use crate::event::intern::Symbol;
use std::borrow::Cow;

/// Sign-ins that one story names at most.
const MOST_SIGN_INS: usize = 10;

/// What the operation says of who asked.
pub(super) fn who(sides: &Sides<'_>) -> Vec<Statement> {
    let (case, Some(op)) = (sides.case, sides.op) else {
        return Vec::new();
    };
    let store = case.store();
    let rows = cloud_rows(sides);
    let saying = |column: &Column<Symbol>, text: &str| -> Vec<EventNumber> {
        let says = |event: &&EventNumber| store.column(column, **event) == Some(text);
        op.events.iter().filter(says).copied().collect()
    };
    let mut out = Vec::new();
    if let Some(caller) = &op.caller {
        out.push(Statement::new(
            case,
            "caller",
            &**caller,
            &saying(&store.columns.actor, caller),
        ));
    }
    out.push(Statement::new(
        case,
        "kind",
        op.caller_kind.word(),
        &events_with(&rows, |row| row.principal_type.is_some()),
    ));
    let of_rows: [(&str, Part); 5] = [
        ("object id", |row| row.principal),
        ("role", |row| row.role),
        ("scope", |row| row.scope),
        ("client application", |row| row.app_id),
        ("token id", |row| row.token_id),
    ];
    for (name, symbol) in of_rows {
        for (text, events) in distinct(sides, &rows, symbol) {
            out.push(Statement::new(case, name, text, &events));
        }
    }
    for ip in &op.ips {
        out.push(Statement::new(
            case,
            "caller address",
            &**ip,
            &saying(&store.columns.ip, ip),
        ));
    }
    for (ip, events) in distinct(sides, &rows, |row| row.token_ip) {
        let elsewhere = !op.ips.is_empty() && !op.ips.iter().any(|own| **own == *ip);
        let remark = elsewhere.then(|| {
            "the token was obtained from another address than the request came from".to_owned()
        });
        out.push(Statement::new(case, "token address", ip, &events).remarked(remark));
    }
    out.extend(sign_ins(sides, &rows));
    out.push(Statement::new(
        case,
        "operation",
        &*op.operation,
        &op.events,
    ));
    if let Some(resource) = &op.resource {
        let events = saying(&store.columns.resource, &resource.folded);
        out.push(Statement::new(
            case,
            "resource",
            resource.folded.clone(),
            &events,
        ));
    }
    if let Some(correlation) = &op.correlation {
        out.push(Statement::new(
            case,
            "correlation id",
            &**correlation,
            &op.events,
        ));
    }
    let (started, ended) = (op.started, op.ended);
    if let Some(time) = started {
        let remark = (!op.complete_start)
            .then(|| "no row says when it began; this is the first row there is".to_owned());
        let events: Vec<EventNumber> = op.events.iter().take(1).copied().collect();
        out.push(Statement::new(case, "began", time.to_string(), &events).remarked(remark));
    }
    if let Some(time) = ended.filter(|ended| Some(ended.ns) != started.map(|started| started.ns)) {
        let events: Vec<EventNumber> = op.events.last().copied().into_iter().collect();
        out.push(Statement::new(case, "last row", time.to_string(), &events));
    }
    let decided = events_with(&rows, |row| {
        matches!(row.status, Status::Success | Status::Failure)
    });
    out.push(Statement::new(case, "outcome", op.outcome.word(), &decided));
    out
}

/// The rows of the operation.
pub(super) fn records(sides: &Sides<'_>) -> Vec<Statement> {
    let (case, Some(op)) = (sides.case, sides.op) else {
        return Vec::new();
    };
    let rows = op.events.iter().take(64).map(|event| {
        let row = fact_of(case, *event).and_then(|at| at.cloud());
        let (status, sub) = row.map_or((Status::Other, None), |row| {
            (row.status, case.store().text(row.sub_status))
        });
        let word = match status {
            Status::Start => "started",
            Status::Accept => "accepted",
            Status::Success => "succeeded",
            Status::Failure => "failed",
            Status::Other => "row",
        };
        Statement::new(case, word, sub.unwrap_or(""), &[*event]).at(time_of_event(case, *event))
    });
    rows.collect()
}

/// A part of a row.
type Part = fn(&CloudRow) -> Symbol;

type Rows<'a> = Vec<(EventNumber, Cow<'a, CloudRow>)>;

fn cloud_rows<'a>(sides: &Sides<'a>) -> Rows<'a> {
    let case = sides.case;
    let Some(op) = sides.op else {
        return Vec::new();
    };
    // Copies of a row may say more than the one shown.
    let all = op
        .events
        .iter()
        .flat_map(|event| std::iter::once(event).chain(case.copies(*event)));
    all.filter_map(|event| Some((*event, fact_of(case, *event)?.cloud()?)))
        .collect()
}

fn events_with(rows: &Rows<'_>, holds: impl Fn(&CloudRow) -> bool) -> Vec<EventNumber> {
    let kept = rows.iter().filter(|(_, row)| holds(row));
    kept.map(|(event, _)| *event).collect()
}

/// The distinct texts of a symbol in the order of the rows, each with its rows.
fn distinct(
    sides: &Sides<'_>,
    rows: &Rows<'_>,
    symbol: impl Fn(&CloudRow) -> Symbol,
) -> Vec<(String, Vec<EventNumber>)> {
    let mut out: Vec<(String, Vec<EventNumber>)> = Vec::new();
    for (event, row) in rows {
        let Some(text) = sides.case.store().text(symbol(row)) else {
            continue;
        };
        match out.iter_mut().find(|(have, _)| have == text) {
            Some((_, events)) => events.push(*event),
            None => out.push((text.to_owned(), vec![*event])),
        }
    }
    out
}

/// Sign-ins that obtained the very token.
fn sign_ins(sides: &Sides<'_>, rows: &Rows<'_>) -> Vec<Statement> {
    let case = sides.case;
    let store = case.store();
    let tokens = distinct(sides, rows, |row| row.token_id);
    if tokens.is_empty() {
        return Vec::new();
    }
    let same = |event: EventNumber, fact: &IdentityFact| {
        store.text(fact.token_id).is_some_and(|id| {
            case.rendering_of(event).is_none()
                && tokens
                    .iter()
                    .any(|(token, _)| token.eq_ignore_ascii_case(id))
        })
    };
    let all = store.facts.of_kind(FactKind::Identity);
    let found = all.filter(|at| at.identity().is_some_and(|fact| same(at.event(), &fact)));
    found
        .take(MOST_SIGN_INS)
        .map(|at| {
            let event = at.event();
            let actor = store.column(&store.columns.actor, event).unwrap_or("");
            let ip = store
                .column(&store.columns.ip, event)
                .unwrap_or("an unknown address");
            Statement::new(case, "sign-in", format!("{actor} from {ip}"), &[event])
                .at(time_of_event(case, event))
        })
        .collect()
}
