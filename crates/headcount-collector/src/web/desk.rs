//! Where pages and the API get a `Source` for one project: index, store and clock brought together.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::error::PageError;
use super::now;
use crate::access::fixed::Fixed;
use crate::access::scope::Scope;
use crate::app::Collector;
use crate::meta::breaks::Break;
use crate::meta::findings::{KeptFinding, Which};
use crate::meta::people::ProjectOfUser;
use crate::query::{Answer, Bucket, DayRange, Dimension, LivesQuery, Measure, Query, Spread};
use crate::reports::{ReportError, Source, calendar};
use crate::store::{Day, Hit, Minute, ProjectNumber};

/// How far back an install that lists an own app is looked for.
const LISTED_DAYS: i32 = 400;
/// What breaks are called by share links.
const BREAK: &str = "reports are known to be wrong";

/// Findings read at most, the newest first: more than a project has in years.
const FINDINGS: u32 = 500;

/// One project of a collector, ready to be asked. Everything it does may block.
pub(crate) struct Desk {
    collector: Arc<Collector>,
    pub(crate) project: ProjectNumber,
    pub(crate) slug: String,
    pub(crate) now_ms: i64,
    /// What an author is narrowed to.
    scope: Option<Scope>,
    /// What the reader of a share link is narrowed to.
    fixed: Option<Fixed>,
}

impl Desk {
    pub(crate) fn new(collector: &Arc<Collector>, project: ProjectNumber, slug: &str) -> Self {
        Self {
            collector: Arc::clone(collector),
            project,
            slug: slug.to_owned(),
            now_ms: now().as_millisecond(),
            scope: None,
            fixed: None,
        }
    }

    /// The desk of a member: every question of an author is narrowed to own apps.
    pub(crate) fn of(collector: &Arc<Collector>, project: &ProjectOfUser) -> Self {
        Self {
            scope: Scope::of(&project.membership),
            ..Self::new(collector, project.number, &project.slug)
        }
    }

    /// The desk of a share link: every question is narrowed to its filter and days.
    pub(crate) fn fixed(
        collector: &Arc<Collector>,
        (project, slug): (ProjectNumber, &str),
        fixed: Fixed,
    ) -> Self {
        Self {
            fixed: Some(fixed),
            ..Self::new(collector, project, slug)
        }
    }

    /// Whether it answers about the apps of an author, or what a share link shows, only.
    pub(crate) fn narrowed(&self) -> bool {
        self.scope.is_some() || self.fixed.is_some()
    }

