//! What the server found worth a look: kept from first sight to its end, muted by managers.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::audit::{Actor, Entry};
use super::{Meta, MetaError, webhooks};
use crate::store::{Day, ProjectNumber};

/// A muted finding is told again once it is so many times as strong as when it was muted.
const RISEN: f64 = 1.5;

/// What kind of finding it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingKind {
    /// A task fails more since a release.
    Task,
    /// A release spreads unlike earlier ones.
    Spread,
    /// A feed tells nothing, or nearly nothing, any more.
    Silence,
    /// Hits are rejected for one reason.
    Rejected,
}

impl FindingKind {
    /// The word in the database, in feeds and in webhooks.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Spread => "spread",
            Self::Silence => "silence",
            Self::Rejected => "rejected",
        }
    }

    fn of_word(word: &str) -> Self {
        match word {
            "spread" => Self::Spread,
            "silence" => Self::Silence,
            "rejected" => Self::Rejected,
            _ => Self::Task,
        }
    }

    /// Whether it is bad news.
    #[must_use]
    pub fn is_bad(self) -> bool {
        match self {
            Self::Task | Self::Silence | Self::Rejected => true,
            Self::Spread => false,
        }
    }
}

/// A finding as it was computed.
#[derive(Clone, Debug, PartialEq)]
pub struct NewFinding {
    /// What it is about; the same subject is the same finding.
    pub subject: String,
    pub kind: FindingKind,
    /// Begins the sentence, in bold; may be empty.
    pub strong: String,
    pub text: String,
    /// Rates, installs, and since when.
    pub evidence: String,
    /// Path with query under the project's pages, such as `/tasks?task=x`.
    pub target: String,
    /// The version it began with; empty where it did not begin with one.
    pub since: String,
    /// The day it began.
    pub since_day: Day,
    /// How many times as often a task fails, or how many hits are rejected; 1 for what has no such
    /// number.
    pub strength: f64,
}

impl NewFinding {
    /// The subject of a task that fails more.
    #[must_use]
    pub fn task_subject(namespace: &str, task: &str) -> String {
        format!("task\n{namespace}\n{task}")
    }

    /// Namespace and task of a finding about one.
    #[must_use]
    pub fn task(&self) -> Option<(&str, &str)> {
        self.subject.strip_prefix("task\n")?.split_once('\n')
    }
}

/// A finding as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptFinding {
    pub id: i64,
    pub finding: NewFinding,
    /// When it was found for the first time, and when this time.
    pub first_at: Timestamp,
    pub found_at: Timestamp,
    pub seen_at: Timestamp,
    /// When it was no longer found; `None` while it stands.
    pub ended_at: Option<Timestamp>,
    pub muted: Option<Muted>,
}

impl KeptFinding {
    /// Whether it is told: it stands, and nobody muted it.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.ended_at.is_none() && self.muted.is_none()
    }

    /// Whether it had ended before and was found again.
    #[must_use]
    pub fn came_back(&self) -> bool {
        self.first_at < self.found_at
    }
}

/// That a manager does not want to be told of a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Muted {
    pub at: Timestamp,
    /// Who muted it, by e-mail address.
    pub by: String,
}

/// What is known of a subject before it is found again.
struct Known {
    stands: bool,
    /// Its strength when it was muted.
    muted: Option<f64>,
}

