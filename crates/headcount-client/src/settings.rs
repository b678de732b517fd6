//! What the operator decides: tokens (destinations), their feeds, and the big switch. A small JSON file.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// What can be switched on and off one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Feed {
    /// Daily statistics, and numbers that add-on apps report about themselves.
    Stats = 0,
    /// Background task events.
    Tasks = 1,
    /// Page views.
    Pages = 2,
}

impl Feed {
    /// All feeds.
    pub const ALL: [Self; 3] = [Self::Stats, Self::Tasks, Self::Pages];

    /// The name on the command line and in the settings file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stats => "stats",
            Self::Tasks => "tasks",
            Self::Pages => "pages",
        }
    }

    pub(crate) const fn bit(self) -> u64 {
        1 << self as u8
    }

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }
}

/// Which feeds a token wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feeds {
    /// Daily statistics.
    pub stats: bool,
    /// Task events.
    pub tasks: bool,
    /// Page views.
    pub pages: bool,
}

impl Feeds {
    /// Every feed on.
    pub const ALL: Self = Self {
        stats: true,
        tasks: true,
        pages: true,
    };

    /// Whether this feed is on.
    #[must_use]
    pub const fn has(self, feed: Feed) -> bool {
        match feed {
            Feed::Stats => self.stats,
            Feed::Tasks => self.tasks,
            Feed::Pages => self.pages,
        }
    }

    /// Reads `stats,tasks`; an empty text or `none` means no feed.
    ///
    /// # Errors
    /// Names the word that is no feed.
    pub fn parse(text: &str) -> Result<Self> {
        let mut feeds = Self::default();
        for word in text
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty())
        {
            match word {
                "stats" => feeds.stats = true,
                "tasks" => feeds.tasks = true,
                "pages" => feeds.pages = true,
                "none" => {}
                other => {
                    return Err(Error::Setting {
                        field: "feeds",
                        reason: format!("`{other}` is no feed; there are stats, tasks and pages"),
                    });
                }
            }
        }
        Ok(feeds)
    }

    pub(crate) fn mask(self) -> u64 {
        let wanted = Feed::ALL.into_iter().filter(|feed| self.has(*feed));
        wanted.fold(0, |mask, feed| mask | feed.bit())
    }
}

impl fmt::Display for Feeds {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let on: Vec<_> = Feed::ALL
            .into_iter()
            .filter(|feed| self.has(*feed))
            .map(Feed::name)
            .collect();
        out.write_str(if on.is_empty() { "none" } else { "" })?;
        out.write_str(&on.join(","))
    }
}

/// Which protocol a destination speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenKind {
    /// A Headcount collector, over the native batch protocol.
    #[serde(rename = "headcount")]
    Headcount,
    /// Google Analytics 4 (Measurement Protocol).
    #[serde(rename = "ga4")]
    Ga4,
    /// Universal Analytics (Measurement Protocol v1).
    #[serde(rename = "ga-u")]
    Universal,
}

impl TokenKind {
    /// The name on the command line and in the settings file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Headcount => "headcount",
            Self::Ga4 => "ga4",
            Self::Universal => "ga-u",
        }
    }

    /// Reads a name.
    ///
    /// # Errors
    /// When it is none of the three.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "headcount" => Ok(Self::Headcount),
            "ga4" => Ok(Self::Ga4),
            "ga-u" => Ok(Self::Universal),
            other => Err(Error::Setting {
                field: "type",
                reason: format!("`{other}` is no type; there are headcount, ga4 and ga-u"),
            }),
        }
    }
}

/// One destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Number within this install, from 1; never given twice.
    pub id: u32,
    /// Name for the operator.
    pub name: String,
    /// Protocol it speaks.
    #[serde(rename = "type")]
    pub kind: TokenKind,
    /// Base URL, for example `https://headcount.example.org`.
    pub endpoint: String,
    /// Ingest key, measurement id or tracking id.
    pub token: String,
    /// `api_secret` of GA4; the others need none.
    #[serde(default)]
    pub secret: Option<String>,
    /// Feeds that are sent there.
    pub feeds: Feeds,
    /// Regular expressions; a page whose path matches one is not sent there.
    #[serde(default)]
    pub ignore_paths: Vec<String>,
    /// Sends paths and titles as they are (still without the query string).
    #[serde(default)]
    pub raw_paths: bool,
    /// Sends user agents as they are.
    #[serde(default)]
    pub raw_user_agents: bool,
    /// What the pseudonym is derived from: endpoint and token as they were when it was pointed there.
    pub audience: String,
}

