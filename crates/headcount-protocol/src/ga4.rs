//! GA4 Measurement Protocol: types of a request and the key in its query string.

use crate::event::{Event, InstallId};
use crate::notes::{Note, Refusal};
use crate::text;

mod decode;
mod encode;
pub mod rules;
mod validate;

pub use decode::decode;
pub use encode::{EncodedRequest, encode, path};
pub use validate::{Message, debug, validate};

/// What the query string says about the project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Key {
    /// `measurement_id` of a web stream, not empty.
    pub measurement_id: Option<String>,
    /// `firebase_app_id` of an app stream, not empty.
    pub firebase_app_id: Option<String>,
    /// `api_secret`, not empty.
    pub api_secret: Option<String>,
}

impl Key {
    /// Reads a query string; of a parameter that comes twice the last one counts.
    #[must_use]
    pub fn parse(query: Option<&str>) -> Self {
        let mut key = Self::default();
        for pair in query.unwrap_or_default().split('&') {
            let Some((name, value)) = pair.split_once('=') else {
                continue;
            };
            let slot = match name {
                "measurement_id" => &mut key.measurement_id,
                "firebase_app_id" => &mut key.firebase_app_id,
                "api_secret" => &mut key.api_secret,
                _ => continue,
            };
            let value = text::form_decode(value.as_bytes());
            *slot = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
        }
        key
    }

    /// The stream's id: `measurement_id`, or `firebase_app_id` where that is absent.
    #[must_use]
    pub fn stream(&self) -> Option<&str> {
        self.measurement_id
            .as_deref()
            .or(self.firebase_app_id.as_deref())
    }
}

/// One request as decoded, countable or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// Who the project is.
    pub key: Key,
    /// `client_id`, or `app_instance_id` where that is absent.
    pub install: Option<InstallId>,
    /// User property `app_name`; `allianceauth` where that one's version is told.
    pub app: Option<String>,
    /// User property `allianceauth_version` or `app_version`.
    pub app_version: Option<String>,
    /// `device` or `user_agent` of the body: stands instead of the request's header.
    pub user_agent: Option<String>,
    /// One for each event, at least one.
    pub hits: Vec<Hit>,
    /// What was dropped from the request's own fields.
    pub notes: Vec<Note>,
}

/// One event as decoded, countable or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// A few words that say what came, for the live page.
    pub name: String,
    /// The event, or why it does not count.
    pub outcome: Result<Event, Refusal>,
    /// What was dropped from an event that counts.
    pub notes: Vec<Note>,
}
