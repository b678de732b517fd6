//! Links to the overview of a project for people without an account. A link is kept as the hash of its
//! secret only, shown once, and ends by itself.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, Row, params};

use super::audit::{Actor, Entry};
use super::revoke::Revocable;
use super::{Meta, MetaError, note_failure, password, secret};
use crate::store::{Day, ProjectNumber};

/// No link outlives this: 366 days, so that the same day a year later can be chosen.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(366 * 24);
/// Most days of a link, as of all reports: three years and a week.
pub const MOST_DAYS: i32 = 1_103;

/// Finer than this nobody needs to know when a link was last used; each note costs a write.
const USED_STEP: SignedDuration = SignedDuration::from_mins(5);
const NAME_CHARACTERS: usize = 100;
const MOST_CLAUSES: usize = 20;
/// Links of a project in use at once; each is a way in that somebody has to keep an eye on.
const MOST_LINKS: i64 = 100;

/// A part of the overview that a link may show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// Headline numbers and the chart of installs.
    Installs,
    Versions,
    Sizes,
    Apps,
    Pages,
    Tasks,
    Locales,
    Browsers,
    Deployment,
}

/// The days a link shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareDays {
    /// So many days up to yesterday, anew each day.
    Last(i32),
    /// These, both included.
    Between(Day, Day),
}

/// What a link shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Clauses as in `filter=`, checked by the caller. Empty for the whole project.
    pub filter: Vec<String>,
    pub days: ShareDays,
    pub parts: Vec<Part>,
}

/// The link to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewShare {
    pub project: ProjectNumber,
    pub name: String,
    pub shown: Shown,
    pub expires: Timestamp,
    /// Hash of the password that it asks for, by `hash_password`.
    pub password_hash: Option<String>,
}

/// A link in the list of its project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareLine {
    pub id: i64,
    pub name: String,
    pub shown: Shown,
    pub locked: bool,
    pub created_by: String,
    pub created_ms: i64,
    pub expires_ms: i64,
    pub last_used_ms: Option<i64>,
}

/// A link that can be read now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    pub id: i64,
    pub project: ProjectNumber,
    pub slug: String,
    /// Name of the project.
    pub project_name: String,
    pub shown: Shown,
    pub password_hash: Option<String>,
    pub expires_ms: i64,
}

impl Part {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 9] = [
        Self::Installs,
        Self::Versions,
        Self::Sizes,
        Self::Apps,
        Self::Pages,
        Self::Tasks,
        Self::Locales,
        Self::Browsers,
        Self::Deployment,
    ];

    /// The word in the database, the audit log and forms.
    pub fn word(self) -> &'static str {
        match self {
            Self::Installs => "installs",
            Self::Versions => "versions",
            Self::Sizes => "sizes",
            Self::Apps => "apps",
            Self::Pages => "pages",
            Self::Tasks => "tasks",
            Self::Locales => "locales",
            Self::Browsers => "browsers",
            Self::Deployment => "deployment",
        }
    }

    /// The part with that word.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|part| part.word() == word)
    }
}

/// Hashes the password of a link, under the rules for all passwords. Slow on purpose.
///
/// # Errors
/// `Invalid` says which rule the password breaks.
pub fn hash_password(given: &str) -> Result<String, MetaError> {
    password::hash(given, "")
}

impl Meta {
    /// Makes a link; this answer is the only place that ever shows its secret (`hcs_…`).
    ///
    /// # Errors
    /// `Invalid` for an unusable name, too many clauses or links, days or an end that cannot be.
    pub fn create_share(
        &self,
        new: &NewShare,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<String, MetaError> {
        let name = new.name.trim();
        check(new, name, now)?;
        let token = secret::token("hcs_")?;
        let (days, from, to) = match new.shown.days {
            ShareDays::Last(days) => (Some(days), None, None),
            ShareDays::Between(from, to) => (None, Some(from.0), Some(to.0)),
        };
        self.write(|tx| {
            let in_use: i64 = tx.query_row(
                "SELECT count(*)
                 FROM share_links
                 WHERE project = ?1
                 AND revoked_ms IS NULL
                 AND expires_ms > ?2",
                params![new.project.0, now.as_millisecond()],
                |row| row.get(0),
            )?;
            if in_use >= MOST_LINKS {
                return Err(MetaError::Invalid(format!(
                    "a project has at most {MOST_LINKS} share links"
                )));
            }
            tx.execute(
                "INSERT INTO share_links (secret_hash, project, name, filter, days, from_day, to_day,
                                          parts, password_hash, created_by, created_ms, expires_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
                params![
                    secret::hash(&token),
                    new.project.0,
                    name,
                    new.shown.filter.join("\n"),
                    days,
                    from,
                    to,
                    words(&new.shown.parts),
                    new.password_hash,
                    actor.text(),
                    now.as_millisecond(),
                    new.expires.as_millisecond()
                ],
            )?;
            Entry::new(actor, "share.create", &subject(new, name))
                .of(new.project)
                .write(tx, now)
        })?;
        Ok(token)
    }

    /// The links of a project that can be read now, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn shares_of(
        &self,
        project: ProjectNumber,
        now: Timestamp,
    ) -> Result<Vec<ShareLine>, MetaError> {
        let db = self.db();
        let mut statement = db.prepare_cached(
            "SELECT id, filter, days, from_day, to_day, parts, name, password_hash IS NOT NULL,
                    created_by, created_ms, expires_ms, last_used_ms
             FROM share_links
             WHERE project = ?1
             AND revoked_ms IS NULL
             AND expires_ms > ?2
             ORDER BY id DESC",
        )?;
        let lines = statement.query_map(params![project.0, now.as_millisecond()], |row| {
            Ok(ShareLine {
                id: row.get(0)?,
                shown: shown(row)?,
                name: row.get(6)?,
                locked: row.get(7)?,
                created_by: row.get(8)?,
                created_ms: row.get(9)?,
                expires_ms: row.get(10)?,
                last_used_ms: row.get(11)?,
            })
        })?;
        Ok(lines.collect::<Result<_, _>>()?)
    }

