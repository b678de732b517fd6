//! Days on which a project's reports are known to be wrong.

use jiff::Timestamp;
use rusqlite::params;

use super::audit::{Actor, Entry};
use super::{Meta, MetaError, projects};
use crate::store::{Day, ProjectNumber};

const REASON_CHARACTERS: usize = 200;

/// A break as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Break {
    pub id: i64,
    /// First and last day, both included.
    pub from: Day,
    pub to: Day,
    /// `stats`, `tasks` or `pages`; empty for all of them.
    pub feed: String,
    pub reason: String,
}

/// A break to be noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewBreak {
    pub from: Day,
    pub to: Day,
    /// `stats`, `tasks` or `pages`; empty for all of them.
    pub feed: String,
    pub reason: String,
}

impl Meta {
    /// Notes a break; its number.
    ///
    /// # Errors
    /// `Unknown` for the project, `Invalid` for days in the wrong order, an unknown feed, or a reason
    /// that is empty or too long.
    pub fn add_break(
        &self,
        slug: &str,
        new: &NewBreak,
        (actor, now): (&Actor, Timestamp),
    ) -> Result<i64, MetaError> {
        let reason = new.reason.trim();
        if new.from > new.to {
            return Err(MetaError::Invalid(
                "the first day is after the last".to_owned(),
            ));
        }
        if !["", "stats", "tasks", "pages"].contains(&new.feed.as_str()) {
            return Err(MetaError::Invalid(format!(
                "there is no feed {}: it is stats, tasks or pages, or none for all",
                new.feed
            )));
        }
        if reason.is_empty() || reason.chars().count() > REASON_CHARACTERS {
            return Err(MetaError::Invalid(format!(
                "a reason has 1 to {REASON_CHARACTERS} characters"
            )));
        }
        self.write(|tx| {
            let project = projects::number_of(tx, slug)?.ok_or_else(|| projects::unknown(slug))?;
            tx.execute(
                "INSERT INTO breaks (project, from_day, to_day, feed, reason, created_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    project.0,
                    new.from.0,
                    new.to.0,
                    new.feed,
                    reason,
                    now.as_millisecond()
                ],
            )?;
            let id = tx.last_insert_rowid();
            Entry::new(actor, "break.add", reason)
                .of(project)
                .write(tx, now)?;
            Ok(id)
        })
    }

    /// Takes a break back.
    ///
    /// # Errors
    /// `Unknown` for the project or the break.
    pub fn remove_break(
        &self,
        slug: &str,
        id: i64,
        (actor, now): (&Actor, Timestamp),
    ) -> Result<(), MetaError> {
        self.write(|tx| {
            let project = projects::number_of(tx, slug)?.ok_or_else(|| projects::unknown(slug))?;
            let removed = tx.execute(
                "DELETE FROM breaks WHERE id = ?1 AND project = ?2",
                params![id, project.0],
            )?;
            if removed == 0 {
                return Err(MetaError::Unknown {
                    what: "break",
                    value: id.to_string(),
                });
            }
            Entry::new(actor, "break.remove", &id.to_string())
                .of(project)
                .write(tx, now)
        })
    }

    /// All breaks of a project, in order of their first day.
    ///
    /// # Errors
    /// When the database fails.
    pub fn breaks(&self, project: ProjectNumber) -> Result<Vec<Break>, MetaError> {
        let db = self.db();
        let mut asked = db.prepare_cached(
            "SELECT id, from_day, to_day, feed, reason
             FROM breaks
             WHERE project = ?1
             ORDER BY from_day, id",
        )?;
        let rows = asked.query_map([project.0], |row| {
            Ok(Break {
                id: row.get(0)?,
                from: Day(row.get(1)?),
                to: Day(row.get(2)?),
                feed: row.get(3)?,
                reason: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::tests::{at, project, temporary};

    #[test]
    fn breaks_are_noted_listed_and_taken_back() {
        let (_dir, meta) = temporary();
        let one = project(&meta, "One");
        project(&meta, "Two");
        let new = |from, to, feed: &str, reason: &str| NewBreak {
            from: Day(from),
            to: Day(to),
            feed: feed.to_owned(),
            reason: reason.to_owned(),
        };
        let add =
            |slug: &str, new: &NewBreak| meta.add_break(slug, new, (&Actor::CommandLine, at(0)));
        let late = add("one", &new(20, 21, "", "the server was moved")).unwrap();
        let early = add("one", &new(5, 5, "tasks", " a bad release ")).unwrap();
        let listed = meta.breaks(one.number).unwrap();
        let ids: Vec<i64> = listed.iter().map(|known| known.id).collect();
        assert_eq!(ids, [early, late]);
        assert_eq!(listed[0].reason, "a bad release");
        for wrong in [
            new(6, 5, "", "why"),
            new(5, 6, "money", "why"),
            new(5, 6, "", " "),
        ] {
            assert!(matches!(add("one", &wrong), Err(MetaError::Invalid(_))));
        }
        let remove = |slug, id| meta.remove_break(slug, id, (&Actor::CommandLine, at(1)));
        assert!(matches!(
            remove("two", early),
            Err(MetaError::Unknown { .. })
        ));
        remove("one", early).unwrap();
        assert!(matches!(
            remove("one", early),
            Err(MetaError::Unknown { .. })
        ));
        assert_eq!(meta.breaks(one.number).unwrap().len(), 1);
    }
}
