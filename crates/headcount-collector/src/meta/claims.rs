//! Apps that authors ask for: the token to publish, and what a manager decided after looking.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};

use super::audit::{Actor, Entry};
use super::people::{User, UserId};
use super::{Meta, MetaError, secret};
use crate::store::ProjectNumber;

/// A name in reports is cut at about this.
const APP_CHARACTERS: usize = 100;
const PLACE_CHARACTERS: usize = 500;

/// Requests of one author that wait in one project.
const MOST_WAITING: u32 = 20;

/// A request for an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub id: i64,
    pub email: String,
    /// Name of the app and namespace.
    pub app: String,
    /// Where the author says the token is to be found.
    pub place: String,
    /// What only somebody who publishes the app can put there.
    pub token: String,
    pub created_ms: i64,
    /// `None` until a manager decides.
    pub granted: Option<bool>,
}

/// What a manager decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    Grant,
    Refuse,
}

impl Meta {
    /// Notes that a member asks for an app, with a fresh token.
    ///
    /// # Errors
    /// `Invalid` for an unusable name or place, or when too many requests wait.
    pub fn ask_for_app(
        &self,
        project: ProjectNumber,
        user: &User,
        (app, place): (&str, &str),
        now: Timestamp,
    ) -> Result<(), MetaError> {
        let app = checked(app, APP_CHARACTERS, "the name of an app")?;
        let place = checked(place, PLACE_CHARACTERS, "the place of the token")?;
        let token = secret::token("headcount-app-")?;
        self.write(|tx| {
            let waiting: u32 = tx.query_row(
                "SELECT count(*)
                 FROM claims
                 WHERE user = ?1
                 AND project = ?2
                 AND granted IS NULL",
                params![user.id.0, project.0],
                |row| row.get(0),
            )?;
            if waiting >= MOST_WAITING {
                let text = format!("{MOST_WAITING} requests wait already");
                return Err(MetaError::Invalid(text));
            }
            tx.execute(
                "INSERT INTO claims (project, user, app, place, token, created_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    project.0,
                    user.id.0,
                    app,
                    place,
                    token,
                    now.as_millisecond()
                ],
            )?;
            Entry::new(&Actor::User(user.email.clone()), "app.ask", app)
                .of(project)
                .write(tx, now)
        })
    }

    /// The requests of a member, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn claims_by(&self, project: ProjectNumber, user: UserId) -> Result<Vec<Claim>, MetaError> {
        let db = self.db();
        let mut statement = db.prepare_cached(
            "SELECT claims.id, users.email, app, place, token, claims.created_ms, granted
             FROM claims
             JOIN users ON users.id = claims.user
             WHERE claims.project = ?1
             AND claims.user = ?2
             ORDER BY claims.id DESC
             LIMIT 100",
        )?;
        let claims = statement.query_map(params![project.0, user.0], claim)?;
        Ok(claims.collect::<Result<_, _>>()?)
    }

    /// The requests that wait for a manager, oldest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn waiting_claims(&self, project: ProjectNumber) -> Result<Vec<Claim>, MetaError> {
        let db = self.db();
        let mut statement = db.prepare_cached(
            "SELECT claims.id, users.email, app, place, token, claims.created_ms, granted
             FROM claims
             JOIN users ON users.id = claims.user
             WHERE claims.project = ?1
             AND granted IS NULL
             ORDER BY claims.id
             LIMIT 100",
        )?;
        let claims = statement.query_map([project.0], claim)?;
        Ok(claims.collect::<Result<_, _>>()?)
    }

    /// Decides a request that waits: granting lets its author see the app.
    ///
    /// # Errors
    /// `Unknown` when the project has no such request waiting.
    pub fn decide_claim(
        &self,
        (project, id): (ProjectNumber, i64),
        decision: Decision,
        by: &User,
        now: Timestamp,
    ) -> Result<(), MetaError> {
        self.write(|tx| {
            let found: Option<(i64, String, String)> = tx
                .query_row(
                    "UPDATE claims
                     SET granted = ?1
                     WHERE id = ?2
                     AND project = ?3
                     AND granted IS NULL
                     RETURNING user, app, (SELECT email FROM users WHERE users.id = user)",
                    params![decision == Decision::Grant, id, project.0],
                    |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
                )
                .optional()?;
            let (user, app, email) = found.ok_or_else(|| MetaError::Unknown {
                what: "request",
                value: id.to_string(),
            })?;
            let action = match decision {
                Decision::Refuse => "app.refuse",
                Decision::Grant => {
                    // Whoever is no author any more sees everything, or is out.
                    tx.execute(
                        "INSERT INTO member_namespaces (user, project, namespace)
                         SELECT user, project, ?3
                         FROM members
                         WHERE user = ?1
                         AND project = ?2
                         AND role = 'author'
                         ON CONFLICT DO NOTHING",
                        params![user, project.0, app],
                    )?;
                    "app.grant"
                }
            };
            let subject = format!("{email}: {app}");
            Entry::new(&Actor::User(by.email.clone()), action, &subject)
                .of(project)
                .write(tx, now)
        })
    }
}

