//! What the server found worth a look: kept from first sight to its end.

use jiff::Timestamp;
use rusqlite::{Row, params};

use super::{Meta, MetaError, webhooks};
use crate::store::ProjectNumber;

/// What kind of finding it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingKind {
    /// A task fails more since a release.
    Task,
    /// A release spreads unlike earlier ones.
    Spread,
    /// A feed tells nothing, or nearly nothing, any more.
    Silence,
}

impl FindingKind {
    /// The word in the database, in feeds and in webhooks.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Spread => "spread",
            Self::Silence => "silence",
        }
    }

    fn of_word(word: &str) -> Self {
        match word {
            "spread" => Self::Spread,
            "silence" => Self::Silence,
            _ => Self::Task,
        }
    }

    /// Whether it is bad news.
    #[must_use]
    pub fn is_bad(self) -> bool {
        match self {
            Self::Task | Self::Silence => true,
            Self::Spread => false,
        }
    }
}

/// A finding as it was computed.
#[derive(Clone, Debug, PartialEq, Eq)]
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
}

/// A finding as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptFinding {
    pub id: i64,
    pub finding: NewFinding,
    pub found_at: Timestamp,
    pub seen_at: Timestamp,
    /// When it was no longer found; `None` while it stands.
    pub ended_at: Option<Timestamp>,
}

impl Meta {
    /// Keeps what a project has worth a look now: new findings are added, and posted where a webhook
    /// is set; known ones take the new words; all others end.
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
                let stands: bool = tx
                    .prepare_cached(
                        "SELECT EXISTS (
                             SELECT 1 FROM findings
                             WHERE project = ?1 AND subject = ?2 AND ended_ms IS NULL
                         )",
                    )?
                    .query_row(params![project.0, finding.subject], |row| row.get(0))?;
                let id: i64 = tx
                    .prepare_cached(
                        "INSERT INTO findings
                         (project, subject, kind, strong, text, evidence, target, found_ms, seen_ms)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)
                         ON CONFLICT (project, subject) DO UPDATE SET
                         kind = ?3, strong = ?4, text = ?5, evidence = ?6, target = ?7,
                         found_ms = CASE WHEN ended_ms IS NULL THEN found_ms ELSE ?8 END,
                         seen_ms = ?8, ended_ms = NULL
                         RETURNING id",
                    )?
                    .query_row(
                        params![
                            project.0,
                            finding.subject,
                            finding.kind.word(),
                            finding.strong,
                            finding.text,
                            finding.evidence,
                            finding.target,
                            now_ms
                        ],
                        |row| row.get(0),
                    )?;
                if !stands {
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
        let ended_too = which == Which::All;
        let db = self.db();
        let mut asked = db.prepare_cached(
            "SELECT id, subject, kind, strong, text, evidence, target, found_ms, seen_ms, ended_ms
             FROM findings
             WHERE project = ?1 AND (?2 OR ended_ms IS NULL)
             ORDER BY found_ms DESC, id
             LIMIT ?3",
        )?;
        let rows = asked.query_map(params![project.0, ended_too, limit], kept)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

/// Which findings to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Those that still stand.
    Standing,
    /// Those that ended, too.
    All,
}

pub(super) fn kept(row: &Row<'_>) -> rusqlite::Result<KeptFinding> {
    let moment = |ms: i64| Timestamp::from_millisecond(ms).unwrap_or_default();
    let kind: String = row.get(2)?;
    let ended_ms: Option<i64> = row.get(9)?;
    Ok(KeptFinding {
        id: row.get(0)?,
        finding: NewFinding {
            subject: row.get(1)?,
            kind: FindingKind::of_word(&kind),
            strong: row.get(3)?,
            text: row.get(4)?,
            evidence: row.get(5)?,
            target: row.get(6)?,
        },
        found_at: moment(row.get(7)?),
        seen_at: moment(row.get(8)?),
        ended_at: ended_ms.map(moment),
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
        assert_eq!(standing[0].finding.text, "new words");
        assert_eq!((standing[0].found_at, standing[0].seen_at), (at(1), at(2)));
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
        assert_eq!(
            back[0].id,
            all.iter().find(|k| k.finding.subject == "b").unwrap().id
        );
        assert_eq!(meta.findings(two, Which::All, 9).unwrap(), []);
    }
}