/// A token as JSON shows it: without the secret.
#[derive(Clone, Debug, Serialize)]
pub struct ReadableToken<'a> {
    /// Number.
    pub id: u32,
    /// Name for the operator.
    pub name: &'a str,
    /// Protocol it speaks.
    #[serde(rename = "type")]
    pub kind: TokenKind,
    /// Base URL.
    pub endpoint: &'a str,
    /// Ingest key, measurement id or tracking id.
    pub token: &'a str,
    /// Whether there is a secret.
    pub has_secret: bool,
    /// Feeds that are sent there.
    pub feeds: Feeds,
    /// Regular expressions of pages that are not sent there.
    pub ignore_paths: &'a [String],
    /// Whether paths and titles are sent as they are.
    pub raw_paths: bool,
    /// Whether user agents are sent as they are.
    pub raw_user_agents: bool,
}

/// What a new token needs.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// Name for the operator.
    pub name: String,
    /// Protocol it speaks.
    pub kind: TokenKind,
    /// Base URL.
    pub endpoint: String,
    /// Ingest key, measurement id or tracking id.
    pub token: String,
    /// `api_secret` of GA4.
    pub secret: Option<String>,
    /// Feeds that are on.
    pub feeds: Feeds,
}

impl Token {
    /// The token as JSON shows it.
    #[must_use]
    pub fn readable(&self) -> ReadableToken<'_> {
        ReadableToken {
            id: self.id,
            name: &self.name,
            kind: self.kind,
            endpoint: &self.endpoint,
            token: &self.token,
            has_secret: self.secret.is_some(),
            feeds: self.feeds,
            ignore_paths: &self.ignore_paths,
            raw_paths: self.raw_paths,
            raw_user_agents: self.raw_user_agents,
        }
    }

    /// Checks what can be checked without the network.
    ///
    /// # Errors
    /// Names the field that cannot work.
    pub fn check(&self) -> Result<()> {
        let fail = |field, reason: &str| {
            Err(Error::Setting {
                field,
                reason: reason.to_owned(),
            })
        };
        if self.name.trim().is_empty() {
            return fail("name", "is empty");
        }
        let rest = self
            .endpoint
            .strip_prefix("https://")
            .or_else(|| self.endpoint.strip_prefix("http://"));
        let host = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
        if host.is_none_or(str::is_empty) || self.endpoint.contains(char::is_whitespace) {
            return fail(
                "endpoint",
                "must be a URL that begins with https:// or http://",
            );
        }
        if self.token.trim().is_empty() || self.token.contains(char::is_control) {
            return fail("token", "is empty or has control characters");
        }
        if self.kind == TokenKind::Ga4 && self.secret.as_deref().is_none_or(str::is_empty) {
            return fail("secret", "type ga4 needs the API secret");
        }
        for pattern in &self.ignore_paths {
            if let Err(error) = regex_lite::Regex::new(pattern) {
                return fail("ignore_paths", &format!("`{pattern}`: {error}"));
            }
        }
        Ok(())
    }

    /// Points it elsewhere: what is sent there cannot be joined with what was sent before.
    pub fn point_to(&mut self, endpoint: &str) {
        let old = Self::audience_of(&self.endpoint, "");
        let new = Self::audience_of(endpoint, "");
        self.endpoint = endpoint.to_owned();
        if old != new {
            self.audience = Self::audience_of(endpoint, &self.token);
        }
    }

    pub(crate) fn audience_of(endpoint: &str, token: &str) -> String {
        format!(
            "{}\n{token}",
            endpoint.trim_end_matches('/').to_ascii_lowercase()
        )
    }
}

/// The operator's decisions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The big switch: nothing is recorded, kept or sent.
    #[serde(default)]
    pub off: bool,
    /// The same switch where the host keeps its own, for example in a table that several machines share.
    #[serde(default)]
    pub(crate) host_off: bool,
    /// The program that runs here, for example `allianceauth`.
    #[serde(default)]
    pub app: Option<String>,
    /// Its version.
    #[serde(default)]
    pub app_version: Option<String>,
    /// How the install is run, for example `docker`.
    #[serde(default)]
    pub deployment: Option<String>,
    /// Other facts, for example `python` to `3.11`.
    #[serde(default)]
    pub runtime: BTreeMap<String, String>,
    /// The destinations.
    #[serde(default)]
    pub tokens: Vec<Token>,
    /// The number the next token gets.
    #[serde(default)]
    pub(crate) next_token: u32,
}

