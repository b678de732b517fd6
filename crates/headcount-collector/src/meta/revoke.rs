//! Taking back what opens something for whoever has it: keys, report tokens, share links. The row stays.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};

use super::audit::{Actor, Entry};
use super::keys::{KeyKind, named};
use super::{Meta, MetaError};
use crate::store::ProjectNumber;

/// What can be taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Revocable {
    Key,
    ReportToken,
    ShareLink,
}

impl Revocable {
    fn table(self) -> &'static str {
        match self {
            Self::Key => "keys",
            Self::ReportToken => "report_tokens",
            Self::ShareLink => "share_links",
        }
    }

    /// What names it in the audit log, by what `name` reads.
    fn columns(self) -> &'static str {
        match self {
            Self::Key => "kind, key",
            Self::ReportToken | Self::ShareLink => "name",
        }
    }

    fn name(self, row: &Row<'_>) -> rusqlite::Result<String> {
        match self {
            Self::Key => {
                let (word, key): (String, String) = (row.get(0)?, row.get(1)?);
                let kind = KeyKind::of_word(&word).unwrap_or(KeyKind::IngestKey);
                Ok(named(kind, &key))
            }
            Self::ReportToken | Self::ShareLink => row.get(0),
        }
    }

    fn action(self) -> &'static str {
        match self {
            Self::Key => "key.revoke",
            Self::ReportToken => "token.revoke",
            Self::ShareLink => "share.revoke",
        }
    }

    pub(super) fn unknown(self, id: i64) -> MetaError {
        MetaError::Unknown {
            what: match self {
                Self::Key => "key",
                Self::ReportToken => "token",
                Self::ShareLink => "share link",
            },
            value: id.to_string(),
        }
    }
}

impl Meta {
    /// Takes one of a project back, for good.
    ///
    /// # Errors
    /// `Unknown` for one that is not the project's, or is taken back already.
    pub(super) fn revoke(
        &self,
        what: Revocable,
        (project, id): (ProjectNumber, i64),
        (actor, now): (&Actor, Timestamp),
    ) -> Result<(), MetaError> {
        let (table, columns) = (what.table(), what.columns());
        self.write(|tx| {
            let name: Option<String> = tx
                .query_row(
                    &format!(
                        "UPDATE {table}
                         SET revoked_ms = ?1
                         WHERE id = ?2
                         AND project = ?3
                         AND revoked_ms IS NULL
                         RETURNING {columns}"
                    ),
                    params![now.as_millisecond(), id, project.0],
                    |row| what.name(row),
                )
                .optional()?;
            let name = name.ok_or_else(|| what.unknown(id))?;
            Entry::new(actor, what.action(), &name)
                .of(project)
                .write(tx, now)
        })
    }
}
