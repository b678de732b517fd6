//! The native batch: one JSON object per request, events rejected one by one. Holds the bounds.

use serde_json::error::Category;

use crate::event::Batch;
use crate::notes::{Note, RefusalCode};

mod decode;
mod encode;
mod fields;

pub use decode::{decode, decode_record};
pub(crate) use encode::Number;
pub use encode::encode;
pub use fields::{BATCH_FIELDS, EVENT_FIELDS};

/// Most events in one batch; a longer one is refused whole.
pub const MAX_EVENTS: usize = 1000;
/// Most installed apps in one `stats` event.
pub const MAX_APPS: usize = 1000;
/// Most facts in `runtime`, `deployment` not counted; further ones are dropped with a note.
pub const MAX_FACTS: usize = 32;
/// Most reasons in `lost`; further ones are dropped with a note.
pub const MAX_LOST_REASONS: usize = 32;
/// Longest program name, program version, app version, fact name or value, loss reason, in bytes.
pub const MAX_WORD_BYTES: usize = 100;
/// Longest namespace and app name, in bytes.
pub const MAX_NAMESPACE_BYTES: usize = 150;
/// Longest task, result and label, in bytes.
pub const MAX_TEXT_BYTES: usize = 500;
/// Longest path, in bytes.
pub const MAX_PATH_BYTES: usize = 2048;
/// Longest title, in bytes.
pub const MAX_TITLE_BYTES: usize = 1500;
/// Longest user agent, in bytes.
pub const MAX_USER_AGENT_BYTES: usize = 512;
/// Most runs one `task` event may stand for.
pub const MAX_COUNT: u32 = 1_000_000;

/// A batch as far as it is valid.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// The batch with the valid events only, in the order sent.
    pub batch: Batch,
    /// What [`Batch::events`] lacks, in the order sent.
    pub rejected: Vec<Rejected>,
    /// What was dropped from the batch's own fields, and unknown fields.
    pub notes: Vec<Note>,
}

/// One event that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// Position in the `events` of the request, from 0.
    pub index: usize,
    /// Name of the field to blame, for example `value` or `apps[3].name`; may be empty.
    pub field: String,
    /// Stable code.
    pub code: RefusalCode,
    /// One sentence for people, without a full stop.
    pub message: String,
}

/// Why a whole batch cannot be read. The answer to all of them is 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NativeError {
    /// Not JSON, cut short, or a number out of range.
    #[error("the body is not valid JSON: {0}")]
    NotJson(String),
    /// JSON, but not an object.
    #[error("the body must be a JSON object")]
    NotObject,
    /// A field without which no event can be counted is absent.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A field without which no event can be counted has no valid form.
    #[error("{field} {message}")]
    BadValue {
        /// Name of the field.
        field: &'static str,
        /// What it should be.
        message: &'static str,
    },
    /// More than [`MAX_EVENTS`].
    #[error("{0} events, but a batch holds at most {MAX_EVENTS}")]
    TooManyEvents(usize),
}

impl NativeError {
    /// The stable `snake_case` code.
    #[must_use]
    pub fn code(&self) -> RefusalCode {
        match self {
            Self::NotJson(_) | Self::NotObject => RefusalCode::Unreadable,
            Self::Missing(_) => RefusalCode::Missing,
            Self::BadValue { .. } => RefusalCode::BadValue,
            Self::TooManyEvents(_) => RefusalCode::TooMany,
        }
    }

    /// Name of the field to blame, empty when it is the body itself.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Self::NotJson(_) | Self::NotObject => "",
            Self::Missing(field) | Self::BadValue { field, .. } => field,
            Self::TooManyEvents(_) => "events",
        }
    }

    fn of_json(error: &serde_json::Error) -> Self {
        match error.classify() {
            Category::Data => Self::NotObject,
            Category::Io | Category::Syntax | Category::Eof => Self::NotJson(error.to_string()),
        }
    }
}
