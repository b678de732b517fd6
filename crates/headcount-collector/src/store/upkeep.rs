//! Removes what is past its time, in transactions short enough that no hit waits for long.

use std::sync::PoisonError;

use rusqlite::{Connection, TransactionBehavior, params};
use rustc_hash::FxHashMap;

use super::flagged::FLAGGED_MS;
use super::{Day, ProjectNumber, Store};
use crate::error::Error;

/// Rows removed in one transaction: a few milliseconds.
const STEP_ROWS: i64 = 1_000;

/// The first day of each project whose raw rows are kept, where any were removed.
pub(super) fn horizons(connection: &Connection) -> Result<FxHashMap<ProjectNumber, Day>, Error> {
    connection
        .prepare("SELECT project, day FROM horizons")
        .and_then(|mut statement| {
            statement
                .query_map([], |row| Ok((ProjectNumber(row.get(0)?), Day(row.get(1)?))))?
                .collect()
        })
        .map_err(Error::at("reading horizons"))
}

impl Store {
    /// Gives up the raw rows of days before `day`: they are read no more and rows for those days are
    /// refused, also where a kill leaves some of them behind. `false`, and nothing done, while the
    /// index of one of those days is behind: it could not be derived any more. Going back changes
    /// nothing.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn give_up_before(&self, project: ProjectNumber, day: Day) -> Result<bool, Error> {
        const BEHIND: &str =
            "SELECT EXISTS (SELECT 1 FROM dirty_days WHERE project = ?1 AND day < ?2)";
        const GIVE_UP: &str = "
            INSERT INTO horizons (project, day) VALUES (?1, ?2)
            ON CONFLICT (project) DO UPDATE SET day = excluded.day";
        if self.horizon(project).is_some_and(|known| known >= day) {
            return Ok(true);
        }
        let given_up = self.edit(|connection| {
            let give_up = |connection: &mut Connection| {
                let transaction =
                    connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
                let behind: bool =
                    transaction.query_row(BEHIND, params![project.0, day.0], |row| row.get(0))?;
                if !behind {
                    transaction.execute(GIVE_UP, params![project.0, day.0])?;
                    transaction.commit()?;
                }
                Ok(!behind)
            };
            give_up(connection).map_err(Error::at("giving up old events"))
        })?;
        if given_up {
            let horizons = &self.inner.horizons;
            let mut horizons = horizons.write().unwrap_or_else(PoisonError::into_inner);
            horizons.insert(project, day);
        }
        Ok(given_up)
    }

    /// Removes the raw rows of a project that were given up. What the index knows of their days
    /// stays. Returns their number.
    ///
    /// # Errors
    /// The store cannot be written; what was removed so far stays removed.
    pub fn remove_given_up(&self, project: ProjectNumber) -> Result<u64, Error> {
        let Some(horizon) = self.horizon(project) else {
            return Ok(0);
        };
        let mut removed = 0;
        let days = self.all_days(project)?;
        for old in days.into_iter().take_while(|found| *found < horizon) {
            removed += self.remove_day(project, old)?;
        }
        Ok(removed)
    }

    /// Whether a project has raw rows of days before `day`.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn reaches_before(&self, project: ProjectNumber, day: Day) -> Result<bool, Error> {
        let oldest = self.all_days(project)?.first().copied();
        Ok(oldest.is_some_and(|oldest| oldest < day))
    }

    fn remove_day(&self, project: ProjectNumber, day: Day) -> Result<u64, Error> {
        const SQL: &str = "
            DELETE FROM events WHERE project = ?1 AND day = ?2 AND seq IN (
                SELECT seq FROM events WHERE project = ?1 AND day = ?2 ORDER BY seq LIMIT ?3)";
        let mut removed = 0;
        loop {
            let step = self.edit(|connection| {
                connection
                    .prepare_cached(SQL)
                    .and_then(|mut statement| {
                        statement.execute(params![project.0, day.0, STEP_ROWS])
                    })
                    .map_err(Error::at("removing old events"))
            })?;
            if step == 0 {
                return Ok(removed);
            }
            removed += step as u64;
        }
    }

    /// Removes refused and noted hits of more than 24 hours ago.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn forget_flagged(&self, now_ms: i64) -> Result<(), Error> {
        self.edit(|connection| {
            connection
                .prepare_cached("DELETE FROM flagged WHERE received_ms < ?1")
                .and_then(|mut statement| statement.execute([now_ms - FLAGGED_MS]))
                .map(drop)
                .map_err(Error::at("removing old refused hits"))
        })
    }
}
