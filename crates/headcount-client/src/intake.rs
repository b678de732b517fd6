//! From a recorded event to what may wait in the spool: checked, cleaned, and addressed to those who want it.

use headcount_protocol::dictionary::{self, Scrub};
use headcount_protocol::{Event, EventBody, Page, Stats, native};
use regex_lite::Regex;

use crate::loss::LossReason;
use crate::record::{self, Draft};
use crate::ring::RingId;
use crate::settings::{Feed, Settings, Token};
use crate::spool::Incoming;

/// Different events whose way through the intake is remembered: a host records few, each many times.
const REMEMBERED: usize = 16;

/// What the settings say about incoming events, ready for use.
pub(crate) struct Intake {
    targets: Vec<Target>,
    /// The last different events, in a circle.
    remembered: Vec<Remembered>,
    next: usize,
}

struct Remembered {
    feed: Feed,
    body: EventBody,
    opened: String,
    taken: Result<Taken, LossReason>,
}

/// What became of an event, whatever its moment.
#[derive(Clone)]
struct Taken {
    body: Vec<u8>,
    raw: Option<Vec<u8>>,
    destinations: Vec<u32>,
}

struct Target {
    token: Token,
    ignore: Vec<Regex>,
}

impl Intake {
    pub(crate) fn of(settings: &Settings) -> Self {
        let on = settings.tokens.iter().filter(|_| !settings.is_off());
        let targets = on.map(|token| Target {
            ignore: token
                .ignore_paths
                .iter()
                .filter_map(|pattern| Regex::new(pattern).ok())
                .collect(),
            token: token.clone(),
        });
        Self {
            targets: targets.collect(),
            remembered: Vec::new(),
            next: 0,
        }
    }

    /// Checks, cleans and addresses an event. `opened` is what the visitor of a page opened, where its path is a
    /// pattern: it is matched against ignored paths as the path itself is, and goes no further.
    pub(crate) fn take(
        &mut self,
        id: [u8; 16],
        feed: Feed,
        event: &Event,
        opened: &str,
    ) -> Result<Incoming, LossReason> {
        let is_same =
            |one: &&Remembered| one.feed == feed && one.body == event.body && one.opened == opened;
        let taken = match self.remembered.iter().find(is_same) {
            Some(one) => one.taken.clone(),
            None => self.take_new(feed, event, opened),
        };
        taken.map(|taken| taken.at(id, feed, event.at_ms.unwrap_or_default()))
    }

    fn take_new(&mut self, feed: Feed, event: &Event, opened: &str) -> Result<Taken, LossReason> {
        let taken = self.address(feed, event, opened);
        if matches!(event.body, EventBody::Task(_) | EventBody::Page(_)) {
            let one = Remembered {
                feed,
                body: event.body.clone(),
                opened: opened.to_owned(),
                taken: taken.clone(),
            };
            match self.remembered.get_mut(self.next) {
                Some(oldest) => *oldest = one,
                None => self.remembered.push(one),
            }
            self.next = (self.next + 1) % REMEMBERED;
        }
        taken
    }

    fn address(&self, feed: Feed, event: &Event, opened: &str) -> Result<Taken, LossReason> {
        let wanting: Vec<&Target> = self
            .targets
            .iter()
            .filter(|target| target.token.feeds.has(feed))
            .collect();
        if wanting.is_empty() {
            return Err(LossReason::SwitchedOff);
        }
        let raw = checked(event).ok_or(LossReason::Invalid)?;
        let clean = cleaned(&raw);
        let wanting: Vec<&Target> = wanting
            .into_iter()
            .filter(|target| !target.ignores(&raw, opened))
            .collect();
        if wanting.is_empty() {
            return Err(LossReason::Ignored);
        }
        let keep_raw = raw != clean && wanting.iter().any(|target| target.may_have_raw());
        Ok(Taken {
            body: Draft::of(&clean, feed).to_bytes(),
            raw: keep_raw.then(|| Draft::of(&raw, feed).to_bytes()),
            destinations: wanting.iter().map(|target| target.token.id).collect(),
        })
    }
}

impl Taken {
    fn at(mut self, id: [u8; 16], feed: Feed, at_ms: i64) -> Incoming {
        record::set_moment(&mut self.body, at_ms);
        if let Some(raw) = &mut self.raw {
            record::set_moment(raw, at_ms);
        }
        Incoming {
            id,
            at_ms,
            feed,
            body: self.body,
            raw: self.raw,
            destinations: self.destinations,
        }
    }
}

impl Target {
    fn ignores(&self, event: &Event, opened: &str) -> bool {
        let EventBody::Page(page) = &event.body else {
            return false;
        };
        // Without a pattern the path itself is what was opened.
        let opened = if opened.is_empty() {
            &page.path
        } else {
            opened
        };
        self.ignore
            .iter()
            .any(|pattern| pattern.is_match(&page.path) || pattern.is_match(opened))
    }

