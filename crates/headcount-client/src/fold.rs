//! Folds equal task events of one minute into one with a count, for destinations that can count.

use std::collections::HashMap;

use headcount_protocol::{Event, EventBody};

const MINUTE_MS: i64 = 60_000;

/// Folded events, and for each how many events of the batch it stands for.
#[derive(Debug)]
pub(crate) struct Folded {
    pub(crate) events: Vec<Event>,
    pub(crate) members: Vec<Vec<usize>>,
}

#[derive(PartialEq, Eq, Hash)]
struct Key<'a> {
    minute: i64,
    texts: [&'a str; 4],
    has_value: bool,
}

/// Folds. A group carries the id of its last event: if the oldest have to give way while the batch
/// waits for its second try, the id stays and the collector still knows the group.
pub(crate) fn fold(events: Vec<Event>) -> Folded {
    let places = places(&events);
    let mut folded = Folded {
        events: Vec::with_capacity(events.len()),
        members: Vec::with_capacity(events.len()),
    };
    for (index, (event, place)) in events.into_iter().zip(places).enumerate() {
        let group = folded.events.get_mut(place);
        match group.zip(folded.members.get_mut(place)) {
            Some((group, members)) => {
                add(group, event);
                members.push(index);
            }
            None => {
                folded.events.push(event);
                folded.members.push(vec![index]);
            }
        }
    }
    folded
}

/// For each event the number of its group, in the order of first members.
fn places(events: &[Event]) -> Vec<usize> {
    let mut known: HashMap<Key<'_>, usize> = HashMap::new();
    let mut groups = 0;
    let place = |event| {
        let place = match key(event) {
            Some(key) => *known.entry(key).or_insert(groups),
            None => groups,
        };
        groups += usize::from(place == groups);
        place
    };
    events.iter().map(place).collect()
}

fn key(event: &Event) -> Option<Key<'_>> {
    let EventBody::Task(task) = &event.body else {
        return None;
    };
    Some(Key {
        minute: event.at_ms.unwrap_or_default().div_euclid(MINUTE_MS),
        texts: [&task.namespace, &task.task, &task.result, &task.label],
        has_value: task.value.is_some(),
    })
}

fn add(group: &mut Event, event: Event) {
    if let (EventBody::Task(sum), EventBody::Task(one)) = (&mut group.body, &event.body) {
        sum.count = sum.count.saturating_add(one.count);
        sum.value = sum.value.zip(one.value).map(|(sum, one)| sum + one);
        group.id = event.id;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use headcount_protocol::{Page, Task};
    use proptest::prelude::*;

    fn task(id: u8, at_ms: i64, label: &str, value: Option<f64>) -> Event {
        let body = EventBody::Task(Task {
            namespace: "n".into(),
            task: "t".into(),
            result: "Success".into(),
            label: label.into(),
            value,
            count: 1,
        });
        Event {
            id: Some([id; 16]),
            at_ms: Some(at_ms),
            body,
        }
    }

    #[test]
    fn equal_tasks_of_a_minute_become_one_with_the_last_id() {
        let page = Event {
            id: Some([9; 16]),
            at_ms: Some(0),
            body: EventBody::Page(Page::default()),
        };
        let folded = fold(vec![
            task(1, 0, "a", Some(2.0)),
            page.clone(),
            task(2, 59_999, "a", Some(3.0)),
            task(3, 60_000, "a", Some(4.0)),
            task(4, 1, "b", Some(5.0)),
            task(5, 1, "a", None),
            page.clone(),
        ]);
        let mut first = task(2, 0, "a", Some(5.0));
        if let EventBody::Task(task) = &mut first.body {
            task.count = 2;
        }
        assert_eq!(folded.events[0], first);
        assert_eq!(
            folded.members,
            [vec![0, 2], vec![1], vec![3], vec![4], vec![5], vec![6]]
        );
    }

    proptest! {
        #[test]
        fn runs_and_values_are_kept(times in proptest::collection::vec((0_i64..300_000, 0_u8..3), 0..60)) {
            let events: Vec<Event> = times
                .iter()
                .enumerate()
                .map(|(n, (at_ms, label))| task(n as u8, *at_ms, &label.to_string(), Some(f64::from(*label))))
                .collect();
            let sum = |events: &[Event]| {
                events.iter().fold((0, 0.0), |(count, value), event| match &event.body {
                    EventBody::Task(task) => (count + task.count, value + task.value.unwrap_or(0.0)),
                    _ => (count, value),
                })
            };
            let before = sum(&events);
            let folded = fold(events);
            prop_assert_eq!(sum(&folded.events), before);
            let mut members: Vec<usize> = folded.members.concat();
            members.sort_unstable();
            prop_assert_eq!(members, (0..times.len()).collect::<Vec<_>>());
        }
    }
}
