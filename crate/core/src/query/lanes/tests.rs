//! Bins are what counting one by one gives, whatever the events, the lanes and the zoom.

use super::*;
use crate::formats::ItemReader;
use crate::settings::Settings;
use proptest::prelude::*;

fn read(case: &mut Case, path: &str, bytes: &[u8]) {
    let item = case.add_item(path, bytes.len() as u64, None);
    let limits = case.settings().limits.clone();
    let mut reader = ItemReader::new(path, bytes.len() as u64, None, limits);
    reader.push(bytes);
    case.finish_item(item, &reader.finish());
}

fn agent_log(seconds: &[u32]) -> String {
    let line = |second: &u32| {
        format!(
            "2024-05-01T{:02}:{:02}:{:02}.000000Z INFO ExtHandler ExtHandler ProcessExtensionsGoalState started\n",
            second / 3600 % 24,
            second / 60 % 60,
            second % 60
        )
    };
    seconds.iter().map(line).collect()
}

fn operations(seconds: &[(u32, u8)]) -> String {
    let rows: Vec<serde_json::Value> = (0_u32..)
        .zip(seconds)
        .map(|(number, (second, who))| {
            serde_json::json!({
                "eventTimestamp": format!("2024-05-01T{:02}:{:02}:{:02}Z", second / 3600 % 24, second / 60 % 60, second % 60),
                "caller": format!("person{}@contoso.example", who % 60),
                "operationName": {"value": "Microsoft.Compute/virtualMachines/runCommand/action"},
                "status": {"value": "Succeeded"},
                "correlationId": format!("00000000-0000-0000-0000-{number:012}"),
                "eventDataId": format!("11111111-0000-0000-0000-{number:012}"),
                "resourceId": format!("/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/vm{}", who % 5),
            })
        })
        .collect();
    serde_json::Value::from(rows).to_string()
}

/// Which bin holds a moment, by looking at every one of them.
fn slow_bin(stretch: Stretch, ms: f64) -> Option<usize> {
    (0..stretch.parts()).find(|bin| ms >= stretch.edge(*bin) && ms < stretch.edge(bin + 1))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn bins_are_what_counting_gives(
        guest in prop::collection::vec(0_u32..40_000, 0..60),
        cloud in prop::collection::vec((0_u32..40_000, any::<u8>()), 1..90),
        from in -5_000_i32..45_000, span in 1_u32..50_000, bins in 1_u32..70,
        by in prop::sample::select(vec![LanesBy::Kind, LanesBy::Vm, LanesBy::Caller, LanesBy::Source, LanesBy::Incident]),
    ) {
        let mut case = Case::new(Settings::default());
        read(&mut case, "web01/var/log/waagent.log", agent_log(&guest).as_bytes());
        read(&mut case, "activity.json", operations(&cloud).as_bytes());
        case.conclude();
        let day = 1_714_521_600_000.0;
        let from_ms = day + f64::from(from) * 1000.0;
        let stretch = Stretch { from_ms, to_ms: from_ms + f64::from(span) * 1000.0, bins };
        let order = case.store().order();
        let lanes = Lanes::of(&case, order, by);
        let names: Vec<String> = lanes.groups.iter().map(|group| group.name.clone()).collect();
        let answer = lanes.counts(&case, order, stretch, &names);
        prop_assert_eq!(answer.counts.len(), answer.lanes.len() * answer.bins);

        let mut all = vec![0_u32; answer.bins];
        for event in order {
            let ms = case.store().stamp(*event).map(|stamp| stamp.instant.ms());
            if let Some(bin) = ms.and_then(|ms| slow_bin(stretch, ms)) {
                all[bin] += 1;
            }
        }
        prop_assert_eq!(&density(&case, order, stretch), &all);
        for depth in [0, 1] {
            let mut sum = vec![0_u32; answer.bins];
            let mut any = false;
            for (lane, counts) in answer.lanes.iter().zip(answer.counts.chunks(answer.bins)) {
                if lane.depth == depth {
                    any = true;
                    for (all, count) in sum.iter_mut().zip(counts) {
                        *all += count;
                    }
                }
            }
            if any {
                prop_assert_eq!(&sum, &all, "lanes of depth {} hold every event once", depth);
            }
        }
        // Each lane by itself, against the names that the events bear.
        for (lane, counts) in answer.lanes.iter().zip(answer.counts.chunks(answer.bins)) {
            if lane.names > 1 || by == LanesBy::Incident {
                continue;
            }
            let mut slow = vec![0_u32; answer.bins];
            for (place, event) in order.iter().enumerate() {
                let row = crate::query::rows::row(&case, *event, place);
                let name = match by {
                    LanesBy::Kind => row.kind.to_owned(),
                    LanesBy::Caller => row.actor.unwrap_or_default(),
                    LanesBy::Source => if row.path.ends_with(".log") { "waagent-log".to_owned() } else { lane.name.clone() },
                    _ => row.resource.map_or_else(
                        || row.host.as_deref().map(host_label).unwrap_or_default(),
                        |resource| ResourceId::parse(&resource).vm().unwrap_or_default(),
                    ),
                };
                if by == LanesBy::Source && lane.name == "waagent-log" && !row.path.ends_with(".log") {
                    continue;
                }
                let same_kind = lane.depth == 0 || lane.kind == Some(row.kind);
                if let (true, Some(bin)) = (name == lane.name && same_kind, row.time_ms.and_then(|ms| slow_bin(stretch, ms))) {
                    slow[bin] += 1;
                }
            }
            prop_assert_eq!(counts, &slow[..], "lane {:?}", lane);
        }
    }
}

#[test]
fn the_nearest_event_of_a_lane_is_found_and_no_other() {
    let mut case = Case::new(Settings::default());
    read(
        &mut case,
        "web01/var/log/waagent.log",
        agent_log(&[100, 200, 300]).as_bytes(),
    );
    read(
        &mut case,
        "activity.json",
        operations(&[(150, 1), (290, 2)]).as_bytes(),
    );
    case.conclude();
    let order = case.store().order();
    let lanes = Lanes::of(&case, order, LanesBy::Caller);
    let day = 1_714_521_600_000.0;
    let near = |name: &str, second: f64, within: f64| {
        let place = lanes.nearest(
            &case,
            order,
            (name, None),
            day + second * 1000.0,
            within * 1000.0,
        );
        place
            .and_then(|place| {
                case.store()
                    .stamp(order[place])
                    .map(|stamp| stamp.instant.ms())
            })
            .map(|ms| (ms - day) / 1000.0)
    };
    assert_eq!(near("person1@contoso.example", 160.0, 20.0), Some(150.0));
    assert_eq!(near("person1@contoso.example", 190.0, 20.0), None);
    assert_eq!(near("person2@contoso.example", 160.0, 1e6), Some(290.0));
    assert_eq!(near("", 160.0, 1e6), Some(200.0));
    assert_eq!(near("nobody", 160.0, 1e6), None);
}

#[test]
fn many_lanes_end_in_one_that_stands_for_the_rest() {
    let mut case = Case::new(Settings::default());
    let rows: Vec<(u32, u8)> = (0..60).map(|who| (u32::from(who) * 10, who)).collect();
    read(&mut case, "activity.json", operations(&rows).as_bytes());
    case.conclude();
    let order = case.store().order();
    let lanes = Lanes::of(&case, order, LanesBy::Caller);
    assert_eq!(lanes.groups.len(), MOST_LANES);
    let last = lanes.groups.last().map(|group| (group.names, group.total));
    assert_eq!(last, Some((13, 13)));
}