    fn may_have_raw(&self) -> bool {
        self.token.raw_paths || self.token.raw_user_agents
    }
}

/// Of the cleaned and the raw event, what this destination may have.
pub(crate) fn choose(token: &Token, clean: Option<Event>, raw: Option<Event>) -> Event {
    let clean = clean.unwrap_or_else(empty);
    match (clean.body, raw.map(|raw| raw.body)) {
        (EventBody::Page(clean_page), Some(EventBody::Page(raw))) => {
            let (path, title) = if token.raw_paths {
                (raw.path, raw.title)
            } else {
                (clean_page.path, clean_page.title)
            };
            let user_agent = if token.raw_user_agents {
                raw.user_agent
            } else {
                clean_page.user_agent
            };
            let page = Page {
                path,
                title,
                locale: clean_page.locale,
                user_agent,
            };
            Event {
                id: None,
                at_ms: clean.at_ms,
                body: EventBody::Page(page),
            }
        }
        (body, _) => Event {
            id: None,
            at_ms: clean.at_ms,
            body,
        },
    }
}

/// Stands in for a record that a damaged disk made unreadable: an empty report that counts nothing.
fn empty() -> Event {
    Event {
        id: None,
        at_ms: None,
        body: EventBody::Stats(Stats::default()),
    }
}

/// Checks every text by the dictionary, and the numbers; `None` when nobody can count it.
fn checked(event: &Event) -> Option<Event> {
    let mut body = event.body.clone();
    match &mut body {
        EventBody::Stats(stats) => {
            stats.apps.retain(|app| !app.name.trim().is_empty());
            stats.apps.truncate(native::MAX_APPS);
        }
        EventBody::Task(task) => {
            task.value = task.value.filter(|value| value.is_finite());
            task.count = task.count.clamp(1, native::MAX_COUNT);
        }
        EventBody::Stat(stat) => stat.value.is_finite().then_some(())?,
        EventBody::Page(page) => {
            let end = page.path.find(['?', '#']);
            page.path.truncate(end.unwrap_or(page.path.len()));
        }
    }
    for (name, text) in dictionary::texts_mut(&mut body) {
        *text = dictionary::field(name)?.checked(text)?;
    }
    if let EventBody::Stats(stats) = &mut body {
        stats.deployment = stats.deployment.take().filter(|word| !word.0.is_empty());
    }
    Some(Event {
        id: None,
        at_ms: event.at_ms,
        body,
    })
}

/// Takes out, as the dictionary says, what could name a person, a thing or the install.
fn cleaned(event: &Event) -> Event {
    let mut event = event.clone();
    for (name, text) in dictionary::texts_mut(&mut event.body) {
        if let Some(field) = dictionary::field(name).filter(|field| field.scrub != Scrub::Nothing) {
            *text = field.scrubbed(text);
        }
    }
    event
}

