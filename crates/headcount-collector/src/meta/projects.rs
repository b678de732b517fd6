//! Projects and the keys that senders name them by.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::Serialize;

use super::audit::{Actor, Entry};
use super::keys::{self, KeyKind};
use super::{Meta, MetaError, secret};
use crate::store::ProjectNumber;

const NAME_CHARACTERS: usize = 100;
const SLUG_CHARACTERS: usize = 48;

/// Addresses under `/projects/` that are not projects.
const RESERVED_SLUGS: [&str; 1] = ["new"];

/// What to create; ids that are not given are generated.
#[derive(Clone, Default)]
pub struct NewProject {
    pub name: String,
    pub tracking_id: Option<String>,
    pub measurement_id: Option<String>,
    pub api_secret: Option<String>,
}

/// A project with the keys to send to it. Its JSON is what `project create` prints.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Project {
    #[serde(skip)]
    pub number: ProjectNumber,
    #[serde(rename = "project")]
    pub slug: String,
    pub name: String,
    pub tracking_id: String,
    pub measurement_id: String,
    pub api_secret: String,
    pub ingest_key: String,
}

impl std::fmt::Debug for Project {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Keys stay out of logs.
        f.debug_struct("Project")
            .field("number", &self.number)
            .field("slug", &self.slug)
            .finish_non_exhaustive()
    }
}

