//! The panel on top of each page: whether anything is sent, who stopped it, and four numbers.

use super::words::{ago, bytes, count, counted};
use crate::doctor::Doctor;
use crate::gate::Switch;
use crate::ledger::Entry;
use crate::settings::Settings;
use crate::spool::DestinationStatus;

/// The big switch and what it says.
pub(super) struct Power {
    pub(super) heading: String,
    pub(super) text: String,
    /// Stopped in the state folder: the switch stands on "stop".
    pub(super) stopped: bool,
    /// Why pressing the switch alone would not start anything.
    pub(super) also: Option<&'static str>,
    pub(super) figures: Vec<Figure>,
}

/// One headline number.
pub(super) struct Figure {
    pub(super) label: &'static str,
    pub(super) value: String,
    pub(super) note: String,
}

/// What a page looks at: the whole install, or one of its tokens.
pub(super) struct Scope<'a> {
    pub(super) doctor: &'a Doctor,
    pub(super) settings: &'a Settings,
    pub(super) winner: Option<Switch>,
    /// Of this token or of all, oldest first.
    pub(super) entries: &'a [Entry],
    pub(super) token: Option<u32>,
    pub(super) now_ms: i64,
}

impl Scope<'_> {
    pub(super) fn power(&self) -> Power {
        let (heading, text) = match self.winner {
            None => self.sending(),
            Some(switch) => ("Nothing is sent".to_owned(), stopped(switch).to_owned()),
        };
        let stopped = self.settings.off;
        let other = self
            .doctor
            .switches
            .iter()
            .find(|code| **code != Switch::Off.code());
        let other = other.and_then(|code| Switch::ALL.into_iter().find(|one| one.code() == *code));
        Power {
            heading,
            text,
            stopped,
            also: other.filter(|_| stopped).map(Switch::describe),
            figures: vec![self.last(), self.waiting(), self.sent(), self.fourth()],
        }
    }

    fn sending(&self) -> (String, String) {
        let tokens = self.settings.tokens.iter();
        let mine = tokens.filter(|one| self.token.is_none_or(|id| id == one.id));
        let names: Vec<&str> = mine.clone().map(|one| one.name.as_str()).collect();
        let feeds = |feeds: crate::settings::Feeds| {
            crate::settings::Feed::ALL
                .into_iter()
                .filter(|feed| feeds.has(*feed))
                .count()
        };
        let on: usize = mine.map(|one| feeds(one.feeds)).sum();
        match (self.token, names.as_slice()) {
            (Some(_), [name]) if on == 0 => (
                format!("Nothing is sent to {name}"),
                "All three feeds are off.".to_owned(),
            ),
            (_, [name]) => {
                let words = ["None", "One", "Two", "All"];
                let told = words.get(on).copied().unwrap_or("All");
                let are = if on == 1 { "is" } else { "are" };
                (
                    format!("Sending to {name}"),
                    format!("{told} of three feeds {are} on."),
                )
            }
            (_, names) => (
                format!("Sending to {} tokens", names.len()),
                "Each has its own three feeds below.".to_owned(),
            ),
        }
    }

    fn destinations(&self) -> impl Iterator<Item = &DestinationStatus> {
        let all = self
            .doctor
            .status
            .iter()
            .flat_map(|status| &status.destinations);
        all.filter(|one| self.token.is_none_or(|id| id == one.token))
    }

    fn last(&self) -> Figure {
        let last = self.destinations().max_by_key(|one| one.last_at_ms);
        let (value, note) = match last.and_then(|one| Some((one, one.last_at_ms?))) {
            Some((one, at_ms)) => {
                let events = counted(one.last_events.unwrap_or_default(), "event");
                let outcome = one.last_note.as_deref().unwrap_or("no answer yet");
                (ago(at_ms, self.now_ms), format!("{events}, {outcome}"))
            }
            None => ("none yet".to_owned(), "nothing has left".to_owned()),
        };
        Figure {
            label: "Last try",
            value,
            note,
        }
    }

    fn waiting(&self) -> Figure {
        let waiting: u64 = self
            .destinations()
            .flat_map(|one| one.waiting.values())
            .sum();
        let retry = self
            .destinations()
            .filter(|one| one.attempts > 0 && one.next_at_ms > self.now_ms)
            .map(|one| one.next_at_ms)
            .min();
        let note = match retry {
            Some(at_ms) if waiting > 0 => format!("next try at {} UTC", super::words::time(at_ms)),
            _ if waiting == 0 => "nothing is kept back".to_owned(),
            _ => "sent together, the oldest first".to_owned(),
        };
        Figure {
            label: "Waiting to be sent",
            value: count(waiting),
            note,
        }
    }

    fn sent(&self) -> Figure {
        let taken = self.entries.iter().filter(|entry| is_taken(entry));
        let events: u64 = taken.map(|entry| u64::from(entry.events)).sum();
        let size: usize = self.entries.iter().map(|entry| entry.body.len()).sum();
        let requests = counted(self.entries.len() as u64, "request");
        Figure {
            label: "Sent in the last 24 h",
            value: count(events),
            note: format!("in {requests}, {}", bytes(size as u64)),
        }
    }

    fn fourth(&self) -> Figure {
        if self.winner == Some(Switch::Off) {
            return Figure {
                label: "Events sent since you stopped",
                value: "0".to_owned(),
                note: "not even the fact that you did".to_owned(),
            };
        }
        let failed = self.entries.iter().filter(|entry| !is_taken(entry)).count();
        let stopped = self.destinations().any(|one| one.stopped.is_some());
        let note = match failed {
            _ if stopped => "the token was refused, see below",
            0 => "every request was taken",
            _ => "kept and sent again",
        };
        Figure {
            label: "Failed in the last 24 h",
            value: count(failed as u64),
            note: note.to_owned(),
        }
    }
}

/// Whether a request was answered as it should be.
pub(super) fn is_taken(entry: &Entry) -> bool {
    entry
        .status
        .is_some_and(|status| (200..300).contains(&status))
}

const fn stopped(switch: Switch) -> &'static str {
    match switch {
        Switch::Off => {
            "Stopped with the switch here or with headcount client off. What was waiting has been deleted. \
             The feed switches are kept for when you start again."
        }
        Switch::AnalyticsDisabled => {
            "ANALYTICS_DISABLED is set in the environment of this program. It wins over every switch here."
        }
        Switch::DoNotTrack => {
            "DO_NOT_TRACK is set in the environment of this program. It wins over every switch here."
        }
        Switch::Host => {
            "The settings of this program switch analytics off. They win over every switch here."
        }
        Switch::NoToken => "There is no token, so there is nowhere to send to.",
        Switch::FeedsOff => "Every feed of every token is off.",
    }
}