fn claim(row: &Row<'_>) -> rusqlite::Result<Claim> {
    Ok(Claim {
        id: row.get(0)?,
        email: row.get(1)?,
        app: row.get(2)?,
        place: row.get(3)?,
        token: row.get(4)?,
        created_ms: row.get(5)?,
        granted: row.get(6)?,
    })
}

fn checked<'a>(text: &'a str, most: usize, what: &str) -> Result<&'a str, MetaError> {
    let text = text.trim();
    let long = text.is_empty() || text.chars().count() > most;
    if long || text.chars().any(char::is_control) {
        return Err(MetaError::Invalid(format!(
            "{what} has 1 to {most} characters on one line"
        )));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::people::Role;
    use crate::meta::people::tests::member;
    use crate::meta::tests::{at, project, temporary};

    #[test]
    fn an_app_is_asked_for_granted_once_and_seen() {
        let (_dir, meta) = temporary();
        let one = project(&meta, "One").number;
        let two = project(&meta, "Two").number;
        let mara = member(&meta, "mara@a.example", "one", Role::Manager);
        let erik = member(&meta, "erik@a.example", "one", Role::Author);
        let ask = |app: &str| meta.ask_for_app(one, &erik, (app, "https://a.example/x"), at(1));
        ask(" corptools ").unwrap();
        ask("srp").unwrap();
        for broken in ["", "a\nb", &"x".repeat(101)] {
            assert!(ask(broken).is_err());
        }
        let waiting = meta.waiting_claims(one).unwrap();
        assert_eq!((waiting.len(), waiting[0].app.as_str()), (2, "corptools"));
        assert!(waiting[0].token.starts_with("headcount-app-"));
        assert_ne!(waiting[0].token, waiting[1].token);
        let decide =
            |of, claim: &Claim, decision| meta.decide_claim((of, claim.id), decision, &mara, at(2));
        assert!(decide(two, &waiting[0], Decision::Grant).is_err());
        decide(one, &waiting[0], Decision::Grant).unwrap();
        assert!(decide(one, &waiting[0], Decision::Refuse).is_err());
        decide(one, &waiting[1], Decision::Refuse).unwrap();
        let seen = meta.membership(&erik, one).unwrap().unwrap().namespaces;
        assert_eq!(seen, ["corptools", "memberaudit"]);
        let own = meta.claims_by(one, erik.id).unwrap();
        let decided: Vec<_> = own.iter().map(|claim| claim.granted).collect();
        assert_eq!(decided, [Some(false), Some(true)]);
        assert!(meta.waiting_claims(one).unwrap().is_empty());
        assert_eq!(
            meta.audit_log(Some(one), 2).unwrap()[1].subject,
            "erik@a.example: corptools"
        );
        for _ in 0..MOST_WAITING {
            ask("again").unwrap();
        }
        assert!(ask("again").is_err());
    }
}
