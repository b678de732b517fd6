//! How long the raw events of a project are kept, where that differs from the server's setting.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use rusqlite::params;

use super::audit::{Actor, Entry};
use super::{Meta, MetaError, projects};
use crate::store::ProjectNumber;

/// Days that can be asked for: a day must be whole before it goes; a hundred years are for ever.
pub const RETENTION_DAYS: RangeInclusive<u32> = 2..=36_500;

impl Meta {
    /// Days that raw events of a project are kept; `None` where the server's setting counts.
    ///
    /// # Errors
    /// `Unknown` when there is no such project.
    pub fn retention_days(&self, project: &str) -> Result<Option<u32>, MetaError> {
        let db = self.db();
        let number =
            projects::number_of(&db, project)?.ok_or_else(|| projects::unknown(project))?;
        let days = db
            .prepare_cached(
                "SELECT retention_days
                 FROM projects
                 WHERE number = ?1",
            )?
            .query_row([number.0], |row| row.get(0))?;
        Ok(days)
    }

    /// Sets how many days raw events of a project are kept; `None`: as the server's setting says.
    /// Events that become too old by it are removed within some minutes, and cannot be had back.
    ///
    /// # Errors
    /// `Unknown` when there is no such project, `Invalid` outside of `RETENTION_DAYS`.
    pub fn set_retention_days(
        &self,
        project: &str,
        days: Option<u32>,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<ProjectNumber, MetaError> {
        if days.is_some_and(|days| !RETENTION_DAYS.contains(&days)) {
            return Err(MetaError::Invalid(format!(
                "raw events are kept for {} to {} days",
                RETENTION_DAYS.start(),
                RETENTION_DAYS.end()
            )));
        }
        self.write(|tx| {
            let number =
                projects::number_of(tx, project)?.ok_or_else(|| projects::unknown(project))?;
            tx.execute(
                "UPDATE projects
                 SET retention_days = ?2
                 WHERE number = ?1",
                params![number.0, days],
            )?;
            let subject = days.map_or("as the server".to_owned(), |days| format!("{days} days"));
            Entry::new(actor, "project.retention", &subject)
                .of(number)
                .write(tx, now)?;
            Ok(number)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::tests::{at, project, temporary};

    #[test]
    fn each_project_has_its_own_days() {
        let (_dir, meta) = temporary();
        let one = project(&meta, "One").number;
        project(&meta, "Two");
        let set = |days| meta.set_retention_days("one", days, &Actor::CommandLine, at(1));
        set(Some(30)).unwrap();
        assert_eq!(meta.retention_days("one").unwrap(), Some(30));
        assert_eq!(meta.retention_days("two").unwrap(), None);
        assert_eq!(meta.audit_log(Some(one), 1).unwrap()[0].subject, "30 days");
        for days in [0, 1, 36_501] {
            assert!(
                matches!(set(Some(days)), Err(MetaError::Invalid(_))),
                "{days}"
            );
        }
        set(None).unwrap();
        assert_eq!(meta.retention_days("one").unwrap(), None);
        assert!(matches!(
            meta.retention_days("none"),
            Err(MetaError::Unknown { .. })
        ));
    }
}