    /// Revokes a link of a project; it opens nothing any more.
    ///
    /// # Errors
    /// `Unknown` when the project has no such link in use.
    pub fn revoke_share(
        &self,
        project: ProjectNumber,
        id: i64,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<(), MetaError> {
        self.revoke(Revocable::ShareLink, (project, id), (actor, now))
    }

    /// What a link opens; `None` when it is unknown, over or revoked, or its project is closed: one
    /// question for all of them, so that the time of the answer does not tell which.
    ///
    /// # Errors
    /// When the database fails.
    pub fn share(&self, token: &str, now: Timestamp) -> Result<Option<Share>, MetaError> {
        let db = self.db();
        let mut statement = db.prepare_cached(
            "SELECT share_links.id, filter, days, from_day, to_day, parts, number, slug,
                    projects.name, password_hash, expires_ms
             FROM share_links
             JOIN projects ON number = share_links.project
             WHERE secret_hash = ?1
             AND revoked_ms IS NULL
             AND expires_ms > ?2
             AND closed_ms IS NULL",
        )?;
        let key = params![secret::hash(token), now.as_millisecond()];
        let found = statement.query_row(key, |row| {
            Ok(Share {
                id: row.get(0)?,
                shown: shown(row)?,
                project: ProjectNumber(row.get(6)?),
                slug: row.get(7)?,
                project_name: row.get(8)?,
                password_hash: row.get(9)?,
                expires_ms: row.get(10)?,
            })
        });
        Ok(found.optional()?)
    }

    /// Notes that a link was read.
    pub fn note_share_use(&self, id: i64, now: Timestamp) {
        let noted = self.db().execute(
            "UPDATE share_links
             SET last_used_ms = ?1
             WHERE id = ?2
             AND coalesce(last_used_ms, 0) < ?3",
            params![now.as_millisecond(), id, (now - USED_STEP).as_millisecond()],
        );
        note_failure(noted);
    }
}

/// From the columns 1 to 5: filter, days, from_day, to_day, parts.
fn shown(row: &Row<'_>) -> rusqlite::Result<Shown> {
    let filter: String = row.get(1)?;
    let parts: String = row.get(5)?;
    let days = match row.get::<_, Option<i32>>(2)? {
        Some(days) => ShareDays::Last(days),
        None => ShareDays::Between(Day(row.get(3)?), Day(row.get(4)?)),
    };
    Ok(Shown {
        filter: filter.lines().map(str::to_owned).collect(),
        days,
        parts: parts.split(' ').filter_map(Part::of_word).collect(),
    })
}

fn words(parts: &[Part]) -> String {
    let words: Vec<&str> = parts.iter().map(|part| part.word()).collect();
    words.join(" ")
}

fn check(new: &NewShare, name: &str, now: Timestamp) -> Result<(), MetaError> {
    let shown = &new.shown;
    let days = match shown.days {
        ShareDays::Last(days) => days,
        ShareDays::Between(from, to) => to.0 - from.0 + 1,
    };
    let problem = if name.is_empty() || name.chars().count() > NAME_CHARACTERS {
        format!("a link's name has 1 to {NAME_CHARACTERS} characters")
    } else if shown.filter.len() > MOST_CLAUSES {
        format!("a link has at most {MOST_CLAUSES} filters")
    } else if shown.filter.iter().any(|clause| clause.contains('\n')) {
        "a filter stands on one line".to_owned()
    } else if shown.parts.is_empty() {
        "a link shows at least one report".to_owned()
    } else if days < 1 {
        "the first day is not after the last".to_owned()
    } else if days > MOST_DAYS {
        format!("a link shows at most {MOST_DAYS} days")
    } else if new.expires <= now {
        "the last day of the link is over".to_owned()
    } else if new.expires > now + LONGEST {
        "a link lasts for at most a year".to_owned()
    } else {
        return Ok(());
    };
    Err(MetaError::Invalid(problem))
}

/// What the audit log says of a new link.
fn subject(new: &NewShare, name: &str) -> String {
    let filter = match new.shown.filter.as_slice() {
        [] => "no filter".to_owned(),
        clauses => clauses.join(", "),
    };
    let days = match new.shown.days {
        ShareDays::Last(days) => format!("last {days} days"),
        ShareDays::Between(..) => "fixed days".to_owned(),
    };
    let password = if new.password_hash.is_some() {
        ", password"
    } else {
        ""
    };
    let until = new.expires.strftime("%Y-%m-%d %H:%M");
    let parts = words(&new.shown.parts);
    format!("{name}: {parts}; {filter}; {days}; until {until}{password}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::tests::{at, project, temporary};

    fn new(project: ProjectNumber, expires: Timestamp) -> NewShare {
        NewShare {
            project,
            name: " partners ".to_owned(),
            shown: Shown {
                filter: vec!["version:5.5.0".to_owned(), "!app:x".to_owned()],
                days: ShareDays::Last(30),
                parts: vec![Part::Installs, Part::Apps],
            },
            expires,
            password_hash: None,
        }
    }

    #[test]
    fn a_link_opens_until_it_expires_or_is_revoked() {
        let (_dir, meta) = temporary();
        let one = project(&meta, "One").number;
        let two = project(&meta, "Two").number;
        let actor = Actor::CommandLine;
        let made = new(one, at(60));
        let token = meta.create_share(&made, &actor, at(0)).unwrap();
        let share = meta.share(&token, at(59)).unwrap().unwrap();
        assert_eq!((share.project, share.slug.as_str()), (one, "one"));
        assert_eq!(share.shown, made.shown);
        assert_eq!(meta.share(&token, at(60)).unwrap(), None);
        assert_eq!(meta.shares_of(one, at(60)).unwrap(), []);
        assert_eq!(meta.share("hcs_x", at(0)).unwrap(), None);
        let line = meta.shares_of(one, at(1)).unwrap().remove(0);
        assert_eq!((line.name.as_str(), line.last_used_ms), ("partners", None));
        meta.note_share_use(share.id, at(1));
        meta.note_share_use(share.id, at(3));
        let line = meta.shares_of(one, at(3)).unwrap().remove(0);
        assert_eq!(line.last_used_ms, Some(at(1).as_millisecond()));
        assert!(meta.revoke_share(two, share.id, &actor, at(1)).is_err());
        meta.revoke_share(one, share.id, &actor, at(1)).unwrap();
        assert_eq!(meta.share(&token, at(2)).unwrap(), None);
        assert_eq!(meta.shares_of(one, at(2)).unwrap(), []);
        assert!(meta.revoke_share(one, share.id, &actor, at(3)).is_err());
    }

    #[test]
    fn only_the_hash_of_the_secret_is_kept() {
        let (dir, meta) = temporary();
        let one = project(&meta, "One").number;
        let made = meta.create_share(&new(one, at(60)), &Actor::CommandLine, at(0));
        let token = made.unwrap();
        meta.share(&token, at(1)).unwrap().unwrap();
        for file in std::fs::read_dir(dir.path()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            let mut parts = bytes.windows(token.len());
            assert!(!parts.any(|part| part == token.as_bytes()));
        }
    }

    #[test]
    fn a_link_that_cannot_be_is_refused() {
        let (_dir, meta) = temporary();
        let one = project(&meta, "One").number;
        let year = 366 * 86_400;
        let with = |change: fn(&mut NewShare)| {
            let mut new = new(one, at(60));
            change(&mut new);
            new
        };
        for (new, problem) in [
            (new(one, at(0)), "is over"),
            (new(one, at(1)), ""),
            (new(one, at(year)), ""),
            (new(one, at(year + 1)), "at most a year"),
            (with(|new| new.name = " ".to_owned()), "1 to 100"),
            (with(|new| new.shown.parts.clear()), "at least one"),
            (
                with(|new| new.shown.days = ShareDays::Between(Day(3), Day(2))),
                "not after",
            ),
            (
                with(|new| new.shown.days = ShareDays::Between(Day(3), Day(3))),
                "",
            ),
            (with(|new| new.shown.days = ShareDays::Last(0)), "not after"),
            (with(|new| new.shown.days = ShareDays::Last(1_104)), "1103"),
            (
                with(|new| new.shown.filter = vec!["app:a\nb".to_owned()]),
                "one line",
            ),
        ] {
            match meta.create_share(&new, &Actor::CommandLine, at(0)) {
                Ok(_) => assert_eq!(problem, "", "{new:?}"),
                Err(error) => {
                    let text = error.to_string();
                    assert!(!problem.is_empty() && text.contains(problem), "{text}");
                }
            }
        }
    }

    #[test]
    fn a_closed_project_shares_nothing() {
        let (_dir, meta) = temporary();
        let one = project(&meta, "One").number;
        let actor = Actor::CommandLine;
        let token = meta.create_share(&new(one, at(60)), &actor, at(0)).unwrap();
        meta.close_project(one, &actor, at(1)).unwrap();
        assert_eq!(meta.share(&token, at(2)).unwrap(), None);
    }
}
