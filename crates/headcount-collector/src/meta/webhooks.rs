//! Where a project's findings are posted to, what waits to be posted, and what became of it. Sends nothing.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::audit::{Actor, Entry};
use super::findings::{KeptFinding, kept};
use super::{Meta, MetaError, secret};
use crate::store::ProjectNumber;

/// Posts of a project that are kept after they were taken or given up.
const KEPT_POSTS: u32 = 50;

/// A project's webhook, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    pub url: String,
    pub created_ms: i64,
    /// Posts that the receiver took.
    pub taken: u32,
    /// Posts that were given up.
    pub given_up: u32,
    /// Posts that wait for their turn.
    pub waiting: u32,
}

/// How far a post has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PostState {
    /// To be sent, or sent again, at this moment.
    Waiting(i64),
    /// The receiver took it.
    Taken,
    /// It will not be sent any more.
    GivenUp,
}

/// A post as the settings page lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostLine {
    pub id: i64,
    /// What the receiver knows it by.
    pub key: String,
    /// The finding's sentence; `None` for a test.
    pub about: Option<String>,
    pub queued_ms: i64,
    pub tries: u32,
    pub tried_ms: Option<i64>,
    /// What came back last.
    pub answer: String,
    pub state: PostState,
}

/// A post whose time has come, with all that is needed to send it.
#[derive(Clone, Debug, PartialEq)]
pub struct DuePost {
    pub id: i64,
    /// Slug of the project.
    pub project: String,
    pub url: String,
    pub secret: String,
    pub key: String,
    pub queued_ms: i64,
    /// Tries before this one.
    pub tries: u32,
    /// As it was sent before; `None` at the first try.
    pub body: Option<String>,
    /// `None` for a test.
    pub finding: Option<KeptFinding>,
}

/// What a try came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    Taken,
    /// To be sent again at this moment.
    Later(i64),
    GivenUp,
}

