//! Hits as lines of the live page: shortened install ids, what was stored, the payload that was kept.

use crate::chart::number;
use crate::reports::calendar;
use crate::store::{Hit, Verdict, Wire};

use super::State;

/// Lines of one page.
const LINES: usize = 50;
/// Payload text of one page; rows beyond it are links that open them alone.
const PAYLOAD_BYTES: usize = 16_000;
/// Characters of an install id that are shown.
const ID_CHARACTERS: usize = 8;
/// Ids up to this length stand whole: there is nothing to shorten.
const SHORT_ID: usize = 12;

/// Which hits are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Show {
    All,
    Accepted,
    Rejected,
}

impl Show {
    pub(crate) const ALL: [Self; 3] = [Self::All, Self::Accepted, Self::Rejected];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Accepted => "accepted",
            Self::Rejected => "rejected",
        }
    }

    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::All => "All",
            Self::Accepted => "Accepted",
            Self::Rejected => "Rejected",
        }
    }

    fn takes(self, verdict: Verdict) -> bool {
        match self {
            Self::All => true,
            Self::Accepted => verdict != Verdict::Refused,
            Self::Rejected => verdict == Verdict::Refused,
        }
    }
}

/// One line and what it opens to.
pub(crate) struct Line {
    /// Where it opens, when the line itself cannot.
    pub(crate) href: Option<String>,
    pub(crate) open: bool,
    pub(crate) time: String,
    pub(crate) install: String,
    pub(crate) wire: &'static str,
    pub(crate) event: String,
    pub(crate) verdict: Verdict,
    /// The stable word of the reason, empty for none.
    pub(crate) code: String,
    pub(crate) reason: String,
    pub(crate) received: String,
    pub(crate) stored: &'static str,
    pub(crate) size: String,
    pub(crate) payload: String,
}

impl Line {
    /// Whether nothing of it was stored.
    pub(crate) fn refused(&self) -> bool {
        self.verdict == Verdict::Refused
    }

    /// Whether a part of it was dropped.
    pub(crate) fn noted(&self) -> bool {
        self.verdict == Verdict::Noted
    }
}

/// The lines of a page, newest first.
pub(crate) fn lines(hits: &[Hit], state: &State) -> Vec<Line> {
    let mut left = PAYLOAD_BYTES;
    let mut out = Vec::new();
    let mut same = 0;
    let mut last_ms = None;
    for hit in hits {
        same = if last_ms == Some(hit.received_ms) {
            same + 1
        } else {
            0
        };
        last_ms = Some(hit.received_ms);
        let id = format!("{}.{same}", hit.received_ms);
        let open = state.open.as_deref() == Some(id.as_str());
        if !open && (!state.show.takes(hit.verdict) || out.len() >= LINES) {
            continue;
        }
        let fits = hit.payload.len() <= left;
        let here = open || (!state.running && fits);
        if here {
            left -= hit.payload.len().min(left);
        }
        let href = format!("?show={}&open={id}#open", state.show.word());
        out.push(Line {
            href: (!here).then_some(href),
            open,
            ..line(hit)
        });
    }
    out
}

fn line(hit: &Hit) -> Line {
    let (code, reason) = hit.reason.split_once(':').unwrap_or((&hit.reason, ""));
    Line {
        href: None,
        open: false,
        time: calendar::clock(hit.received_ms),
        install: shortened(&hit.install),
        wire: match hit.wire {
            Wire::Universal => "UA",
            Wire::Ga4 => "GA4",
            Wire::Native => "native",
        },
        event: hit.event.replace(&hit.install, &shortened(&hit.install)),
        verdict: hit.verdict,
        code: code.trim().to_owned(),
        reason: sentence(reason.trim()),
        received: calendar::iso_moment(hit.received_ms),
        stored: match hit.verdict {
            Verdict::Accepted => "this event",
            Verdict::Noted => "this event, without what is named above",
            Verdict::Refused => "nothing",
        },
        size: number::counted(hit.payload.len() as u64, "byte"),
        payload: payload(hit),
    }
}

/// The payload with the install id shortened wherever it stands.
fn payload(hit: &Hit) -> String {
    if hit.install.len() <= SHORT_ID {
        return hit.payload.clone();
    }
    hit.payload.replace(&hit.install, &shortened(&hit.install))
}

/// The first characters of an install id: enough to tell installs apart, too few to know one.
fn shortened(install: &str) -> String {
    if install.chars().count() <= SHORT_ID {
        return install.to_owned();
    }
    install.chars().take(ID_CHARACTERS).collect::<String>() + "…"
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase);
    let mut out: String = first.into_iter().flatten().chain(letters).collect();
    if !out.is_empty() && !out.ends_with('.') {
        out.push('.');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hit(received_ms: i64, verdict: Verdict, payload: &str) -> Hit {
        Hit {
            received_ms,
            install: "3f0e8d5a-1111-4222-8333-444455556666".to_owned(),
            wire: Wire::Ga4,
            event: "task update".to_owned(),
            verdict,
            reason: "bad_secret: the secret is another one".to_owned(),
            payload: payload.to_owned(),
        }
    }

    fn state(query: &str) -> State {
        State::parse(query).expect(query)
    }

    #[test]
    fn install_ids_are_shortened_everywhere() {
        let hits = [hit(
            1,
            Verdict::Refused,
            "cid=3f0e8d5a-1111-4222-8333-444455556666&v=1",
        )];
        let lines = lines(&hits, &state("refresh=off"));
        assert_eq!(lines[0].install, "3f0e8d5a…");
        assert_eq!(lines[0].payload, "cid=3f0e8d5a…&v=1");
        assert_eq!(
            (lines[0].code.as_str(), lines[0].reason.as_str()),
            ("bad_secret", "The secret is another one.")
        );
    }

    #[test]
    fn rows_are_links_while_the_page_refreshes() {
        let hits = [
            hit(5, Verdict::Accepted, ""),
            hit(5, Verdict::Refused, "x"),
            hit(4, Verdict::Noted, "y"),
        ];
        let running = lines(&hits, &state(""));
        assert!(running.iter().all(|line| line.href.is_some()));
        assert_eq!(running[1].href.as_deref(), Some("?show=all&open=5.1#open"));
        let opened = lines(&hits, &state("open=5.1"));
        assert!(opened[1].open && opened.iter().all(|line| line.href.is_none()));
        let rejected = lines(&hits, &state("show=rejected"));
        assert_eq!(rejected.len(), 1);
        assert_eq!(lines(&hits, &state("show=accepted")).len(), 2);
    }

    #[test]
    fn a_page_stays_small() {
        let large = "x".repeat(4_000);
        let hits: Vec<Hit> = (0..200)
            .map(|k| hit(900 - k, Verdict::Refused, &large))
            .collect();
        let lines = lines(&hits, &state("open=701.0"));
        assert_eq!(lines.len(), LINES + 1);
        assert!(lines[LINES].open && lines[LINES].href.is_none());
        let here: usize = lines
            .iter()
            .filter(|l| l.href.is_none())
            .map(|l| l.payload.len())
            .sum();
        assert!(here <= PAYLOAD_BYTES + large.len(), "{here}");
    }
}
