//! Reads of raw rows, days and installs.

use std::sync::PoisonError;

use rusqlite::{OptionalExtension as _, params};

use super::forget::NAME_OF_FORGOTTEN;
use super::{Day, DirtyDay, ProjectNumber, Row, Store, row};
use crate::error::Error;

impl Store {
    /// Calls `visit` with every raw row of a day, in order of `seq`.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn rows_of_day(
        &self,
        project: ProjectNumber,
        day: Day,
        visit: &mut dyn FnMut(&Row),
    ) -> Result<(), Error> {
        let reading = "reading the events of a day";
        self.read(|connection| {
            let sql = format!(
                "SELECT {} FROM events WHERE project = ?1 AND day = ?2 ORDER BY seq",
                row::COLUMNS
            );
            let mut statement = connection
                .prepare_cached(&sql)
                .map_err(Error::at(reading))?;
            let mut rows = statement
                .query(params![project.0, day.0])
                .map_err(Error::at(reading))?;
            while let Some(found) = rows.next().map_err(Error::at(reading))? {
                visit(&row::decode(found)?);
            }
            Ok(())
        })
    }

    /// At most `limit` raw rows of a day that came after `seq`, in order.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn rows_after(
        &self,
        project: ProjectNumber,
        day: Day,
        seq: i64,
        limit: usize,
    ) -> Result<Vec<Row>, Error> {
        let reading = "reading events of a day";
        self.read(|connection| {
            let sql = format!(
                "SELECT {} FROM events
                WHERE project = ?1 AND day = ?2 AND seq > ?3 ORDER BY seq LIMIT ?4",
                row::COLUMNS
            );
            let mut statement = connection
                .prepare_cached(&sql)
                .map_err(Error::at(reading))?;
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut rows = statement
                .query(params![project.0, day.0, seq, limit])
                .map_err(Error::at(reading))?;
            let mut found = Vec::new();
            while let Some(next) = rows.next().map_err(Error::at(reading))? {
                found.push(row::decode(next)?);
            }
            Ok(found)
        })
    }

    /// The name of the install that has a row without an event id at that place and moment.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn has_row_without_id(
        &self,
        project: ProjectNumber,
        (day, seq): (Day, i64),
        at_ms: i64,
    ) -> Result<Option<String>, Error> {
        const SQL: &str = "
            SELECT install FROM events
            WHERE project = ?1 AND day = ?2 AND seq = ?3 AND at_ms = ?4 AND event_id IS NULL";
        let parameters = params![project.0, day.0, seq, at_ms];
        let found = self.numbers::<u32>(SQL, parameters, "looking for an event")?;
        match found.first() {
            Some(&install) => self.install_name(project, install),
            None => Ok(None),
        }
    }

    /// Days that have raw rows and keep all of them, ascending.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn days(&self, project: ProjectNumber) -> Result<Vec<Day>, Error> {
        let mut days = self.all_days(project)?;
        // Read after the days: none that is given up in between stays in the list.
        let horizon = self.horizon(project);
        days.retain(|day| horizon.is_none_or(|horizon| *day >= horizon));
        Ok(days)
    }

    /// The first day whose raw rows are kept; `None` as long as none were removed.
    #[must_use]
    pub fn horizon(&self, project: ProjectNumber) -> Option<Day> {
        let horizons = &self.inner.horizons;
        let horizons = horizons.read().unwrap_or_else(PoisonError::into_inner);
        horizons.get(&project).copied()
    }

    /// Days that have any raw rows, ascending; those before the horizon are being removed.
    pub(super) fn all_days(&self, project: ProjectNumber) -> Result<Vec<Day>, Error> {
        // Skips from day to day along the primary key instead of reading every row.
        const SQL: &str = "
            WITH RECURSIVE found (day) AS (
                SELECT MIN(day) FROM events WHERE project = ?1
                UNION ALL
                SELECT (SELECT MIN(day) FROM events WHERE project = ?1 AND day > found.day)
                FROM found WHERE found.day IS NOT NULL
            )
            SELECT day FROM found WHERE day IS NOT NULL";
        self.numbers(SQL, [project.0], "listing days")
            .map(|days| days.into_iter().map(Day).collect())
    }

    /// Projects that have raw rows, ascending.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn projects_with_rows(&self) -> Result<Vec<ProjectNumber>, Error> {
        const SQL: &str = "
            WITH RECURSIVE found (project) AS (
                SELECT MIN(project) FROM events
                UNION ALL
                SELECT (SELECT MIN(project) FROM events WHERE project > found.project)
                FROM found WHERE found.project IS NOT NULL
            )
            SELECT project FROM found WHERE project IS NOT NULL";
        self.numbers(SQL, [], "listing projects")
            .map(|found| found.into_iter().map(ProjectNumber).collect())
    }

    pub(super) fn numbers<T: rusqlite::types::FromSql>(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
        what: &'static str,
    ) -> Result<Vec<T>, Error> {
        self.read(|connection| {
            connection
                .prepare_cached(sql)
                .and_then(|mut statement| {
                    statement
                        .query_map(parameters, |found| found.get(0))?
                        .collect()
                })
                .map_err(Error::at(what))
        })
    }

    /// Days whose index is behind.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn dirty_days(&self) -> Result<Vec<DirtyDay>, Error> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT project, day, seq FROM dirty_days ORDER BY project, day")
                .and_then(|mut statement| {
                    statement
                        .query_map([], |found| {
                            Ok(DirtyDay {
                                project: ProjectNumber(found.get(0)?),
                                day: Day(found.get(1)?),
                                seq: found.get(2)?,
                            })
                        })?
                        .collect()
                })
                .map_err(Error::at("listing days behind"))
        })
    }

    /// Forgets the notes of days whose index has been brought up to `seq`; a note with another `seq`
    /// stays. One transaction.
    ///
    /// # Errors
    /// The store cannot be written.
    pub fn clear_dirty(&self, days: &[DirtyDay]) -> Result<(), Error> {
        let clearing = "clearing notes of days behind";
        self.edit(|connection| {
            let transaction = connection
                .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
                .map_err(Error::at(clearing))?;
            for dirty in days {
                transaction
                    .prepare_cached(
                        "DELETE FROM dirty_days WHERE project = ?1 AND day = ?2 AND seq = ?3",
                    )
                    .and_then(|mut statement| {
                        statement.execute(params![dirty.project.0, dirty.day.0, dirty.seq])
                    })
                    .map_err(Error::at(clearing))?;
            }
            transaction.commit().map_err(Error::at(clearing))
        })
    }

    /// Number of raw rows of a project, without those that were given up. Reads all of them.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn count_rows(&self, project: ProjectNumber) -> Result<u64, Error> {
        const SQL: &str = "SELECT COUNT(*) FROM events WHERE project = ?1 AND day >= ?2";
        let from = self.horizon(project).map_or(i32::MIN, |horizon| horizon.0);
        let found = self.numbers::<i64>(SQL, params![project.0, from], "counting events")?;
        Ok(found.first().map_or(0, |count| count.cast_unsigned()))
    }

    /// Installs with raw rows on a day, and the users they told last on it, summed.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn active_and_users(&self, project: ProjectNumber, day: Day) -> Result<(u64, u64), Error> {
        const SQL: &str = "
            SELECT COUNT(DISTINCT install), (
                SELECT TOTAL(users) FROM (
                    SELECT users, ROW_NUMBER() OVER (
                        PARTITION BY install ORDER BY at_ms DESC, seq DESC
                    ) AS newest
                    FROM events
                    WHERE project = ?1 AND day = ?2 AND users IS NOT NULL)
                WHERE newest = 1)
            FROM events WHERE project = ?1 AND day = ?2";
        self.read(|connection| {
            connection
                .query_row(SQL, params![project.0, day.0], |row| {
                    Ok((
                        row.get::<_, i64>(0)?.cast_unsigned(),
                        row.get::<_, f64>(1)? as u64,
                    ))
                })
                .map_err(Error::at("counting a day"))
        })
    }

    /// First active day of every install of a project, by install number; `Day::NEVER` for one
    /// without any event.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn first_days(&self, project: ProjectNumber) -> Result<Vec<Day>, Error> {
        const SQL: &str = "SELECT first_day FROM installs WHERE project = ?1 ORDER BY number";
        self.numbers(SQL, [project.0], "reading first days")
            .map(|days| days.into_iter().map(Day).collect())
    }

    /// The name an install goes by; `None` for one that is forgotten.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn install_name(
        &self,
        project: ProjectNumber,
        number: u32,
    ) -> Result<Option<String>, Error> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT name FROM installs WHERE project = ?1 AND number = ?2")
                .and_then(|mut statement| {
                    statement
                        .query_row(params![project.0, number], |found| {
                            found.get::<_, String>(0)
                        })
                        .optional()
                })
                .map(|name| name.filter(|name| !name.starts_with(NAME_OF_FORGOTTEN)))
                .map_err(Error::at("reading the name of an install"))
        })
    }

    /// The number of an install.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn install_number(&self, project: ProjectNumber, name: &str) -> Result<Option<u32>, Error> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT number FROM installs WHERE project = ?1 AND name = ?2")
                .and_then(|mut statement| {
                    statement
                        .query_row(params![project.0, name], |found| found.get(0))
                        .optional()
                })
                .map_err(Error::at("reading the number of an install"))
        })
    }
}
