//! Settles what the sender left open: the moment of each event, browser and system. Pure.

use headcount_protocol::{Batch, Event, EventBody};

use super::agents::Agents;
use crate::store::{Accepted, Day, Entry, EntryBody, Loss, ProjectNumber, Wire};

/// A sender whose clock is further ahead than this is corrected.
const CLOCK_TOLERANCE_MS: i64 = 5 * 60 * 1_000;

/// When and for whom a batch came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival<'a> {
    pub(crate) project: ProjectNumber,
    pub(crate) wire: Wire,
    pub(crate) received_ms: i64,
    /// Events before this moment are refused.
    pub(crate) oldest_ms: i64,
    /// User agent of page views that bring none.
    pub(crate) agent: &'a str,
}

/// A batch ready for the writer, and what is too old.
pub(crate) struct Enriched {
    pub(crate) accepted: Accepted,
    /// Positions in `Batch::events`.
    pub(crate) too_old: Vec<usize>,
    pub(crate) lost: Vec<Loss>,
}

pub(crate) fn enrich(batch: Batch, arrival: &Arrival<'_>, agents: &Agents) -> Enriched {
    let shift_ms = clock_shift(batch.sent_at_ms, arrival.received_ms);
    let mut too_old = Vec::new();
    let mut entries = Vec::with_capacity(batch.events.len());
    for (index, event) in batch.events.into_iter().enumerate() {
        let at_ms = moment(event.at_ms, shift_ms, arrival.received_ms);
        if at_ms < arrival.oldest_ms {
            too_old.push(index);
        } else {
            entries.push(entry(event, at_ms, arrival, agents));
        }
    }
    let day = Day::of_ms(arrival.received_ms);
    let lost = batch.lost.into_iter().filter(|(_, count)| *count > 0);
    let lost = lost.map(|(reason, count)| Loss {
        project: arrival.project,
        day,
        reason: format!("client_{reason}"),
        count,
    });
    let mut facts = batch.runtime.facts;
    if let Some(app) = batch.app {
        facts.entry("app".to_owned()).or_insert(app);
    }
    Enriched {
        accepted: Accepted {
            project: arrival.project,
            wire: arrival.wire,
            received_ms: arrival.received_ms,
            install: batch.install,
            version: batch.app_version.unwrap_or_default(),
            deployment: batch
                .runtime
                .deployment
                .map(|deployment| deployment.0)
                .unwrap_or_default(),
            runtime: if facts.is_empty() {
                String::new()
            } else {
                serde_json::Value::from_iter(facts).to_string()
            },
            entries,
        },
        too_old,
        lost: lost.collect(),
    }
}

/// What to add to the sender's moments.
fn clock_shift(sent_at_ms: Option<i64>, received_ms: i64) -> i64 {
    match sent_at_ms {
        Some(sent) if sent.saturating_sub(received_ms) > CLOCK_TOLERANCE_MS => received_ms - sent,
        Some(_) | None => 0,
    }
}

fn moment(at_ms: Option<i64>, shift_ms: i64, received_ms: i64) -> i64 {
    at_ms.map_or(received_ms, |at| {
        at.saturating_add(shift_ms).min(received_ms)
    })
}

