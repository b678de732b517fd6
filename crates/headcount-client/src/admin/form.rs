//! Reads the fields of a form, and a token out of them.

use crate::encode;
use crate::error::Result;
use crate::settings::{Feeds, NewToken, Token, TokenKind};

/// The fields of a form, in the order in which they were sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(super) fn read(bytes: &[u8]) -> Self {
        let pairs = bytes
            .split(|byte| *byte == b'&')
            .filter(|pair| !pair.is_empty());
        let pairs = pairs.map(|pair| {
            let at = pair.iter().position(|byte| *byte == b'=');
            let (name, value) = match at {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &b""[..]),
            };
            (plain(name), plain(value))
        });
        Self(pairs.collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The field without the space around it; empty when it is missing.
    pub(super) fn text(&self, name: &str) -> String {
        self.get(name).unwrap_or_default().trim().to_owned()
    }

    /// Whether a checkbox is on: browsers leave out those that are off.
    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Every value of a repeated field.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let found = self.0.iter().filter(move |(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// One field of a form.
pub(super) fn field(bytes: &[u8], name: &str) -> Option<String> {
    Fields::read(bytes).get(name).map(str::to_owned)
}

/// Undoes the encoding of forms; what is no UTF-8 is replaced.
fn plain(encoded: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut at = 0;
    while let Some(byte) = encoded.get(at) {
        let escaped = (*byte == b'%')
            .then(|| encoded.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                at += 3;
            }
            None => {
                bytes.push(if *byte == b'+' { b' ' } else { *byte });
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// What the form of a token says.
#[derive(Clone, Debug)]
pub(super) struct TokenForm {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) endpoint: String,
    pub(super) token: String,
    /// Empty keeps the one that is set: it is never shown, so it cannot come back.
    pub(super) secret: String,
    pub(super) has_secret: bool,
    pub(super) feeds: Feeds,
    pub(super) ignore_paths: String,
    pub(super) raw_paths: bool,
    pub(super) raw_user_agents: bool,
}

impl TokenForm {
    pub(super) fn blank() -> Self {
        Self {
            name: String::new(),
            kind: TokenKind::Headcount.name().to_owned(),
            endpoint: String::new(),
            token: String::new(),
            secret: String::new(),
            has_secret: false,
            feeds: Feeds::ALL,
            ignore_paths: String::new(),
            raw_paths: false,
            raw_user_agents: false,
        }
    }

    pub(super) fn of(token: &Token) -> Self {
        Self {
            name: token.name.clone(),
            kind: token.kind.name().to_owned(),
            endpoint: token.endpoint.clone(),
            token: token.token.clone(),
            secret: String::new(),
            has_secret: token.secret.is_some(),
            feeds: token.feeds,
            ignore_paths: token.ignore_paths.join("\n"),
            raw_paths: token.raw_paths,
            raw_user_agents: token.raw_user_agents,
        }
    }

    pub(super) fn read(fields: &Fields) -> Self {
        Self {
            name: fields.text("name"),
            kind: fields.text("type"),
            endpoint: fields.text("endpoint"),
            token: fields.text("token"),
            secret: fields.text("secret"),
            has_secret: false,
            feeds: Feeds {
                stats: fields.has("send_stats"),
                tasks: fields.has("send_tasks"),
                pages: fields.has("send_page_views"),
            },
            ignore_paths: fields.text("ignore_paths"),
            raw_paths: fields.has("raw_paths"),
            raw_user_agents: fields.has("raw_user_agents"),
        }
    }

    pub(super) fn to_new(&self) -> Result<NewToken> {
        Ok(NewToken {
            name: self.name.clone(),
            kind: TokenKind::parse(&self.kind)?,
            endpoint: self.endpoint.clone(),
            token: self.token.clone(),
            secret: Some(self.secret.clone()).filter(|secret| !secret.is_empty()),
            feeds: self.feeds,
        })
    }

    /// Changes a token to what the form says; its type stays.
    pub(super) fn apply(&self, token: &mut Token) -> Result<()> {
        if encode::address(&self.endpoint, "") != encode::address(&token.endpoint, "") {
            token.point_to(&self.endpoint);
        }
        token.name.clone_from(&self.name);
        token.token.clone_from(&self.token);
        if !self.secret.is_empty() {
            token.secret = Some(self.secret.clone());
        }
        token.feeds = self.feeds;
        token.ignore_paths = self
            .ignore_paths
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(str::to_owned)
            .collect();
        token.raw_paths = self.raw_paths;
        token.raw_user_agents = self.raw_user_agents;
        token.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded_and_never_panic() {
        let fields =
            Fields::read(b"name=A%26B+c&csrf=1&send_stats=on&id=1&id=2&bare&bad=%zz%4&=x&&");
        for (name, value) in [
            ("name", Some("A&B c")),
            ("bare", Some("")),
            ("bad", Some("%zz%4")),
            ("missing", None),
        ] {
            assert_eq!(fields.get(name), value, "{name}");
        }
        assert!(fields.has("send_stats") && !fields.has("send_tasks"));
        assert_eq!(fields.all("id").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!(Fields::read(b"t=%C3%A4%FF").get("t"), Some("ä\u{fffd}"));
    }

    #[test]
    fn an_empty_secret_keeps_the_one_that_is_set() {
        let mut form = TokenForm::blank();
        form.name = "G".into();
        form.kind = "ga4".into();
        form.endpoint = "https://a.example".into();
        form.token = "G-1".into();
        form.secret = "s".into();
        let mut settings = crate::settings::Settings::default();
        let id = settings.add(form.to_new().unwrap()).unwrap();
        let token = settings.token_mut(id).unwrap();
        let audience = token.audience.clone();
        form.secret = String::new();
        form.endpoint = "https://a.example/".into();
        form.apply(token).unwrap();
        assert_eq!(token.secret.as_deref(), Some("s"));
        assert_eq!(
            token.audience, audience,
            "a slash at the end is the same place"
        );
        form.endpoint = "https://b.example/".into();
        form.apply(token).unwrap();
        assert_ne!(token.audience, audience);
        form.ignore_paths = "(".into();
        assert!(
            form.apply(token)
                .unwrap_err()
                .to_string()
                .starts_with("ignore_paths")
        );
    }
}
