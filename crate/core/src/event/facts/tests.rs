use super::*;
use crate::event::fact::{GoalStateExtension, SettingsSaid, Status, StatusSaid};
use crate::time::Instant;
use proptest::prelude::*;

fn guest(said: GuestSaid, number: u32) -> Fact {
    Fact::Guest(Box::new(GuestFact {
        family: Family::Managed,
        os: Os::Windows,
        version: Symbol(number),
        name: Symbol(number / 2),
        sequence: (!number.is_multiple_of(3)).then_some(i64::from(number) - 7),
        said,
    }))
}

/// A fact of every kind, with and without texts, in which a number stands wherever one can.
fn fact(which: u8, number: u32) -> Fact {
    let symbol = Symbol(number);
    let time = Some(Instant {
        ns: i64::from(number) * 1_000_003,
        digits: 9,
    });
    let text = "x".repeat(number as usize % 50);
    match which % 14 {
        0 | 1 => Fact::Cloud(Box::new(CloudRow {
            status: Status::Accept,
            event_data_id: symbol,
            ticks: time,
            principal: symbol,
            principal_type: Symbol::NONE,
            token_ip: symbol,
            app_id: symbol,
            token_id: symbol,
            role: symbol,
            scope: symbol,
            category: symbol,
            sub_status: symbol,
            resource_type: symbol,
            subscription: symbol,
            spelled_name: symbol,
            display_name_only: number.is_multiple_of(2),
            bodies: if which == 0 { Vec::new() } else { vec![text] },
        })),
        2 => guest(PLAIN[number as usize % PLAIN.len()].clone(), number),
        3 => guest(executed(Some(i64::from(number))), number),
        4 => guest(GuestSaid::Status(Box::default()), number),
        5 => guest(
            GuestSaid::Executed {
                exit_code: None,
                error: Some(text),
            },
            number,
        ),
        6 | 7 => Fact::GoalState(Box::new(GoalStateFact {
            id: symbol,
            correlation: symbol,
            activity: symbol,
            created: time,
            vm: symbol,
            resource: symbol,
            extensions: if which == 6 {
                Vec::new()
            } else {
                vec![GoalStateExtension {
                    handler: symbol,
                    version: symbol,
                    name: symbol,
                    sequence: None,
                    settings: SettingsSaid::default(),
                }]
            },
        })),
        8 => Fact::Process(Box::new(ProcessFact {
            pid: Some(u64::from(number) << 20),
            parent_pid: None,
            image: symbol,
            command_line: symbol,
            started: time,
            parent_started: time,
            exit_code: Some(-1),
            ..ProcessFact::default()
        })),
        9 => Fact::Flow(Box::new(FlowFact {
            source: symbol,
            port: 443,
            inbound: Some(true),
            bytes: Some(u64::MAX),
            ..FlowFact::default()
        })),
        10 => Fact::File(Box::new(FileFact {
            path: symbol,
            size: Some(7),
            ..FileFact::default()
        })),
        11 => Fact::PowerShell(Box::new(PowerShellFact {
            text,
            path: symbol,
            ..PowerShellFact::default()
        })),
        12 => Fact::Identity(Box::new(IdentityFact {
            upn: symbol,
            priority: Some(3),
            ..IdentityFact::NOTHING
        })),
        _ => Fact::Manifest(Box::new(ManifestLine {
            path: text,
            size: Some(1),
            sha256: None,
        })),
    }
}

/// A fact as a value again.
fn value(at: FactAt<'_>) -> Option<Fact> {
    Some(match at.any()? {
        FactRef::Cloud(row) => Fact::Cloud(Box::new(row.into_owned())),
        FactRef::Guest(GuestFactRef {
            family,
            os,
            version,
            name,
            sequence,
            said,
        }) => Fact::Guest(Box::new(GuestFact {
            family,
            os,
            version,
            name,
            sequence,
            said: said.clone(),
        })),
        FactRef::GoalState(state) => Fact::GoalState(Box::new(state.into_owned())),
        FactRef::Process(fact) => Fact::Process(Box::new(fact)),
        FactRef::Flow(fact) => Fact::Flow(Box::new(fact)),
        FactRef::File(fact) => Fact::File(Box::new(fact)),
        FactRef::PowerShell(fact) => Fact::PowerShell(Box::new(fact.clone())),
        FactRef::Identity(fact) => Fact::Identity(Box::new(fact)),
        FactRef::Manifest(line) => Fact::Manifest(Box::new(line.clone())),
    })
}

proptest! {
    #[test]
    fn facts_come_back_as_they_went(
        said in prop::collection::vec((0_u32..300, any::<u8>(), any::<u32>()), 0..300),
        cut in 0_usize..300,
        events in 1_usize..300,
        asked in prop::collection::vec(0_u32..300, 0..40),
    ) {
        let mut all: Vec<(u32, Fact)> = said
            .into_iter()
            .map(|(event, which, number)| (event, fact(which % 14, number)))
            .collect();
        all.sort_by_key(|(event, _)| *event);
        let mut facts = Facts::default();
        let (first, rest) = all.split_at(cut.min(all.len()));
        facts.extend(first.iter().cloned());
        facts.extend(rest.iter().cloned());
        let back: Vec<(u32, Fact)> = facts
            .iter()
            .filter_map(|at| Some((at.event(), value(at)?)))
            .collect();
        prop_assert_eq!(&back, &all);
        for event in 0..300 {
            let want: Vec<&Fact> = all.iter().filter(|(of, _)| *of == event).map(|(_, fact)| fact).collect();
            let have: Vec<Fact> = facts.of_event(event, events).filter_map(value).collect();
            prop_assert_eq!(have.iter().collect::<Vec<_>>(), want);
        }
        let mut nearby = facts.nearby();
        for event in asked {
            let want: Vec<Fact> = facts.of_event(event, events).filter_map(value).collect();
            let have: Vec<Fact> = nearby.of_event(event).filter_map(value).collect();
            prop_assert_eq!(have, want);
        }
        for kind in FactKind::ALL {
            let want = all.iter().filter(|(_, fact)| FactKind::of(fact) == kind).count();
            prop_assert_eq!(facts.count(kind), want);
            prop_assert_eq!(facts.of_kind(kind).filter_map(value).count(), want);
        }
    }
}

#[test]
fn chunks_fill_one_after_the_other() {
    let all: Vec<(u32, Fact)> = (0..20_000).map(|event| (event, fact(8, event))).collect();
    let mut facts = Facts::default();
    for part in all.chunks(777) {
        facts.extend(part.iter().cloned());
    }
    assert!(facts.chunks.len() > 3, "{}", facts.chunks.len());
    assert!(facts.kept.is_empty());
    assert!(
        facts.iter().zip(&all).all(|(at, (event, fact))| {
            at.event() == *event && value(at).as_ref() == Some(fact)
        })
    );
}

#[test]
fn what_is_plain_is_found_by_its_place() {
    for said in &PLAIN {
        let at = plain(said).map(usize::from);
        assert_eq!(at.and_then(|at| PLAIN.get(at)), Some(said));
    }
    assert_eq!(
        plain(&GuestSaid::Status(Box::<StatusSaid>::default())),
        None
    );
}