fn entry(event: Event, at_ms: i64, arrival: &Arrival<'_>, agents: &Agents) -> Entry {
    let body = match event.body {
        EventBody::Stats(mut stats) => {
            // The store holds signed numbers.
            for number in [&mut stats.users, &mut stats.tokens, &mut stats.addons] {
                *number = number.map(|number| number.min(i64::MAX.cast_unsigned()));
            }
            EntryBody::Stats(stats)
        }
        EventBody::Task(task) => EntryBody::Task(task),
        EventBody::Stat(stat) => EntryBody::Stat(stat),
        EventBody::Page(page) => {
            let told = page.user_agent.as_str();
            let agent = agents.reduce(if told.is_empty() { arrival.agent } else { told });
            let mut locale = page.locale;
            locale.make_ascii_lowercase();
            EntryBody::Page {
                path: page.path,
                title: page.title,
                locale,
                browser: agent.browser,
                os: agent.os,
            }
        }
    };
    Entry {
        id: event.id,
        at_ms,
        body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use headcount_protocol::{Deployment, InstallId, Page, Runtime, Stats};

    const NOW: i64 = 1_700_000_000_000;
    const MINUTE: i64 = 60_000;

    fn batch(sent_at_ms: Option<i64>, events: Vec<Event>) -> Batch {
        Batch {
            install: InstallId::parse("a").unwrap(),
            app: None,
            app_version: None,
            batch_id: None,
            sent_at_ms,
            runtime: Runtime::default(),
            events,
            lost: std::collections::BTreeMap::new(),
        }
    }

    fn at(at_ms: Option<i64>) -> Event {
        Event {
            id: None,
            at_ms,
            body: EventBody::Stats(Stats::default()),
        }
    }

    fn run(batch: Batch, agent: &str) -> Enriched {
        let arrival = Arrival {
            project: ProjectNumber(1),
            wire: Wire::Native,
            received_ms: NOW,
            oldest_ms: NOW - 1_000 * MINUTE,
            agent,
        };
        enrich(batch, &arrival, &Agents::default())
    }

    #[test]
    fn moments_are_the_senders_unless_its_clock_is_ahead() {
        for (sent, at_ms, expected) in [
            (None, None, NOW),
            (None, Some(NOW - 5), NOW - 5),
            (None, Some(NOW + 5), NOW),
            // Up to five minutes ahead nothing is shifted, only cut.
            (Some(NOW + 5 * MINUTE), Some(NOW - 5), NOW - 5),
            (Some(NOW + 5 * MINUTE), Some(NOW + 5), NOW),
            (Some(NOW + 6 * MINUTE), Some(NOW + MINUTE), NOW - 5 * MINUTE),
            (Some(NOW + 6 * MINUTE), None, NOW),
            // A clock behind says nothing wrong about the past.
            (
                Some(NOW - 60 * MINUTE),
                Some(NOW - 61 * MINUTE),
                NOW - 61 * MINUTE,
            ),
            (Some(i64::MAX), Some(i64::MAX), NOW),
        ] {
            let enriched = run(batch(sent, vec![at(at_ms)]), "");
            let found = enriched.accepted.entries[0].at_ms;
            assert_eq!(found, expected, "{sent:?} {at_ms:?}");
        }
    }

    #[test]
    fn events_beyond_the_retention_are_refused_by_position() {
        let events = vec![at(Some(NOW - 1_001 * MINUTE)), at(None), at(Some(i64::MIN))];
        let enriched = run(batch(None, events), "");
        assert_eq!(enriched.too_old, [0, 2]);
        assert_eq!(enriched.accepted.entries.len(), 1);
    }

    #[test]
    fn what_the_batch_tells_is_kept() {
        let page = |user_agent: &str| Event {
            id: None,
            at_ms: None,
            body: EventBody::Page(Page {
                path: "/".to_owned(),
                locale: "zh-Hans".to_owned(),
                user_agent: user_agent.to_owned(),
                ..Page::default()
            }),
        };
        let mut sent = batch(None, vec![page("Firefox 132 / Linux"), page("")]);
        sent.app = Some("allianceauth".to_owned());
        sent.runtime.deployment = Some(Deployment("docker".to_owned()));
        sent.runtime.facts = [("python".to_owned(), "3.11".to_owned())].into();
        sent.lost = [("queue_full".to_owned(), 3), ("other".to_owned(), 0)].into();
        let enriched = run(sent, "Chrome 140 / Windows");
        let accepted = &enriched.accepted;
        assert_eq!(accepted.deployment, "docker");
        let runtime = r#"{"app":"allianceauth","python":"3.11"}"#;
        assert_eq!(accepted.runtime, runtime);
        assert_eq!(enriched.lost.len(), 1);
        assert_eq!(enriched.lost[0].reason, "client_queue_full");
        let seen: Vec<(&str, &str, &str)> = accepted
            .entries
            .iter()
            .map(|entry| match &entry.body {
                EntryBody::Page {
                    browser,
                    os,
                    locale,
                    ..
                } => (&**browser, &**os, locale.as_str()),
                _ => unreachable!("only pages were sent"),
            })
            .collect();
        assert_eq!(
            seen,
            [
                ("Firefox", "Linux", "zh-hans"),
                ("Chrome", "Windows", "zh-hans")
            ]
        );
    }
}
