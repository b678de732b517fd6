//! Takes over what a host keeps in its own database: identity, tokens, and whether all is off. Asks no database.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::gate::Switch;
use crate::install::Install;
use crate::settings::{Feeds, Settings, Token, TokenKind};
use crate::state::{LOCK_WAIT, State};

/// Where hits of Google's protocols go unless a token names another place.
const GOOGLE: &str = "https://www.google-analytics.com";

/// Who the install is, where the host keeps that for all its machines.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// The install id.
    pub install: Uuid,
    /// 64 hexadecimal digits that never leave the install; `None` keeps this state folder's own.
    #[serde(default)]
    pub secret: Option<String>,
    /// What Google types call the install; `None` leaves that as it is.
    #[serde(default)]
    pub known_as: Option<String>,
}

/// A destination as the host's table has it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostToken {
    /// Its number in the host's table.
    pub id: u32,
    /// Name for the operator.
    pub name: String,
    /// Protocol it speaks.
    #[serde(rename = "type")]
    pub kind: TokenKind,
    /// Base URL; empty means Google's, for Google's protocols.
    #[serde(default)]
    pub endpoint: String,
    /// Ingest key, measurement id or tracking id.
    pub token: String,
    /// `api_secret` of GA4.
    #[serde(default)]
    pub secret: String,
    /// Feeds that are on.
    pub feeds: Feeds,
    /// Regular expressions of pages that are not sent there.
    #[serde(default)]
    pub ignore_paths: Vec<String>,
}

/// Everything a host keeps itself; the state folder follows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostTruth {
    /// Who the install is; `None` leaves that to the state folder.
    #[serde(default)]
    pub identity: Option<Identity>,
    /// All destinations.
    pub tokens: Vec<HostToken>,
    /// Everything is off.
    #[serde(default)]
    pub off: bool,
    /// Takes the place of Google's host where a token names no other.
    #[serde(default)]
    pub google_endpoint: Option<String>,
}

/// What became of a host's truth.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Mirrored {
    /// Whether anything was written.
    pub changed: bool,
    /// Tokens that cannot work as they are: number and reason. Nothing is sent there.
    pub refused: Vec<(u32, String)>,
}

impl State {
    /// Makes the state folder say what the host says, and tells every process; writes only what differs, and
    /// nothing at all as long as nobody was ever to be told anything. A token that cannot work is left out,
    /// with its reason; one with an unreadable ignore pattern gets no page views. While the environment
    /// switches everything off nothing is written either.
    ///
    /// # Errors
    /// When the state folder cannot be read or written, or the identity's secret is none.
    pub fn mirror(&self, truth: &HostTruth) -> Result<Mirrored> {
        if Switch::of_environment().is_some() {
            return Ok(Mirrored::default());
        }
        let before = self.settings()?;
        let fresh = before.is_none();
        let before = before.unwrap_or_default();
        let mut after = before.clone();
        let refused = apply(truth, &mut after);
        let mut mirrored = Mirrored {
            changed: false,
            refused,
        };
        if fresh && after.mask() == 0 {
            return Ok(mirrored);
        }
        if let Some(identity) = &truth.identity
            && !self.install()?.is_some_and(|install| install.is(identity))
        {
            self.make()?;
            let _lock = self.lock(LOCK_WAIT)?;
            Install::follow(self.dir(), identity)?;
            mirrored.changed = true;
        }
        if after == before && !fresh {
            return Ok(mirrored);
        }
        self.change(|settings| {
            apply(truth, settings);
            Ok(())
        })?;
        mirrored.changed = true;
        if self.spool_path().exists() {
            for token in after.tokens.iter().filter(|token| is_moved(&before, token)) {
                self.spool()?.resume(token.id)?;
            }
        }
        Ok(mirrored)
    }
}

/// Why a regular expression cannot be used in an ignore list; `None` when it can.
#[must_use]
pub fn pattern_trouble(pattern: &str) -> Option<String> {
    regex_lite::Regex::new(pattern)
        .err()
        .map(|error| error.to_string())
}

/// Whether a token of this number was there with another address or key: what stopped it may be over.
fn is_moved(before: &Settings, token: &Token) -> bool {
    let old = before.tokens.iter().find(|old| old.id == token.id);
    old.is_some_and(|old| {
        (&old.endpoint, &old.token, &old.secret) != (&token.endpoint, &token.token, &token.secret)
    })
}

