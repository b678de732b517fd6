//! Says what is on and what is wrong, in the operator's words. Changes nothing, writes nothing.

use serde::Serialize;

use crate::clock;
use crate::daily;
use crate::error::Result;
use crate::gate::{self, Switch, switches_on};
use crate::settings::{Feed, TokenKind};
use crate::spool::Status;
use crate::state::State;

/// How an install stands.
#[derive(Clone, Debug, Serialize)]
pub struct Doctor {
    /// Whether anything is recorded and sent.
    pub sending: bool,
    /// The switch that won; `None` when everything is on.
    pub stopped_by: Option<&'static str>,
    /// The same in words.
    pub why: Option<&'static str>,
    /// Every switch that is on, in the order in which they are asked.
    pub switches: Vec<&'static str>,
    /// Feeds that at least one token wants.
    pub feeds: Vec<&'static str>,
    /// Number of tokens.
    pub tokens: usize,
    /// Whether the install has an identity already. It is not shown here.
    pub has_identity: bool,
    /// The next daily report, RFC 3339; `None` when none will be made.
    pub next_daily_at: Option<String>,
    /// What waits and how delivery stands; `None` when nothing was ever recorded.
    pub status: Option<Status>,
    /// What is wrong or odd, a line each.
    pub findings: Vec<String>,
}

impl State {
    /// Looks at everything.
    ///
    /// # Errors
    /// When a file of the state folder cannot be read or understood.
    pub fn doctor(&self, host: Option<Switch>) -> Result<Doctor> {
        let settings = self.settings()?;
        let switches = switches_on(host, settings.as_ref());
        let winner = switches.first().copied();
        let install = self.install()?;
        let mask = settings.as_ref().map_or(0, |settings| settings.mask());
        let tokens = settings.map(|settings| settings.tokens).unwrap_or_default();
        let status = if self.spool_path().exists() {
            Some(self.spool()?.status(&tokens)?)
        } else {
            None
        };
        let next_daily = install
            .as_ref()
            .filter(|_| winner.is_none() && mask & Feed::Stats.bit() != 0)
            .map(|install| {
                let last_day = status.as_ref().and_then(|status| status.last_daily_day);
                daily::next_at_ms(install.daily_minute(), last_day, clock::now_ms())
            });
        let mut findings = Vec::new();
        for token in tokens
            .iter()
            .filter(|token| token.kind == TokenKind::Headcount)
        {
            if token.endpoint.starts_with("http://") && !is_loopback(&token.endpoint) {
                findings.push(format!(
                    "token {} ({}): http:// is readable on the way; use https://",
                    token.id, token.name
                ));
            }
        }
        if let Some(published) = gate::published(self.dir()).filter(|published| *published != mask)
        {
            findings.push(format!("the gate says {published:#b}, the settings say {mask:#b}; saving any setting mends it"));
        }
        findings.extend(status.iter().flat_map(trouble));
        Ok(Doctor {
            sending: winner.is_none(),
            stopped_by: winner.map(Switch::code),
            why: winner.map(Switch::describe),
            switches: switches.into_iter().map(Switch::code).collect(),
            feeds: Feed::ALL
                .into_iter()
                .filter(|feed| mask & feed.bit() != 0)
                .map(Feed::name)
                .collect(),
            tokens: tokens.len(),
            has_identity: install.is_some(),
            next_daily_at: next_daily.map(clock::rfc3339),
            status,
            findings,
        })
    }
}

fn is_loopback(endpoint: &str) -> bool {
    ["http://127.", "http://localhost", "http://[::1]"]
        .iter()
        .any(|start| endpoint.starts_with(start))
}

fn trouble(status: &Status) -> Vec<String> {
    let mut lines = Vec::new();
    for one in &status.destinations {
        if let Some(stop) = &one.stopped {
            lines.push(format!(
                "token {} ({}) is stopped: {}",
                one.token, one.name, stop.reason
            ));
        } else if one.attempts > 0 {
            let last = one.last_note.as_deref().unwrap_or("no answer");
            let next = clock::rfc3339(one.next_at_ms);
            lines.push(format!(
                "token {} ({}): {} tries failed, last: {last}; next try {next}",
                one.token, one.name, one.attempts
            ));
        }
    }
    for (reason, events) in &status.lost {
        lines.push(format!("{events} events lost: {reason}"));
    }
    if let Some(at_ms) = status.replaced_damaged_at_ms {
        let at = clock::rfc3339(at_ms);
        lines.push(format!(
            "the spool could not be read and was begun anew at {at}; the old one is beside it"
        ));
    }
    lines
}
