//! Removes what is past its time, in transactions short enough that no hit waits for long.

use rusqlite::params;

use super::flagged::FLAGGED_MS;
use super::{Day, ProjectNumber, Store};
use crate::error::Error;

/// Rows removed in one transaction: a few milliseconds.
const STEP_ROWS: i64 = 1_000;

impl Store {
    /// Removes the raw rows of days before `day`. What the index knows of them stays. Returns their
    /// number.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn remove_before(&self, day: Day) -> Result<u64, Error> {
        let mut removed = 0;
        for project in self.projects_with_rows()? {
            let days = self.days(project)?;
            for old in days.into_iter().take_while(|found| *found < day) {
                removed += self.remove_day(project, old)?;
            }
        }
        Ok(removed)
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