/// Puts the host's truth into the settings; answers the tokens that cannot work.
fn apply(truth: &HostTruth, settings: &mut Settings) -> Vec<(u32, String)> {
    let mut refused = Vec::new();
    let old = std::mem::take(&mut settings.tokens);
    for host in &truth.tokens {
        let mut token = as_token(host, truth.google_endpoint.as_deref());
        if let Some(old) = old.iter().find(|old| old.id == host.id) {
            let endpoint = std::mem::replace(&mut token.endpoint, old.endpoint.clone());
            token.audience.clone_from(&old.audience);
            token.point_to(&endpoint);
        }
        match token.check() {
            Ok(()) => settings.tokens.push(token),
            Err(Error::Setting {
                field: "ignore_paths",
                reason,
            }) => {
                refused.push((
                    host.id,
                    format!("ignore_paths: {reason}; no page views are sent"),
                ));
                token.ignore_paths.clear();
                token.feeds.pages = false;
                settings.tokens.push(token);
            }
            Err(error) => refused.push((host.id, error.to_string())),
        }
    }
    settings.follow_host(truth.off);
    refused
}

fn as_token(host: &HostToken, google_endpoint: Option<&str>) -> Token {
    let given = host.endpoint.trim().trim_end_matches('/');
    let is_google = given.is_empty() || given.eq_ignore_ascii_case(GOOGLE);
    let endpoint = match host.kind {
        TokenKind::Ga4 | TokenKind::Universal if is_google => google_endpoint.unwrap_or(GOOGLE),
        TokenKind::Headcount | TokenKind::Ga4 | TokenKind::Universal => given,
    };
    let name = host.name.trim();
    Token {
        id: host.id,
        name: if name.is_empty() { &host.token } else { name }.to_owned(),
        kind: host.kind,
        endpoint: endpoint.to_owned(),
        token: host.token.trim().to_owned(),
        secret: Some(host.secret.trim().to_owned()).filter(|secret| !secret.is_empty()),
        feeds: host.feeds,
        ignore_paths: host.ignore_paths.clone(),
        raw_paths: false,
        raw_user_agents: false,
        audience: Token::audience_of(endpoint, &host.token),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(id: u32, kind: TokenKind) -> HostToken {
        HostToken {
            id,
            name: "Team".into(),
            kind,
            endpoint: String::new(),
            token: "T-1".into(),
            secret: "s".into(),
            feeds: Feeds::ALL,
            ignore_paths: Vec::new(),
        }
    }

    fn truth(tokens: Vec<HostToken>) -> HostTruth {
        HostTruth {
            identity: Some(Identity {
                install: Uuid::from_u128(7),
                secret: Some("ab".repeat(32)),
                known_as: None,
            }),
            tokens,
            ..HostTruth::default()
        }
    }

    #[test]
    fn nothing_is_written_while_nobody_is_to_be_told_anything() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::at(dir.path());
        let mut off = truth(vec![token(1, TokenKind::Ga4)]);
        off.tokens[0].feeds = Feeds::default();
        for truth in [truth(Vec::new()), off] {
            assert!(!state.mirror(&truth).unwrap().changed);
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn the_state_folder_follows_and_writes_only_what_differs() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::at(dir.path());
        let mut truth = truth(vec![token(2, TokenKind::Ga4)]);
        assert!(state.mirror(&truth).unwrap().changed);
        assert!(!state.mirror(&truth).unwrap().changed);
        let install = state.install().unwrap().unwrap();
        assert_eq!(install.install, Uuid::from_u128(7));
        assert_eq!(
            state.settings().unwrap().unwrap().tokens[0].endpoint,
            GOOGLE
        );
        truth.google_endpoint = Some("https://own.example".into());
        truth.off = true;
        assert!(state.mirror(&truth).unwrap().changed);
        let settings = state.settings().unwrap().unwrap();
        assert_eq!(settings.tokens[0].endpoint, "https://own.example");
        assert_eq!((settings.is_off(), settings.mask()), (true, 0));
        truth.off = false;
        state.mirror(&truth).unwrap();
        assert_eq!(state.settings().unwrap().unwrap().mask(), 7);
    }

    #[test]
    fn off_in_the_state_folder_stays_whatever_the_host_says() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::at(dir.path());
        let truth = truth(vec![token(1, TokenKind::Universal)]);
        state.mirror(&truth).unwrap();
        state
            .change(|settings| {
                settings.off = true;
                Ok(())
            })
            .unwrap();
        state.mirror(&truth).unwrap();
        assert!(state.settings().unwrap().unwrap().is_off());
    }

    #[test]
    fn a_token_that_cannot_work_is_named_and_harms_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let state = State::at(dir.path());
        let mut broken = token(2, TokenKind::Universal);
        broken.ignore_paths = vec!["(".into()];
        let tokens = vec![
            token(1, TokenKind::Headcount),
            broken,
            token(3, TokenKind::Ga4),
        ];
        let mirrored = state.mirror(&truth(tokens)).unwrap();
        let ids: Vec<u32> = mirrored.refused.iter().map(|(id, _)| *id).collect();
        assert_eq!(ids, [1, 2]);
        let tokens = state.settings().unwrap().unwrap().tokens;
        let feeds: Vec<_> = tokens.iter().map(|token| token.feeds.to_string()).collect();
        assert_eq!(feeds, ["stats,tasks", "stats,tasks,pages"]);
    }
}
