//! Why something was refused, and what was dropped from a hit that still counts. Holds no logic.

use std::borrow::Cow;
use std::fmt;

/// Why a whole hit or item does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RefusalCode {
    /// The body is not what the wire prescribes (JSON, an object, one payload a line).
    Unreadable,
    /// Larger than the wire allows.
    TooLarge,
    /// Beyond the number of hits or events one request may hold.
    TooMany,
    /// Something without which the hit cannot be counted is absent or empty.
    Missing,
    /// Something without which the hit cannot be counted has no valid form.
    BadValue,
    /// A text that must be kept whole is longer than its bound.
    TooLong,
    /// The kind of hit or event is not known.
    UnknownKind,
    /// The event's name is not allowed.
    BadName,
    /// Too far in the past.
    TooOld,
    /// No project goes by the key given. Decided by the receiver, never by a decoder.
    UnknownProject,
    /// The secret does not belong to the key. Decided by the receiver, never by a decoder.
    WrongSecret,
}

impl RefusalCode {
    /// The stable `snake_case` code.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::TooLarge => "too_large",
            Self::TooMany => "too_many",
            Self::Missing => "missing",
            Self::BadValue => "bad_value",
            Self::TooLong => "too_long",
            Self::UnknownKind => "unknown_kind",
            Self::BadName => "bad_name",
            Self::TooOld => "too_old",
            Self::UnknownProject => "unknown_project",
            Self::WrongSecret => "wrong_secret",
        }
    }
}

/// A hit or item that does not count, with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Stable code.
    pub code: RefusalCode,
    /// Name of the field on the wire, empty when no single one is to blame.
    pub field: Cow<'static, str>,
    /// One sentence for people, without a full stop.
    pub message: String,
}

impl Refusal {
    /// A refusal of `field` with a sentence for people.
    #[must_use]
    pub fn new(
        code: RefusalCode,
        field: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            field: field.into(),
            message: message.into(),
        }
    }

    pub(crate) fn missing(field: &'static str) -> Self {
        Self::new(RefusalCode::Missing, field, format!("{field} is missing"))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)
    }
}

/// What happened to a part of a hit that still counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NoteCode {
    /// The value has no valid form and was dropped.
    BadValue,
    /// The number is outside what the wire allows and was dropped.
    OutOfBounds,
    /// The text was longer than the wire allows and was cut.
    Cut,
    /// The text or name was longer than the wire allows and the parameter was dropped.
    TooLong,
    /// Beyond the number of parameters or properties allowed, and dropped.
    TooMany,
    /// Something the wire asks for is absent; the hit counts without it.
    Missing,
    /// The value was read as another type than the one sent.
    Converted,
    /// The name is reserved or against the rules; it was taken as it is.
    BadName,
    /// The same name came more than once; the last one counts.
    Duplicate,
    /// The parameter does not belong to this kind of hit and was not used.
    NotForKind,
    /// A part of the payload is no `name=value` pair and was not used.
    BrokenPair,
    /// The moment was too far in the past and was moved to the oldest one allowed.
    Moved,
    /// The field is not known and was not used.
    UnknownField,
}

impl NoteCode {
    /// The stable `snake_case` code.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadValue => "bad_value",
            Self::OutOfBounds => "out_of_bounds",
            Self::Cut => "cut",
            Self::TooLong => "too_long",
            Self::TooMany => "too_many",
            Self::Missing => "missing",
            Self::Converted => "converted",
            Self::BadName => "bad_name",
            Self::Duplicate => "duplicate",
            Self::NotForKind => "not_for_kind",
            Self::BrokenPair => "broken_pair",
            Self::Moved => "moved",
            Self::UnknownField => "unknown_field",
        }
    }
}

/// A remark on a hit that counts: what was dropped or changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Stable code.
    pub code: NoteCode,
    /// Name of the field on the wire, empty when no single one is meant.
    pub field: Cow<'static, str>,
    /// One sentence for people, without a full stop.
    pub message: Cow<'static, str>,
}

/// Most notes kept of one hit: the rest would only repeat them.
pub const MAX_NOTES: usize = 32;
/// Longest field name kept in a note, in bytes.
const MAX_FIELD_BYTES: usize = 64;

/// The notes of one hit while it is decoded, bounded by [`MAX_NOTES`].
#[derive(Debug, Default)]
pub(crate) struct Notes(pub(crate) Vec<Note>);

impl Notes {
    pub(crate) fn add(
        &mut self,
        code: NoteCode,
        field: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) {
        if self.0.len() < MAX_NOTES {
            self.0.push(Note {
                code,
                field: field.into(),
                message: message.into(),
            });
        }
    }

    /// For field names that came from the sender: kept only up to a bound.
    pub(crate) fn add_named(&mut self, code: NoteCode, field: &str, message: &'static str) {
        if self.0.len() < MAX_NOTES {
            let field = crate::text::cut(field, MAX_FIELD_BYTES).to_owned();
            self.add(code, field, message);
        }
    }
}