impl Meta {
    /// Keeps what a project has worth a look now: new findings are added, and posted where a webhook
    /// is set; known ones take the new words; all others end. What had ended, or was muted and rose
    /// since, is new again.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keep_findings(
        &self,
        project: ProjectNumber,
        found: &[NewFinding],
        now: Timestamp,
    ) -> Result<usize, MetaError> {
        let now_ms = now.as_millisecond();
        self.write(|tx| {
            let mut fresh = 0;
            for finding in found {
                let is_fresh = match known(tx, project, &finding.subject)? {
                    None => true,
                    Some(Known { stands: false, .. }) => true,
                    Some(Known { muted, .. }) => {
                        muted.is_some_and(|muted| finding.strength >= muted * RISEN)
                    }
                };
                let id = keep(tx, project, finding, (now_ms, is_fresh))?;
                if is_fresh {
                    fresh += 1;
                    webhooks::queue_post(tx, project, Some(id), now)?;
                }
            }
            tx.execute(
                "UPDATE findings SET ended_ms = ?2
                 WHERE project = ?1 AND ended_ms IS NULL AND seen_ms < ?2",
                params![project.0, now_ms],
            )?;
            Ok(fresh)
        })
    }

    /// Mutes a finding until it ends or rises, or takes that back; what waits to be posted of it is not.
    ///
    /// # Errors
    /// `Unknown` where the project has no finding of this number.
    pub fn mute_finding(
        &self,
        (project, id): (ProjectNumber, i64),
        mute: Mute,
        (by, now): (&str, Timestamp),
    ) -> Result<(), MetaError> {
        self.write(|tx| {
            let said: Option<String> = tx
                .query_row(
                    "SELECT trim(strong || ' ' || text)
                     FROM findings
                     WHERE project = ?1 AND id = ?2",
                    params![project.0, id],
                    |row| row.get(0),
                )
                .optional()?;
            let said = said.ok_or_else(|| MetaError::Unknown {
                what: "finding",
                value: id.to_string(),
            })?;
            let (muted_ms, by_whom, action) = match mute {
                Mute::On => (Some(now.as_millisecond()), by, "finding.mute"),
                Mute::Off => (None, "", "finding.unmute"),
            };
            tx.execute(
                "UPDATE findings
                 SET muted_ms = ?2, muted_by = ?3, muted_strength = strength
                 WHERE id = ?1",
                params![id, muted_ms, by_whom],
            )?;
            tx.execute(
                "DELETE FROM webhook_posts WHERE finding = ?1 AND due_ms IS NOT NULL",
                [id],
            )?;
            let actor = Actor::User(by.to_owned());
            Entry::new(&actor, action, &said).of(project).write(tx, now)
        })
    }

    /// The latest `limit` findings of a project, the newest first; those that stand, or all.
    ///
    /// # Errors
    /// When the database fails.
    pub fn findings(
        &self,
        project: ProjectNumber,
        which: Which,
        limit: u32,
    ) -> Result<Vec<KeptFinding>, MetaError> {
        let all = which == Which::All;
        let db = self.db();
        let mut asked = db.prepare_cached(
            "SELECT id, subject, kind, strong, text, evidence, target, found_ms, seen_ms, ended_ms,
                since, since_day, strength, first_ms, muted_ms, muted_by
             FROM findings
             WHERE project = ?1 AND (?2 OR (ended_ms IS NULL AND muted_ms IS NULL))
             ORDER BY found_ms DESC, id
             LIMIT ?3",
        )?;
        let rows = asked.query_map(params![project.0, all, limit], kept)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// What to do about a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mute {
    On,
    Off,
}

/// Which findings to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that still stand and are not muted.
    Standing,
    /// Those that ended or are muted, too.
    All,
}

fn known(
    tx: &Connection,
    project: ProjectNumber,
    subject: &str,
) -> Result<Option<Known>, MetaError> {
    let mut asked = tx.prepare_cached(
        "SELECT ended_ms IS NULL, muted_ms IS NOT NULL, muted_strength
         FROM findings
         WHERE project = ?1 AND subject = ?2",
    )?;
    let found = asked.query_row(params![project.0, subject], |row| {
        let (muted, strength): (bool, f64) = (row.get(1)?, row.get(2)?);
        Ok(Known {
            stands: row.get(0)?,
            muted: muted.then_some(strength),
        })
    });
    Ok(found.optional()?)
}

/// Writes a finding; its number. A fresh one begins anew and is not muted.
fn keep(
    tx: &Connection,
    project: ProjectNumber,
    finding: &NewFinding,
    (now_ms, fresh): (i64, bool),
) -> Result<i64, MetaError> {
    let mut asked = tx.prepare_cached(
        "INSERT INTO findings
         (project, subject, kind, strong, text, evidence, target, since, since_day, strength,
            first_ms, found_ms, seen_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11, ?11)
         ON CONFLICT (project, subject) DO UPDATE SET
         kind = ?3, strong = ?4, text = ?5, evidence = ?6, target = ?7,
         since = ?8, since_day = ?9, strength = ?10,
         found_ms = CASE WHEN ?12 THEN ?11 ELSE found_ms END,
         muted_ms = CASE WHEN ?12 THEN NULL ELSE muted_ms END,
         seen_ms = ?11, ended_ms = NULL
         RETURNING id",
    )?;
    let id = asked.query_row(
        params![
            project.0,
            finding.subject,
            finding.kind.word(),
            finding.strong,
            finding.text,
            finding.evidence,
            finding.target,
            finding.since,
            finding.since_day.0,
            finding.strength,
            now_ms,
            fresh
        ],
        |row| row.get(0),
    )?;
    Ok(id)
}