    /// Runs `work` with a source.
    pub(crate) fn ask<T>(
        &self,
        work: impl FnOnce(&Source<'_>) -> Result<T, ReportError>,
    ) -> Result<T, ReportError> {
        let seen = Seen::default();
        let answer = |query: &Query| self.answer(query, &seen);
        let lives = |query: &LivesQuery| {
            self.only_whole("how long installs live")?;
            read(self.collector.index.lives(self.project, query))
        };
        let spread = |query: &Query| match self.narrow(query, &seen)? {
            Some(query) => read(self.collector.index.spread(self.project, &query)),
            None => Ok(Spread::new()),
        };
        let hits = |limit| self.hits(limit);
        let breaks = self.breaks()?;
        let source = Source {
            project: &self.slug,
            now_ms: self.now_ms,
            answer: &answer,
            lives: &lives,
            spread: &spread,
            breaks: &breaks,
            narrowed: self.narrowed(),
            hits: &hits,
        };
        work(&source)
    }

    /// The first day with an event.
    pub(crate) fn first_day(&self) -> Option<Day> {
        self.collector.index.days(self.project).into_iter().min()
    }

    /// The latest hits, newest first.
    pub(crate) fn hits(&self, limit: usize) -> Result<Vec<Hit>, ReportError> {
        self.only_whole("single hits")?;
        let found = self.collector.store.recent_hits(self.project, limit);
        found.map_err(|error| ReportError::Data(error.to_string()))
    }

    /// Days on which reports are known to be wrong.
    pub(crate) fn breaks(&self) -> Result<Vec<Break>, ReportError> {
        let found = self.collector.meta.breaks(self.project);
        let mut found = found.map_err(|error| ReportError::Data(error.to_string()))?;
        if self.fixed.is_some() {
            // Why a manager noted one is not for everybody.
            for known in &mut found {
                known.reason = BREAK.to_owned();
            }
        }
        Ok(found)
    }

    /// What the server found by itself and what still stands, the newest first; for authors, of own
    /// tasks.
    pub(crate) fn standing_findings(&self) -> Result<Vec<KeptFinding>, ReportError> {
        self.findings(Which::Standing)
    }

    /// The same with what is muted or over.
    pub(crate) fn all_findings(&self) -> Result<Vec<KeptFinding>, ReportError> {
        self.findings(Which::All)
    }

    fn findings(&self, which: Which) -> Result<Vec<KeptFinding>, ReportError> {
        if self.fixed.is_some() {
            // They are of all installs, not of those the link shows.
            return Ok(Vec::new());
        }
        let found = self.collector.meta.findings(self.project, which, FINDINGS);
        let mut found = found.map_err(|error| ReportError::Data(error.to_string()))?;
        if let Some(scope) = &self.scope {
            found.retain(|kept| kept.finding.task().is_some_and(|(own, _)| scope.owns(own)));
        }
        Ok(found)
    }

    /// Hits per minute of the last hours.
    pub(crate) fn minutes(&self) -> Result<Vec<Minute>, ReportError> {
        self.only_whole("hits per minute")?;
        Ok(self.collector.store.minutes(self.project, self.now_ms))
    }

    /// For what cannot be narrowed.
    fn only_whole(&self, what: &str) -> Result<(), ReportError> {
        if self.narrowed() {
            let text = format!("{what} would tell of the whole project");
            return Err(ReportError::NotForAuthors(text));
        }
        Ok(())
    }

    fn answer(&self, query: &Query, seen: &Seen) -> Result<Answer, ReportError> {
        let Some(query) = self.narrow(query, seen)? else {
            return Ok(Answer::default());
        };
        let mut answer = read(self.collector.index.answer(self.project, &query))?;
        if let Some(scope) = &self.scope {
            answer.rows.retain(|row| scope.keeps(&query.by, row));
            if Scope::hides_base(&query) {
                answer.base = 0;
            }
        }
        Ok(answer)
    }

    /// The question as this desk may ask it, `None` where that is nothing. Nothing reaches the index
    /// but through here.
    fn narrow<'a>(
        &self,
        query: &'a Query,
        seen: &Seen,
    ) -> Result<Option<Cow<'a, Query>>, ReportError> {
        if let Some(fixed) = &self.fixed {
            return Ok(fixed.narrow(query).map(Cow::Owned));
        }
        let Some(scope) = &self.scope else {
            return Ok(Some(Cow::Borrowed(query)));
        };
        let listed = self.listed(scope, seen)?;
        let needs = scope.check(query, listed);
        let needs = needs.map_err(|error| ReportError::NotForAuthors(error.to_string()))?;
        let paths = if needs.paths {
            self.own_paths(scope, query.range, seen)?
        } else {
            Vec::new()
        };
        Ok(Some(Cow::Owned(scope.narrow(query, needs, &paths))))
    }

    /// Whether any install lists an own app.
    fn listed(&self, scope: &Scope, seen: &Seen) -> Result<bool, ReportError> {
        if let Some(&listed) = seen.listed.get() {
            return Ok(listed);
        }
        let to = calendar::day_of_ms(self.now_ms);
        let query = Query {
            measure: Measure::Active,
            by: Vec::new(),
            filter: scope.listing(),
            range: DayRange {
                from: Day(to.0 - LISTED_DAYS),
                to,
            },
            bucket: Bucket::Whole,
            only: Vec::new(),
            medians: false,
        };
        let listed = read(self.collector.index.answer(self.project, &query))?.base > 0;
        Ok(*seen.listed.get_or_init(|| listed))
    }

    /// The paths of own apps that were viewed in a range, and in the week before it: trailing buckets
    /// reach back that far.
    fn own_paths(
        &self,
        scope: &Scope,
        range: DayRange,
        seen: &Seen,
    ) -> Result<Vec<String>, ReportError> {
        if let Some(paths) = seen.paths().get(&range) {
            return Ok(paths.clone());
        }
        let query = Query {
            measure: Measure::Pages,
            by: vec![Dimension::Path],
            filter: Vec::new(),
            range: DayRange {
                from: Day(range.from.0 - 7),
                to: range.to,
            },
            bucket: Bucket::Whole,
            only: Vec::new(),
            medians: false,
        };
        let found = read(self.collector.index.answer(self.project, &query))?;
        let mut paths: Vec<String> = found
            .rows
            .into_iter()
            .map(|mut row| row.key.remove(0))
            .filter(|path| scope.owns_path(path))
            .collect();
        paths.sort_unstable();
        paths.dedup();
        seen.paths().insert(range, paths.clone());
        Ok(paths)
    }
}

/// What was looked up for the questions of one page, which may be asked by two threads.
#[derive(Default)]
struct Seen {
    listed: OnceLock<bool>,
    paths: Mutex<HashMap<DayRange, Vec<String>>>,
}

impl Seen {
    fn paths(&self) -> MutexGuard<'_, HashMap<DayRange, Vec<String>>> {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read<T>(found: Result<T, crate::error::Error>) -> Result<T, ReportError> {
    found.map_err(|error| ReportError::Data(error.to_string()))
}

impl From<ReportError> for PageError {
    fn from(error: ReportError) -> Self {
        match error {
            ReportError::Unknown { .. } => Self::NotFound,
            ReportError::Parameter { .. } => Self::BadRequest(error.to_string()),
            ReportError::NotForAuthors(_) => Self::Forbidden(error.to_string()),
            ReportError::Data(_) => Self::internal(&error),
        }
    }
}
