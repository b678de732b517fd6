//! Installs that are forgotten: what is noted of them, and how their raw events go.

use rusqlite::{OptionalExtension as _, Transaction, TransactionBehavior, params};

use super::{Day, ProjectNumber, Store};
use crate::error::Error;

/// Hash of project and name.
pub(super) type NameHash = [u8; 16];

/// Rows removed in one transaction: a few milliseconds.
const STEP_ROWS: usize = 1_000;

/// Names never hold control characters, so no install can take such a name.
pub(super) const NAME_OF_FORGOTTEN: char = '\u{1}';

const COLUMNS: &str =
    "id, project, name, install, first_day, receipt, asked_by, asked_ms, events, done_ms";

/// What an install stays known by once it is forgotten.
pub(super) fn hash_of(project: ProjectNumber, name: &str) -> NameHash {
    let mut hasher = blake3::Hasher::new_derive_key("headcount forgotten install 1");
    hasher.update(&project.0.to_le_bytes());
    hasher.update(name.as_bytes());
    let mut hash = NameHash::default();
    hasher.finalize_xof().fill(&mut hash);
    hash
}

/// The wish that an install be forgotten.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    pub project: ProjectNumber,
    /// The name the install goes by here.
    pub install: &'a str,
    /// Number of the receipt, if it is the first time that this is asked.
    pub receipt: &'a str,
    /// Who asks, as the audit log will name them.
    pub by: &'a str,
    pub now_ms: i64,
}

/// An install that is forgotten, or is being so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forget {
    pub id: i64,
    pub project: ProjectNumber,
    /// Until it is done.
    name: Option<String>,
    /// Its number; `None` for one of which no event was ever accepted.
    pub install: Option<u32>,
    first_day: Day,
    pub receipt: String,
    pub asked_by: String,
    pub asked_ms: i64,
    /// Raw events that were erased so far.
    pub events: u64,
    /// Unix milliseconds; `None` while it is under way.
    pub done_ms: Option<i64>,
}

impl Store {
    /// Notes that an install is to be forgotten: from now on nothing of it is accepted, and nobody
    /// finds it by its name. Asking again gives what was noted the first time.
    ///
    /// # Errors
    /// The store cannot be written; then nothing is noted.
    pub fn ask_to_forget(&self, asking: &Asking<'_>) -> Result<Forget, Error> {
        let noting = "noting whom to forget";
        self.edit(|connection| {
            let transaction = connection
                .transaction_with_behavior(TransactionBehavior::Immediate)
                .map_err(Error::at(noting))?;
            let found = note(&transaction, asking).map_err(Error::at(noting))?;
            transaction.commit().map_err(Error::at(noting))?;
            Ok(found)
        })
    }