impl Meta {
    /// Sets where findings are posted to and returns a fresh signing secret. Findings that stand
    /// already are not posted.
    ///
    /// # Errors
    /// `Invalid` where the project has a webhook: it is removed first, with what waits for it.
    pub fn set_webhook(
        &self,
        project: ProjectNumber,
        url: &str,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<String, MetaError> {
        let secret = secret::signing_key()?;
        self.write(|tx| {
            let set = tx.execute(
                "INSERT INTO webhooks (project, url, secret, created_ms)
                 VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (project) DO NOTHING",
                params![project.0, url, secret, now.as_millisecond()],
            )?;
            if set == 0 {
                let text = "there is a webhook already: remove it first";
                return Err(MetaError::Invalid(text.to_owned()));
            }
            Entry::new(actor, "webhook.set", url)
                .of(project)
                .write(tx, now)
        })?;
        Ok(secret)
    }

    /// Removes the webhook with all its posts; the audit log says how many of them waited.
    ///
    /// # Errors
    /// `Unknown` when the project has none.
    pub fn remove_webhook(
        &self,
        project: ProjectNumber,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<(), MetaError> {
        self.write(|tx| {
            let waiting = waiting(tx, project)?;
            tx.execute("DELETE FROM webhook_posts WHERE project = ?1", [project.0])?;
            let url: Option<String> = tx
                .query_row(
                    "DELETE FROM webhooks WHERE project = ?1 RETURNING url",
                    [project.0],
                    |row| row.get(0),
                )
                .optional()?;
            let url = url.ok_or_else(no_webhook)?;
            let subject = match waiting {
                0 => url,
                waiting => format!("{url}, {waiting} not sent any more"),
            };
            Entry::new(actor, "webhook.remove", &subject)
                .of(project)
                .write(tx, now)
        })
    }

    /// The webhook of a project.
    ///
    /// # Errors
    /// When the database fails.
    pub fn webhook(&self, project: ProjectNumber) -> Result<Option<Webhook>, MetaError> {
        let db = self.db();
        let found = db
            .prepare_cached(
                "SELECT url, created_ms, taken, given_up,
                     (SELECT count(*) FROM webhook_posts
                      WHERE webhook_posts.project = webhooks.project AND due_ms IS NOT NULL)
                 FROM webhooks
                 WHERE project = ?1",
            )?
            .query_row([project.0], |row| {
                Ok(Webhook {
                    url: row.get(0)?,
                    created_ms: row.get(1)?,
                    taken: row.get(2)?,
                    given_up: row.get(3)?,
                    waiting: row.get(4)?,
                })
            });
        Ok(found.optional()?)
    }

    /// The latest `limit` posts of a project, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn webhook_posts(
        &self,
        project: ProjectNumber,
        limit: u32,
    ) -> Result<Vec<PostLine>, MetaError> {
        let db = self.db();
        let mut asked = db.prepare_cached(
            "SELECT webhook_posts.id, key, trim(strong || ' ' || text), queued_ms, tries, tried_ms,
                 answer, due_ms, taken
             FROM webhook_posts
             LEFT JOIN findings ON findings.id = webhook_posts.finding
             WHERE webhook_posts.project = ?1
             ORDER BY webhook_posts.id DESC
             LIMIT ?2",
        )?;
        let lines = asked.query_map(params![project.0, limit], |row| {
            let due_ms: Option<i64> = row.get(7)?;
            let taken: bool = row.get(8)?;
            Ok(PostLine {
                id: row.get(0)?,
                key: row.get(1)?,
                about: row.get(2)?,
                queued_ms: row.get(3)?,
                tries: row.get(4)?,
                tried_ms: row.get(5)?,
                answer: row.get(6)?,
                state: match due_ms {
                    Some(due_ms) => PostState::Waiting(due_ms),
                    None if taken => PostState::Taken,
                    None => PostState::GivenUp,
                },
            })
        })?;
        Ok(lines.collect::<Result<_, _>>()?)
    }

    /// Queues a post that tells of nothing.
    ///
    /// # Errors
    /// `Unknown` without a webhook, `Invalid` while an earlier test waits.
    pub fn queue_test_post(
        &self,
        project: ProjectNumber,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<(), MetaError> {
        self.write(|tx| {
            let waits: bool = tx.query_row(
                "SELECT EXISTS (
                     SELECT 1 FROM webhook_posts
                     WHERE project = ?1 AND finding IS NULL AND due_ms IS NOT NULL
                 )",
                [project.0],
                |row| row.get(0),
            )?;
            if waits {
                let text = "a test waits already: its answer will stand below";
                return Err(MetaError::Invalid(text.to_owned()));
            }
            if queue_post(tx, project, None, now)? == 0 {
                return Err(no_webhook());
            }
            Entry::new(actor, "webhook.test", "")
                .of(project)
                .write(tx, now)
        })
    }

    /// Up to `limit` posts of open projects whose time has come, the longest due first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn due_posts(&self, now_ms: i64, limit: u32) -> Result<Vec<DuePost>, MetaError> {
        let db = self.db();
        let mut asked = db.prepare_cached(
            "SELECT findings.id, findings.subject, findings.kind, findings.strong, findings.text,
                 findings.evidence, findings.target, findings.found_ms, findings.seen_ms,
                 findings.ended_ms, posts.id, projects.slug, webhooks.url, webhooks.secret,
                 posts.key, posts.queued_ms, posts.tries, posts.body,
                 findings.since AS since, findings.since_day AS since_day,
                 findings.strength AS strength, findings.first_ms AS first_ms,
                 findings.muted_ms AS muted_ms, findings.muted_by AS muted_by
             FROM webhook_posts AS posts
             JOIN webhooks ON webhooks.project = posts.project
             JOIN projects ON projects.number = posts.project
             LEFT JOIN findings ON findings.id = posts.finding
             WHERE posts.due_ms <= ?1
             AND projects.closed_ms IS NULL
             ORDER BY posts.due_ms, posts.id
             LIMIT ?2",
        )?;
        let rows = asked.query_map(params![now_ms, limit], due_post)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Fixes what a post says, before it is sent for the first time.
    ///
    /// # Errors
    /// When the database fails.
    pub fn fix_post(&self, id: i64, body: &str) -> Result<(), MetaError> {
        self.db().execute(
            "UPDATE webhook_posts SET body = ?2 WHERE id = ?1",
            params![id, body],
        )?;
        Ok(())
    }

    /// Writes down what a try came to. A post whose webhook was removed meanwhile is gone.
    ///
    /// # Errors
    /// When the database fails.
    pub fn settle_post(
        &self,
        id: i64,
        settled: Settled,
        answer: &str,
        now_ms: i64,
    ) -> Result<(), MetaError> {
        let (due_ms, taken, given_up) = match settled {
            Settled::Taken => (None, 1, 0),
            Settled::Later(due_ms) => (Some(due_ms), 0, 0),
            Settled::GivenUp => (None, 0, 1),
        };
        self.write(|tx| {
            let project: Option<i64> = tx
                .query_row(
                    "UPDATE webhook_posts
                     SET tries = tries + 1, tried_ms = ?2, due_ms = ?3, answer = ?4, taken = ?5
                     WHERE id = ?1
                     RETURNING project",
                    params![id, now_ms, due_ms, answer, taken],
                    |row| row.get(0),
                )
                .optional()?;
            tx.execute(
                "UPDATE webhooks
                 SET taken = taken + ?2, given_up = given_up + ?3
                 WHERE project = ?1",
                params![project, taken, given_up],
            )?;
            tx.execute(
                "DELETE FROM webhook_posts
                 WHERE project = ?1
                 AND due_ms IS NULL
                 AND id NOT IN (
                     SELECT id FROM webhook_posts
                     WHERE project = ?1 AND due_ms IS NULL
                     ORDER BY id DESC
                     LIMIT ?2
                 )",
                params![project, KEPT_POSTS],
            )?;
            Ok(())
        })
    }
}

#[cfg(test)]
impl Meta {
    /// Moves the next try of a post, as time would.
    pub(crate) fn postpone_post(&self, id: i64, due_ms: i64) -> Result<(), MetaError> {
        self.db().execute(
            "UPDATE webhook_posts SET due_ms = ?2 WHERE id = ?1",
            params![id, due_ms],
        )?;
        Ok(())
    }
}

/// Queues a post where the project has a webhook; how many were queued.
pub(super) fn queue_post(
    tx: &Transaction<'_>,
    project: ProjectNumber,
    finding: Option<i64>,
    now: Timestamp,
) -> Result<usize, MetaError> {
    let queued = tx
        .prepare_cached(
            "INSERT INTO webhook_posts (project, key, finding, queued_ms, due_ms)
             SELECT project, ?2, ?3, ?4, ?4 FROM webhooks WHERE project = ?1",
        )?
        .execute(params![
            project.0,
            secret::token("post_")?,
            finding,
            now.as_millisecond()
        ])?;
    Ok(queued)
}

fn waiting(tx: &Transaction<'_>, project: ProjectNumber) -> Result<u32, MetaError> {
    let waiting = tx.query_row(
        "SELECT count(*) FROM webhook_posts WHERE project = ?1 AND due_ms IS NOT NULL",
        [project.0],
        |row| row.get(0),
    )?;
    Ok(waiting)
}

fn due_post(row: &Row<'_>) -> rusqlite::Result<DuePost> {
    let finding: Option<i64> = row.get(0)?;
    Ok(DuePost {
        id: row.get(10)?,
        project: row.get(11)?,
        url: row.get(12)?,
        secret: row.get(13)?,
        key: row.get(14)?,
        queued_ms: row.get(15)?,
        tries: row.get(16)?,
        body: row.get(17)?,
        finding: finding.map(|_| kept(row)).transpose()?,
    })
}

fn no_webhook() -> MetaError {
    MetaError::Unknown {
        what: "webhook",
        value: "in this project".to_owned(),
    }
}

#[cfg(test)]
mod tests;