/// Reads a finding: its first ten columns by place, those that came later by name.
pub(super) fn kept(row: &Row<'_>) -> rusqlite::Result<KeptFinding> {
    let moment = |ms: i64| Timestamp::from_millisecond(ms).unwrap_or_default();
    let kind: String = row.get(2)?;
    let ended_ms: Option<i64> = row.get(9)?;
    let muted_ms: Option<i64> = row.get("muted_ms")?;
    let by: String = row.get("muted_by")?;
    Ok(KeptFinding {
        id: row.get(0)?,
        finding: NewFinding {
            subject: row.get(1)?,
            kind: FindingKind::of_word(&kind),
            strong: row.get(3)?,
            text: row.get(4)?,
            evidence: row.get(5)?,
            target: row.get(6)?,
            since: row.get("since")?,
            since_day: Day(row.get("since_day")?),
            strength: row.get("strength")?,
        },
        first_at: moment(row.get("first_ms")?),
        found_at: moment(row.get(7)?),
        seen_at: moment(row.get(8)?),
        ended_at: ended_ms.map(moment),
        muted: muted_ms.map(|ms| Muted { at: moment(ms), by }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::tests::{at, project, temporary};

    fn finding(subject: &str, text: &str) -> NewFinding {
        NewFinding {
            subject: subject.to_owned(),
            kind: FindingKind::Task,
            strong: "update".to_owned(),
            text: text.to_owned(),
            evidence: "2.9% of runs".to_owned(),
            target: "/tasks".to_owned(),
            since: "5.4.0".to_owned(),
            since_day: Day(20_000),
            strength: 2.0,
        }
    }

    #[test]
    fn a_finding_stands_until_it_is_no_longer_found() {
        let (_dir, meta) = temporary();
        let one = project(&meta, "One").number;
        let two = project(&meta, "Two").number;
        let keep =
            |found: &[NewFinding], second| meta.keep_findings(one, found, at(second)).unwrap();
        assert_eq!(keep(&[finding("a", "old words"), finding("b", "b")], 1), 2);
        assert_eq!(keep(&[finding("a", "new words")], 2), 0);
        let standing = meta.findings(one, Which::Standing, 9).unwrap();
        assert_eq!(standing.len(), 1);
        assert_eq!(standing[0].finding, finding("a", "new words"));
        assert_eq!((standing[0].found_at, standing[0].seen_at), (at(1), at(2)));
        assert!(!standing[0].came_back());
        let all = meta.findings(one, Which::All, 9).unwrap();
        assert_eq!(
            all.iter()
                .filter(|kept| kept.ended_at == Some(at(2)))
                .count(),
            1
        );
        // Back again: found anew, in the same row.
        assert_eq!(keep(&[finding("b", "b"), finding("a", "new words")], 3), 1);
        let back = meta.findings(one, Which::Standing, 1).unwrap();
        assert_eq!(
            (back[0].finding.subject.as_str(), back[0].found_at),
            ("b", at(3))
        );
        assert!(back[0].came_back());
        assert_eq!(back[0].first_at, at(1));
        assert_eq!(
            back[0].id,
            all.iter().find(|k| k.finding.subject == "b").unwrap().id
        );
        assert_eq!(meta.findings(two, Which::All, 9).unwrap(), []);
    }

    #[test]
    fn a_muted_finding_is_silent_until_it_ends_or_rises() {
        let (_dir, meta) = temporary();
        let one = project(&meta, "One").number;
        let two = project(&meta, "Two").number;
        let keep = |strength: Option<f64>, second| {
            let found = strength.map(|strength| NewFinding {
                strength,
                ..finding("a", "fails more")
            });
            let found: Vec<NewFinding> = found.into_iter().collect();
            meta.keep_findings(one, &found, at(second)).unwrap()
        };
        let standing = || meta.findings(one, Which::Standing, 9).unwrap().len();
        let mute = |project, how, second| {
            let id = meta.findings(one, Which::All, 9).unwrap()[0].id;
            meta.mute_finding((project, id), how, ("ada@a.example", at(second)))
        };
        keep(Some(2.0), 1);
        assert!(matches!(
            mute(two, Mute::On, 2),
            Err(MetaError::Unknown { .. })
        ));
        mute(one, Mute::On, 2).unwrap();
        assert_eq!(standing(), 0);
        let all = meta.findings(one, Which::All, 9).unwrap();
        let muted = all[0].muted.as_ref().unwrap();
        assert_eq!((muted.at, muted.by.as_str()), (at(2), "ada@a.example"));
        // A little more is the same; half as much again is not.
        assert_eq!((keep(Some(2.9), 3), standing()), (0, 0));
        assert_eq!((keep(Some(3.0), 4), standing()), (1, 1));
        let back = meta.findings(one, Which::Standing, 9).unwrap();
        assert!(back[0].muted.is_none() && back[0].came_back());
        // Muted at three, ended, found again.
        mute(one, Mute::On, 5).unwrap();
        assert_eq!(keep(None, 6), 0);
        assert_eq!((keep(Some(2.0), 7), standing()), (1, 1));
        // Taken back.
        mute(one, Mute::On, 8).unwrap();
        mute(one, Mute::Off, 9).unwrap();
        assert_eq!(standing(), 1);
        let log = meta.audit_log(Some(one), 9).unwrap();
        let told: Vec<(&str, &str)> = log
            .iter()
            .filter(|line| line.action.starts_with("finding."))
            .map(|line| (line.action.as_str(), line.subject.as_str()))
            .collect();
        assert_eq!(told[0], ("finding.unmute", "update fails more"));
        assert_eq!(told.len(), 4);
    }
}
