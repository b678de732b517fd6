//! What one feed would send, made by the code that makes what leaves: from an event that waits, else an invented one.

use std::collections::BTreeMap;

use headcount_protocol::{Event, EventBody, InstalledApp, Page, Stats, Task};

use super::words::pieces;
use crate::encode;
use crate::install::Install;
use crate::intake::Intake;
use crate::record;
use crate::settings::{Feed, Feeds, Settings, Token};
use crate::spool::{Batch, Waiting};

/// The body of a request that carries one event of a feed.
pub(super) struct Example {
    /// Cut for the eye; put together it is the body, byte for byte.
    pub(super) pieces: Vec<String>,
    /// The event is invented; everything else is this install's own.
    pub(super) invented: bool,
}

/// What a token gets of a feed, shown with the first of `waiting` that belongs to it.
pub(super) fn example(
    install: &Install,
    settings: &Settings,
    token: &Token,
    feed: Feed,
    waiting: &[Waiting],
) -> Example {
    let of_feed =
        |one: &&Waiting| record::decode_bytes(&one.body).is_some_and(|(known, _)| known == feed);
    let real = waiting.iter().find(of_feed).cloned();
    let invented = real.is_none();
    let events: Vec<Waiting> = real.or_else(|| invent(token, feed)).into_iter().collect();
    let batch = Batch {
        id: encode::random_id(),
        attempts: 0,
        progress: 0,
        events,
        lost: BTreeMap::new(),
    };
    let now_ms = crate::clock::now_ms();
    let text = encode::encode(install, settings, token, &batch, now_ms).text();
    Example {
        pieces: pieces(&text).into_iter().map(str::to_owned).collect(),
        invented,
    }
}

/// An invented event, checked and cleaned as a real one is.
fn invent(token: &Token, feed: Feed) -> Option<Waiting> {
    let body = match feed {
        Feed::Stats => EventBody::Stats(Stats {
            users: Some(128),
            tokens: Some(1904),
            apps: vec![InstalledApp {
                name: "memberaudit".to_owned(),
                version: Some("3.1.0".to_owned()),
            }],
            ..Stats::default()
        }),
        Feed::Tasks => EventBody::Task(Task {
            namespace: "memberaudit".to_owned(),
            task: "update_character".to_owned(),
            result: "Success".to_owned(),
            label: String::new(),
            value: Some(34.0),
            count: 1,
        }),
        Feed::Pages => EventBody::Page(Page {
            path: "/audit/r/corp/98000001/?tab=assets".to_owned(),
            title: "Corp Tools: corporation".to_owned(),
            locale: "en".to_owned(),
            user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
                .to_owned(),
        }),
    };
    let event = Event {
        id: None,
        at_ms: Some(crate::clock::now_ms()),
        body,
    };
    let wanting = Token {
        feeds: Feeds::ALL,
        ignore_paths: Vec::new(),
        ..token.clone()
    };
    let settings = Settings {
        tokens: vec![wanting],
        ..Settings::default()
    };
    let taken = Intake::of(&settings)
        .take(encode::random_id(), feed, &event, "")
        .ok()?;
    Some(Waiting {
        seq: 0,
        id: taken.id,
        feed: feed as u8,
        body: taken.body,
        raw: taken.raw,
    })
}