/// The id of an event: the same again if its ring is read twice, and of version 7 so that ids sort by time.
pub(crate) fn event_id(ring: &RingId, position: u64, event: &Event) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(ring);
    hasher.update(&position.to_le_bytes());
    let mut random = [0; 10];
    random.copy_from_slice(&hasher.finalize().as_bytes()[..10]);
    let at_ms = event.at_ms.unwrap_or_default().max(0).cast_unsigned();
    uuid::Builder::from_unix_timestamp_millis(at_ms, &random)
        .into_uuid()
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Feeds, NewToken, TokenKind};

    fn settings(change: impl FnOnce(&mut Settings)) -> Settings {
        let mut settings = Settings::default();
        for name in ["one", "two"] {
            let new = NewToken {
                name: name.into(),
                kind: TokenKind::Headcount,
                endpoint: "https://a.example".into(),
                token: name.into(),
                secret: None,
                feeds: Feeds::ALL,
            };
            settings.add(new).unwrap();
        }
        change(&mut settings);
        settings
    }

    fn page(path: &str) -> Event {
        let page = Page {
            path: path.into(),
            title: "Dashboard".into(),
            locale: "en".into(),
            user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0"
                .into(),
        };
        Event {
            id: None,
            at_ms: Some(5),
            body: EventBody::Page(page),
        }
    }

    fn take(settings: &Settings, event: &Event) -> Result<Incoming, LossReason> {
        Intake::of(settings).take([1; 16], Feed::Pages, event, "")
    }

    #[test]
    fn only_those_who_want_the_feed_get_it() {
        let one = settings(|settings| settings.tokens[0].feeds.pages = false);
        assert_eq!(take(&one, &page("/a/")).unwrap().destinations, [2]);
        let none = settings(|settings| {
            settings
                .tokens
                .iter_mut()
                .for_each(|token| token.feeds.pages = false)
        });
        assert_eq!(
            take(&none, &page("/a/")).unwrap_err(),
            LossReason::SwitchedOff
        );
        let off = settings(|settings| settings.off = true);
        assert_eq!(
            take(&off, &page("/a/")).unwrap_err(),
            LossReason::SwitchedOff
        );
    }

    #[test]
    fn ignored_paths_are_ignored_by_each_token_for_itself() {
        let settings =
            settings(|settings| settings.tokens[0].ignore_paths = vec!["^/admin/".into()]);
        assert_eq!(
            take(&settings, &page("/admin/x/")).unwrap().destinations,
            [2]
        );
        assert_eq!(take(&settings, &page("/a/")).unwrap().destinations, [1, 2]);
    }

    #[test]
    fn an_ignored_path_is_the_pattern_or_what_was_opened() {
        let check = |ignored: &str, opened: &str, expected: &[u32]| {
            let settings =
                settings(|settings| settings.tokens[0].ignore_paths = vec![ignored.into()]);
            let taken =
                Intake::of(&settings).take([1; 16], Feed::Pages, &page("/fleet/<pk>/"), opened);
            let taken = taken.unwrap();
            assert_eq!(taken.destinations, expected, "{ignored} {opened}");
            let kept = String::from_utf8_lossy(&taken.body);
            assert!(!kept.contains("17") && taken.raw.is_none());
        };
        check("^/fleet/<pk>/", "/fleet/17/", &[2]);
        check("^/fleet/17/", "/fleet/17/", &[2]);
        check("^/fleet/", "/fleet/17/", &[2]);
        check("^/fleet/17/", "/fleet/18/", &[1, 2]);
        check("^/fleet/17/", "", &[1, 2]);
    }

    #[test]
    fn what_is_raw_is_kept_only_for_those_who_may_have_it() {
        assert!(
            take(&settings(|_| {}), &page("/r/98000001/?x=1"))
                .unwrap()
                .raw
                .is_none()
        );
        let settings = settings(|settings| settings.tokens[0].raw_paths = true);
        let incoming = take(&settings, &page("/r/98000001/?x=1")).unwrap();
        let seen = |token: &Token| {
            let decode = |bytes: &[u8]| record::decode_bytes(bytes).map(|(_, event)| event);
            let event = choose(
                token,
                decode(&incoming.body),
                incoming.raw.as_deref().and_then(decode),
            );
            let EventBody::Page(page) = event.body else {
                panic!("not a page")
            };
            (page.path, page.user_agent)
        };
        let (path, agent) = seen(&settings.tokens[0]);
        assert_eq!(path, "/r/98000001/", "never the query string");
        assert_eq!(agent, "Firefox 132 / Linux");
        assert!(!seen(&settings.tokens[1]).0.contains("98000001"));
    }

    #[test]
    fn what_is_remembered_is_what_a_new_intake_says_of_every_event() {
        let settings = settings(|settings| {
            settings.tokens[0].raw_paths = true;
            settings.tokens[1].ignore_paths = vec!["^/fleet/1[02468]/".into()];
        });
        let mut old = Intake::of(&settings);
        for round in 0..4_i64 {
            for number in 0..20 {
                let mut event = page(&format!("/fleet/{number}/?x=1"));
                event.at_ms = Some(1000 * round + number);
                let opened = format!("/fleet/{}/", number + round % 2);
                for feed in [Feed::Pages, Feed::Stats] {
                    let take = |intake: &mut Intake| {
                        let taken = intake.take([9; 16], feed, &event, &opened);
                        taken.map(|one| (one.at_ms, one.feed, one.body, one.raw, one.destinations))
                    };
                    assert_eq!(take(&mut old), take(&mut Intake::of(&settings)));
                }
            }
        }
        assert_eq!(old.remembered.len(), REMEMBERED);
    }

    #[test]
    fn what_nobody_can_count_is_refused() {
        assert_eq!(
            take(&settings(|_| {}), &page("?x=1")).unwrap_err(),
            LossReason::Invalid
        );
    }

    #[test]
    fn what_the_collector_would_refuse_does_not_leave() {
        let mut event = page("/a/");
        let EventBody::Page(page) = &mut event.body else {
            panic!("not a page")
        };
        page.locale = "en_GB.UTF-8".into();
        page.title = "x\u{7}".repeat(2000);
        let checked = checked(&event).unwrap();
        let EventBody::Page(page) = checked.body else {
            panic!("not a page")
        };
        assert_eq!(page.locale, "en-GB");
        assert!(page.title.len() <= 1500 && !page.title.contains(char::is_control));
    }

    #[test]
    fn ids_are_the_same_when_a_ring_is_read_twice() {
        let event = page("/a/");
        let id = event_id(&[1; 16], 7, &event);
        assert_eq!(event_id(&[1; 16], 7, &event), id);
        assert_ne!(event_id(&[1; 16], 8, &event), id);
        assert_ne!(event_id(&[2; 16], 7, &event), id);
        assert_eq!(uuid::Uuid::from_bytes(id).get_version_num(), 7);
    }
}