impl Meta {
    /// Creates a project and its three keys.
    ///
    /// # Errors
    /// `Taken` when a given id is in use, `Invalid` when name or an id cannot be used.
    pub fn create_project(
        &self,
        new: &NewProject,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Project, MetaError> {
        let name = checked_name(&new.name)?;
        check_given_ids(new)?;
        self.write(|tx| {
            let slug = free_slug(tx, &slug_of(name))?;
            tx.execute(
                "INSERT INTO projects (slug, name, created_ms)
                 VALUES (?1, ?2, ?3)",
                params![slug, name, now.as_millisecond()],
            )?;
            let number = u32::try_from(tx.last_insert_rowid())
                .map_err(|_| MetaError::Invalid("there are too many projects".to_owned()))?;
            let project = Project {
                number: ProjectNumber(number),
                slug,
                name: name.to_owned(),
                tracking_id: given_or(&new.tracking_id, secret::tracking_id)?,
                measurement_id: given_or(&new.measurement_id, secret::measurement_id)?,
                api_secret: given_or(&new.api_secret, secret::api_secret)?,
                ingest_key: secret::token("hc_")?,
            };
            insert_keys(tx, &project, now)?;
            Entry::new(actor, "project.create", &project.slug)
                .of(project.number)
                .write(tx, now)?;
            Ok(project)
        })
    }

    /// The project with that slug.
    ///
    /// # Errors
    /// `Unknown` when there is none.
    pub fn project(&self, slug: &str) -> Result<Project, MetaError> {
        let db = self.db();
        number_of(&db, slug)?
            .map(|number| read_project(&db, number))
            .transpose()?
            .ok_or_else(|| unknown(slug))
    }

    /// The project with that number; hits are stored under numbers.
    ///
    /// # Errors
    /// `Unknown` when there is none.
    pub fn project_of_number(&self, number: ProjectNumber) -> Result<Project, MetaError> {
        read_project(&self.db(), number).map_err(|error| match error {
            MetaError::Database(rusqlite::Error::QueryReturnedNoRows) => {
                unknown(&number.0.to_string())
            }
            other => other,
        })
    }

    /// Gives a project another name; its slug stays, since addresses and scripts use it.
    ///
    /// # Errors
    /// `Invalid` when the name cannot be used.
    pub fn rename_project(
        &self,
        number: ProjectNumber,
        name: &str,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<(), MetaError> {
        let name = checked_name(name)?;
        self.write(|tx| {
            tx.execute(
                "UPDATE projects
                 SET name = ?1
                 WHERE number = ?2",
                params![name, number.0],
            )?;
            Entry::new(actor, "project.rename", name)
                .of(number)
                .write(tx, now)
        })
    }

    /// Closes a project: its keys are refused and its pages are gone until it is opened again.
    /// Deletes nothing.
    ///
    /// # Errors
    /// When the database fails.
    pub fn close_project(
        &self,
        number: ProjectNumber,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<(), MetaError> {
        self.set_closed(number, Some(now.as_millisecond()), actor, now)
    }

    /// Opens a closed project again.
    ///
    /// # Errors
    /// `Unknown` when there is no closed project with that slug.
    pub fn reopen_project(
        &self,
        slug: &str,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<(), MetaError> {
        let number: Option<u32> = self
            .db()
            .query_row(
                "SELECT number
                 FROM projects
                 WHERE slug = ?1
                 AND closed_ms IS NOT NULL",
                [slug],
                |row| row.get(0),
            )
            .optional()?;
        let number = number.ok_or_else(|| MetaError::Unknown {
            what: "closed project",
            value: slug.to_owned(),
        })?;
        self.set_closed(ProjectNumber(number), None, actor, now)
    }

    fn set_closed(
        &self,
        number: ProjectNumber,
        closed_ms: Option<i64>,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<(), MetaError> {
        self.write(|tx| {
            let slug: String = tx.query_row(
                "UPDATE projects
                 SET closed_ms = ?1
                 WHERE number = ?2
                 RETURNING slug",
                params![closed_ms, number.0],
                |row| row.get(0),
            )?;
            let action = match closed_ms {
                Some(_) => "project.close",
                None => "project.reopen",
            };
            Entry::new(actor, action, &slug).of(number).write(tx, now)
        })
    }

    /// All open projects by name.
    ///
    /// # Errors
    /// When the database fails.
    pub fn projects(&self) -> Result<Vec<Project>, MetaError> {
        let db = self.db();
        let mut statement = db.prepare_cached(
            "SELECT number
             FROM projects
             WHERE closed_ms IS NULL
             ORDER BY name COLLATE NOCASE, number",
        )?;
        let numbers = statement.query_map([], |row| row.get(0).map(ProjectNumber))?;
        numbers.map(|number| read_project(&db, number?)).collect()
    }
}

/// Number of an open project.
pub(super) fn number_of(db: &Connection, slug: &str) -> Result<Option<ProjectNumber>, MetaError> {
    Ok(db
        .prepare_cached(
            "SELECT number
             FROM projects
             WHERE slug = ?1
             AND closed_ms IS NULL",
        )?
        .query_row([slug], |row| row.get(0).map(ProjectNumber))
        .optional()?)
}

pub(super) fn unknown(slug: &str) -> MetaError {
    MetaError::Unknown {
        what: "project",
        value: slug.to_owned(),
    }
}

fn read_project(db: &Connection, number: ProjectNumber) -> Result<Project, MetaError> {
    let (slug, name) = db
        .prepare_cached(
            "SELECT slug, name
             FROM projects
             WHERE number = ?1",
        )?
        .query_row([number.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (tracking_id, _) = keys::newest(db, number, KeyKind::TrackingId)?;
    let (measurement_id, api_secret) = keys::newest(db, number, KeyKind::MeasurementId)?;
    let (ingest_key, _) = keys::newest(db, number, KeyKind::IngestKey)?;
    Ok(Project {
        number,
        slug,
        name,
        tracking_id,
        measurement_id,
        api_secret,
        ingest_key,
    })
}

fn insert_keys(tx: &Transaction<'_>, project: &Project, now: Timestamp) -> Result<(), MetaError> {
    let keys = [
        (KeyKind::TrackingId, project.tracking_id.as_str(), None),
        (
            KeyKind::MeasurementId,
            project.measurement_id.as_str(),
            Some(project.api_secret.as_str()),
        ),
        (KeyKind::IngestKey, project.ingest_key.as_str(), None),
    ];
    for (kind, key, secret) in keys {
        keys::insert(tx, (project.number, kind), (key, secret), now)?;
    }
    Ok(())
}

fn given_or(
    given: &Option<String>,
    generate: impl Fn() -> Result<String, MetaError>,
) -> Result<String, MetaError> {
    given.clone().map_or_else(generate, Ok)
}

fn checked_name(name: &str) -> Result<&str, MetaError> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARACTERS {
        return Err(MetaError::Invalid(format!(
            "a project name has 1 to {NAME_CHARACTERS} characters"
        )));
    }
    if name.chars().any(char::is_control) {
        let text = "a project name has no line breaks or other control characters";
        return Err(MetaError::Invalid(text.to_owned()));
    }
    Ok(name)
}

fn check_given_ids(new: &NewProject) -> Result<(), MetaError> {
    if let Some(id) = &new.tracking_id {
        keys::check(KeyKind::TrackingId, id)?;
    }
    if let Some(id) = &new.measurement_id {
        keys::check(KeyKind::MeasurementId, id)?;
    }
    new.api_secret.as_deref().map_or(Ok(()), keys::check_secret)
}

fn slug_of(name: &str) -> String {
    let mut slug = String::new();
    for character in name.chars() {
        if slug.len() == SLUG_CHARACTERS {
            break;
        }
        if character.is_ascii_alphanumeric() {
            slug.push(character.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "project" } else { slug }.to_owned()
}

fn free_slug(tx: &Transaction<'_>, wanted: &str) -> Result<String, MetaError> {
    let mut statement = tx.prepare_cached(
        "SELECT EXISTS (
             SELECT 1
             FROM projects
             WHERE slug = ?1
         )",
    )?;
    let mut slug = wanted.to_owned();
    for n in 2_u32.. {
        let taken: bool = statement.query_row([&slug], |row| row.get(0))?;
        if !taken && !RESERVED_SLUGS.contains(&slug.as_str()) {
            break;
        }
        slug = format!("{wanted}-{n}");
    }
    Ok(slug)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::tests::{at, project, temporary};

    #[test]
    fn slugs_come_from_names_and_are_unique() {
        let cases = [
            ("Alliance Auth", "alliance-auth"),
            ("  Alliance   Auth!! ", "alliance-auth-2"),
            ("Новый", "project"),
            ("new", "new-2"),
            ("Ünï 2.0", "n-2-0"),
        ];
        let (_dir, meta) = temporary();
        for (name, slug) in cases {
            assert_eq!(project(&meta, name).slug, slug, "{name}");
        }
    }

    #[test]
    fn given_ids_are_kept_and_an_id_in_use_is_refused() {
        let (_dir, meta) = temporary();
        let new = NewProject {
            name: "One".to_owned(),
            tracking_id: Some("UA-186249766-2".to_owned()),
            measurement_id: Some("G-6LYSMYK8DE".to_owned()),
            api_secret: Some("KLlpjLZ-SRGozS5f5wb_kw".to_owned()),
        };
        let create = |new: &NewProject| meta.create_project(new, &Actor::CommandLine, at(0));
        let made = create(&new).unwrap();
        assert_eq!(made.tracking_id, "UA-186249766-2");
        assert_eq!(made.api_secret, "KLlpjLZ-SRGozS5f5wb_kw");
        assert_eq!(meta.project("one").unwrap(), made);
        assert_eq!(meta.project_of_number(made.number).unwrap(), made);
        let error = create(&new).unwrap_err().to_string();
        assert_eq!(
            error,
            "the tracking ID UA-186249766-2 is in use by the project one: choose another one"
        );
        assert_eq!(meta.projects().unwrap(), vec![made]);
    }

    #[test]
    fn a_closed_project_is_gone_until_it_is_opened_again() {
        let (_dir, meta) = temporary();
        let one = project(&meta, "One");
        let actor = Actor::CommandLine;
        assert!(meta.reopen_project("one", &actor, at(1)).is_err());
        meta.close_project(one.number, &actor, at(1)).unwrap();
        assert!(meta.project("one").is_err() && meta.projects().unwrap().is_empty());
        meta.reopen_project("one", &actor, at(2)).unwrap();
        assert_eq!(meta.project("one").unwrap(), one);
    }

    #[test]
    fn unusable_input_is_refused_with_its_reason() {
        let (_dir, meta) = temporary();
        let named = |name: &str| NewProject {
            name: name.to_owned(),
            ..NewProject::default()
        };
        let tracking = |id: &str| NewProject {
            tracking_id: Some(id.to_owned()),
            ..named("x")
        };
        let measurement = |id: &str| NewProject {
            measurement_id: Some(id.to_owned()),
            ..named("x")
        };
        let cases = [
            (named(" "), "a project name has 1 to 100 characters"),
            (named("a\nb"), "control characters"),
            (tracking("UA-12"), "is no tracking ID"),
            (tracking("UA-1-x"), "is no tracking ID"),
            (measurement("G-"), "is no measurement ID"),
            (measurement("1:23:android"), "is no measurement ID"),
            (measurement("x:23:android:ab"), "is no measurement ID"),
            (
                NewProject {
                    api_secret: Some("a b".to_owned()),
                    ..named("x")
                },
                "an API secret has",
            ),
        ];
        for (new, message) in cases {
            let error = meta
                .create_project(&new, &Actor::CommandLine, at(0))
                .unwrap_err()
                .to_string();
            assert!(error.contains(message), "{error}");
        }
        assert!(
            meta.project("x")
                .unwrap_err()
                .to_string()
                .contains("no project x")
        );
    }
}