impl Settings {
    /// The token with this number.
    ///
    /// # Errors
    /// When there is none.
    pub fn token(&self, id: u32) -> Result<&Token> {
        let found = self.tokens.iter().find(|token| token.id == id);
        found.ok_or(Error::NoToken(id))
    }

    /// The token with this number, to change it.
    ///
    /// # Errors
    /// When there is none.
    pub fn token_mut(&mut self, id: u32) -> Result<&mut Token> {
        let found = self.tokens.iter_mut().find(|token| token.id == id);
        found.ok_or(Error::NoToken(id))
    }

    /// Adds a destination and answers its number.
    ///
    /// # Errors
    /// Names the field that cannot work.
    pub fn add(&mut self, new: NewToken) -> Result<u32> {
        let id = self.next_token.max(1);
        let token = Token {
            id,
            audience: Token::audience_of(&new.endpoint, &new.token),
            name: new.name,
            kind: new.kind,
            endpoint: new.endpoint,
            token: new.token,
            secret: new.secret,
            feeds: new.feeds,
            ignore_paths: Vec::new(),
            raw_paths: false,
            raw_user_agents: false,
        };
        token.check()?;
        self.next_token = id + 1;
        self.tokens.push(token);
        Ok(id)
    }

    /// Takes a destination out.
    ///
    /// # Errors
    /// When there is none with this number.
    pub fn remove(&mut self, id: u32) -> Result<Token> {
        let at = self.tokens.iter().position(|token| token.id == id);
        at.map(|at| self.tokens.remove(at))
            .ok_or(Error::NoToken(id))
    }

    /// Whether everything is off, here or where the host keeps its own switch.
    #[must_use]
    pub const fn is_off(&self) -> bool {
        self.off || self.host_off
    }

    /// Takes over the host's switch; numbers of its tokens are not given to others.
    pub(crate) fn follow_host(&mut self, off: bool) {
        self.host_off = off;
        let highest = self.tokens.iter().map(|token| token.id).max();
        self.next_token = self
            .next_token
            .max(highest.map_or(1, |id| id.saturating_add(1)));
    }

    /// Feeds that at least one destination wants; 0 when off.
    pub(crate) fn mask(&self) -> u64 {
        if self.is_off() {
            return 0;
        }
        self.tokens
            .iter()
            .fold(0, |mask, token| mask | token.feeds.mask())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> NewToken {
        NewToken {
            name: "Team".into(),
            kind: TokenKind::Headcount,
            endpoint: "https://headcount.example.org/".into(),
            token: "hc_1".into(),
            secret: None,
            feeds: Feeds::ALL,
        }
    }

    #[test]
    fn numbers_are_never_given_twice() {
        let mut settings = Settings::default();
        assert_eq!(settings.add(token()).unwrap(), 1);
        settings.remove(1).unwrap();
        assert_eq!(settings.add(token()).unwrap(), 2);
        assert!(matches!(settings.token(1), Err(Error::NoToken(1))));
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        for (change, field) in [
            (
                (|new| new.endpoint = "headcount.example".into()) as fn(&mut NewToken),
                "endpoint",
            ),
            (|new| new.endpoint = "https:///x".into(), "endpoint"),
            (|new| new.token = " ".into(), "token"),
            (|new| new.name = String::new(), "name"),
            (|new| new.kind = TokenKind::Ga4, "secret"),
        ] {
            let mut new = token();
            change(&mut new);
            let error = Settings::default().add(new).unwrap_err();
            assert!(error.to_string().starts_with(field), "{error}");
        }
    }

    #[test]
    fn feeds_read_and_write() {
        for (text, shown) in [
            ("stats, tasks", "stats,tasks"),
            ("", "none"),
            ("none", "none"),
        ] {
            assert_eq!(Feeds::parse(text).unwrap().to_string(), shown);
        }
        assert!(Feeds::parse("stats,clicks").is_err());
    }

    #[test]
    fn off_wants_nothing() {
        let mut settings = Settings::default();
        settings.add(token()).unwrap();
        assert_eq!(settings.mask(), 7);
        settings.off = true;
        assert_eq!(settings.mask(), 0);
    }
}
