//! What a project shows to everybody: whether at all, how coarse, under which licence, and the weeks
//! that were published, which never change.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::audit::{Actor, Entry};
use super::{Meta, MetaError};
use crate::privacy::{Grid, LEAST_K, MOST_K};
use crate::store::{Day, ProjectNumber};

const LICENCE_CHARACTERS: usize = 100;
const MOST_EMBEDDERS: usize = 20;

/// How a project publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publishing {
    /// Groups have at least so many installs, and numbers are multiples of it.
    pub k: u64,
    /// Under which licence the data may be used, such as `CC0-1.0`.
    pub licence: String,
    /// Origins whose pages may frame the public page, such as `https://example.org`.
    pub embedders: Vec<String>,
}

impl Default for Publishing {
    fn default() -> Self {
        Self {
            k: LEAST_K,
            licence: "CC0-1.0".to_owned(),
            embedders: Vec::new(),
        }
    }
}

/// A week as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptWeek {
    /// Its Sunday.
    pub last_day: Day,
    pub k: u64,
    /// JSON of `publication::Figures`, or `null` for a week that must not be shown.
    pub content: String,
}

impl Meta {
    /// How a project publishes, `None` for one without a public page.
    ///
    /// # Errors
    /// When the database fails.
    pub fn publishing(&self, project: ProjectNumber) -> Result<Option<Publishing>, MetaError> {
        let db = self.db();
        let mut statement = db.prepare_cached(
            "SELECT k, licence, embedders
             FROM publications
             WHERE project = ?1",
        )?;
        let found = statement.query_row([project.0], |row| {
            let k: i64 = row.get(0)?;
            let embedders: String = row.get(2)?;
            Ok(Publishing {
                k: k.unsigned_abs(),
                licence: row.get(1)?,
                embedders: embedders
                    .split(' ')
                    .filter(|o| !o.is_empty())
                    .map(str::to_owned)
                    .collect(),
            })
        });
        Ok(found.optional()?)
    }

    /// Begins to publish, changes how, or (`None`) takes the public page away.
    ///
    /// # Errors
    /// `Invalid` for a k out of bounds, a licence that is empty or long, or what is no origin.
    pub fn publish(
        &self,
        project: ProjectNumber,
        publishing: Option<&Publishing>,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<(), MetaError> {
        if let Some(publishing) = publishing {
            check(publishing)?;
        }
        self.write(|tx| {
            match publishing {
                None => tx.execute("DELETE FROM publications WHERE project = ?1", [project.0])?,
                Some(Publishing {
                    k,
                    licence,
                    embedders,
                }) => tx.execute(
                    "INSERT INTO publications (project, k, licence, embedders)
                     VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (project) DO UPDATE
                     SET k = ?2, licence = ?3, embedders = ?4",
                    params![
                        project.0,
                        k.cast_signed(),
                        licence.trim(),
                        embedders.join(" ")
                    ],
                )?,
            };
            let (action, subject) = match publishing {
                None => ("public.off", String::new()),
                Some(Publishing {
                    k,
                    licence,
                    embedders,
                }) => (
                    "public.on",
                    format!("k {k}, {licence}, framed by {}", embedders.len()),
                ),
            };
            Entry::new(actor, action, &subject)
                .of(project)
                .write(tx, now)
        })
    }

    /// The weeks that were published, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn published_weeks(&self, project: ProjectNumber) -> Result<Vec<KeptWeek>, MetaError> {
        let db = self.db();
        let mut statement = db.prepare_cached(
            "SELECT last_day, k, content
             FROM published_weeks
             WHERE project = ?1
             ORDER BY last_day",
        )?;
        let rows = statement.query_map([project.0], |row| {
            let k: i64 = row.get(1)?;
            Ok(KeptWeek {
                last_day: Day(row.get(0)?),
                k: k.unsigned_abs(),
                content: row.get(2)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Keeps weeks; one that is kept already stays as it is.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keep_weeks(&self, project: ProjectNumber, weeks: &[KeptWeek]) -> Result<(), MetaError> {
        self.write(|tx| {
            let mut statement = tx.prepare_cached(
                "INSERT OR IGNORE INTO published_weeks (project, last_day, k, content)
                 VALUES (?1, ?2, ?3, ?4)",
            )?;
            for week in weeks {
                statement.execute(params![
                    project.0,
                    week.last_day.0,
                    week.k.cast_signed(),
                    week.content
                ])?;
            }
            Ok(())
        })
    }
}

fn check(publishing: &Publishing) -> Result<(), MetaError> {
    let invalid = |text: String| Err(MetaError::Invalid(text));
    if Grid::new(publishing.k).is_none() {
        return invalid(format!(
            "the smallest group is from {LEAST_K} to {MOST_K} installs"
        ));
    }
    let licence = publishing.licence.trim();
    if licence.is_empty()
        || licence.chars().count() > LICENCE_CHARACTERS
        || licence.contains(char::is_control)
    {
        return invalid(format!(
            "name a licence, in up to {LICENCE_CHARACTERS} characters"
        ));
    }
    if publishing.embedders.len() > MOST_EMBEDDERS {
        return invalid(format!("at most {MOST_EMBEDDERS} sites may embed the page"));
    }
    match publishing
        .embedders
        .iter()
        .find(|origin| !is_origin(origin))
    {
        None => Ok(()),
        Some(origin) => invalid(format!("{origin} is no origin such as https://example.org")),
    }
}

/// Scheme, host and perhaps a port, nothing that would end a header's part.
fn is_origin(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|host| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':');
        host.starts_with(|c: char| c.is_ascii_alphanumeric()) && host.chars().all(allowed)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::tests::{at, project, temporary};

    #[test]
    fn a_project_publishes_until_it_does_not() {
        let (_dir, meta) = temporary();
        let one = project(&meta, "One").number;
        assert_eq!(meta.publishing(one).unwrap(), None);
        let mut how = Publishing {
            embedders: vec![
                "https://a.example".to_owned(),
                "http://b.example:8080".to_owned(),
            ],
            ..Publishing::default()
        };
        let set = |how: Option<&Publishing>| meta.publish(one, how, &Actor::CommandLine, at(0));
        set(Some(&how)).unwrap();
        assert_eq!(meta.publishing(one).unwrap().as_ref(), Some(&how));
        how.k = 25;
        set(Some(&how)).unwrap();
        assert_eq!(meta.publishing(one).unwrap(), Some(how.clone()));
        for (k, licence, origin) in [
            (9, "CC0", "https://a.example"),
            (1_001, "CC0", "https://a.example"),
            (10, " ", "https://a.example"),
            (10, "CC0", "a.example"),
            (10, "CC0", "https://a.example; script-src *"),
            (10, "CC0", "https://a.example/path"),
        ] {
            let bad = Publishing {
                k,
                licence: licence.to_owned(),
                embedders: vec![origin.to_owned()],
            };
            assert!(set(Some(&bad)).is_err(), "{bad:?}");
        }
        set(None).unwrap();
        assert_eq!(meta.publishing(one).unwrap(), None);
    }

    #[test]
    fn a_published_week_never_changes() {
        let (_dir, meta) = temporary();
        let one = project(&meta, "One").number;
        let week = |content: &str| KeptWeek {
            last_day: Day(20_000),
            k: 10,
            content: content.to_owned(),
        };
        meta.keep_weeks(one, &[week("null")]).unwrap();
        meta.keep_weeks(one, &[week("{}")]).unwrap();
        assert_eq!(meta.published_weeks(one).unwrap(), [week("null")]);
    }
}