    /// What was noted of an install by its name, if anything.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn forget_of(
        &self,
        project: ProjectNumber,
        install: &str,
    ) -> Result<Option<Forget>, Error> {
        self.read(|connection| {
            let sql = format!("SELECT {COLUMNS} FROM forgets WHERE project = ?1 AND hash = ?2");
            connection
                .prepare_cached(&sql)
                .and_then(|mut statement| {
                    statement
                        .query_row(params![project.0, hash_of(project, install)], decode)
                        .optional()
                })
                .map_err(Error::at("looking for who is forgotten"))
        })
    }

    /// What was asked and is not done, in order.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn open_forgets(&self) -> Result<Vec<Forget>, Error> {
        self.read(|connection| {
            let sql = format!("SELECT {COLUMNS} FROM forgets WHERE done_ms IS NULL ORDER BY id");
            connection
                .prepare_cached(&sql)
                .and_then(|mut statement| statement.query_map([], decode)?.collect())
                .map_err(Error::at("listing whom to forget"))
        })
    }

    /// What was noted under an id.
    ///
    /// # Errors
    /// The store cannot be read, or there is no such note.
    pub fn forget(&self, id: i64) -> Result<Forget, Error> {
        self.read(|connection| {
            let sql = format!("SELECT {COLUMNS} FROM forgets WHERE id = ?1");
            connection
                .prepare_cached(&sql)
                .and_then(|mut statement| statement.query_row([id], decode))
                .map_err(Error::at("reading whom to forget"))
        })
    }

    /// Removes the raw events of an install and what is shown of its hits. May be done again after a
    /// failure; counts each event once.
    ///
    /// # Errors
    /// The store cannot be read or written; what was removed so far stays removed.
    pub fn erase_events(&self, forget: &Forget) -> Result<(), Error> {
        if let Some(install) = forget.install {
            // Each day is searched whole: an index by install would cost every event that comes.
            for day in self.all_days(forget.project)? {
                if day >= forget.first_day {
                    self.erase_day(forget, install, day)?;
                }
            }
            self.inner.recent.forget(forget.project, install);
        }
        let Some(name) = &forget.name else {
            return Ok(());
        };
        const SQL: &str = "
            DELETE FROM flagged
            WHERE project IN (0, ?1)
            AND (install = ?2 OR INSTR(payload, ?2))";
        self.edit(|connection| {
            secure(connection, true)?;
            connection
                .execute(SQL, params![forget.project.0, name])
                .map(drop)
                .map_err(Error::at("erasing refused hits"))
        })
    }

    fn erase_day(&self, forget: &Forget, install: u32, day: Day) -> Result<(), Error> {
        const FIND: &str = "
            SELECT seq FROM events
            WHERE project = ?1 AND day = ?2 AND install = ?3";
        const REMOVE: &str = "DELETE FROM events WHERE project = ?1 AND day = ?2 AND seq = ?3";
        const COUNT: &str = "UPDATE forgets SET events = events + ?2 WHERE id = ?1";
        let project = forget.project.0;
        let rows = self.numbers::<i64>(
            FIND,
            params![project, day.0, install],
            "finding events of an install",
        )?;
        for step in rows.chunks(STEP_ROWS) {
            self.edit(|connection| {
                secure(connection, true)?;
                let erase = |connection: &mut rusqlite::Connection| {
                    let transaction =
                        connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                    let mut removed = 0;
                    for seq in step {
                        removed += transaction
                            .prepare_cached(REMOVE)?
                            .execute(params![project, day.0, seq])?;
                    }
                    transaction.execute(COUNT, params![forget.id, removed as i64])?;
                    transaction.commit()
                };
                let erased = erase(connection).map_err(Error::at("erasing events"));
                secure(connection, false)?;
                erased
            })?;
        }
        Ok(())
    }

    /// Notes that all is erased, and drops the name.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn finish_forget(&self, id: i64, now_ms: i64) -> Result<(), Error> {
        const SQL: &str = "
            UPDATE forgets
            SET name = NULL, done_ms = ?2
            WHERE id = ?1 AND done_ms IS NULL";
        self.edit(|connection| {
            secure(connection, true)?;
            let done = connection.execute(SQL, params![id, now_ms]);
            secure(connection, false)?;
            done.map(drop).map_err(Error::at("noting who is forgotten"))
        })
    }
}

/// Whether what is deleted is also overwritten in the file.
fn secure(connection: &rusqlite::Connection, on: bool) -> Result<(), Error> {
    connection
        .pragma_update(None, "secure_delete", on)
        .map_err(Error::at("setting up the removal"))
}

fn note(transaction: &Transaction<'_>, asking: &Asking<'_>) -> rusqlite::Result<Forget> {
    let project = asking.project.0;
    let hash = hash_of(asking.project, asking.install);
    let sql = format!("SELECT {COLUMNS} FROM forgets WHERE project = ?1 AND hash = ?2");
    let known = transaction
        .query_row(&sql, params![project, hash], decode)
        .optional()?;
    if let Some(known) = known {
        return Ok(known);
    }
    let install: Option<(u32, i32)> = transaction
        .query_row(
            "SELECT number, first_day FROM installs WHERE project = ?1 AND name = ?2",
            params![project, asking.install],
            |found| Ok((found.get(0)?, found.get(1)?)),
        )
        .optional()?;
    if let Some((number, _)) = install {
        // The number stays taken: bitmaps name installs by it.
        transaction.execute(
            "UPDATE installs SET name = ?3, first_day = ?4 WHERE project = ?1 AND number = ?2",
            params![
                project,
                number,
                format!("{NAME_OF_FORGOTTEN}{number}"),
                Day::NEVER.0
            ],
        )?;
    }
    transaction.execute(
        "INSERT INTO forgets (project, hash, name, install, first_day, receipt, asked_by, asked_ms)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            project,
            hash,
            asking.install,
            install.map(|found| found.0),
            install.map_or(Day::NEVER.0, |found| found.1),
            asking.receipt,
            asking.by,
            asking.now_ms
        ],
    )?;
    transaction.query_row(&sql, params![project, hash], decode)
}

fn decode(row: &rusqlite::Row<'_>) -> rusqlite::Result<Forget> {
    Ok(Forget {
        id: row.get(0)?,
        project: ProjectNumber(row.get(1)?),
        name: row.get(2)?,
        install: row.get(3)?,
        first_day: Day(row.get(4)?),
        receipt: row.get(5)?,
        asked_by: row.get(6)?,
        asked_ms: row.get(7)?,
        events: row.get::<_, i64>(8)?.cast_unsigned(),
        done_ms: row.get(9)?,
    })
}
