//! Looks at each project by itself, now and then, and keeps what is worth a look. Never in a hit's way.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::app::Collector;
use crate::chart::number;
use crate::ingest::writer::now_ms;
use crate::meta::breaks::Break;
use crate::meta::findings::{FindingKind, NewFinding};
use crate::query::{LivesQuery, Query};
use crate::reports::regressions::{self, Regression};
use crate::reports::rejections::{self, Reason};
use crate::reports::silence::{self, Silence};
use crate::reports::unusual::{self, Unusual};
use crate::reports::{Params, ReportError, Source, calendar, upgrade};
use crate::store::{Day, ProjectNumber};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Least time from one look to the next.
const LEAST_PAUSE_MS: i64 = 60_000;
/// How many times as long as a look the pause after it is: a look may take 2 % of a core.
const PAUSE_FACTOR: i64 = 50;

/// Rejected hits of so long are looked at, and so many of one reason are worth a look: fewer are one
/// install with a wrong key for an hour.
const REJECTED_MS: i64 = 86_400_000;
const LEAST_REJECTED: u64 = 20;
/// Hits read at most.
const HITS: usize = 1_000;

/// When to look again.
#[derive(Default)]
pub(crate) struct Watch {
    due_ms: Mutex<i64>,
}

impl Watch {
    /// Looks at all projects if it is time to.
    pub(crate) fn round(&self, collector: &Collector) {
        let mut due = self.lock();
        if now_ms() >= *due {
            *due = Self::look_at_all(collector);
        }
    }

    /// Looks at all projects, whenever the last look was.
    pub(crate) fn look(&self, collector: &Collector) {
        *self.lock() = Self::look_at_all(collector);
    }

    fn lock(&self) -> MutexGuard<'_, i64> {
        self.due_ms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// When to look again.
    fn look_at_all(collector: &Collector) -> i64 {
        let begun_ms = now_ms();
        match collector.meta.projects() {
            Ok(projects) => {
                for project in projects {
                    if let Err(problem) = keep(collector, (project.number, &project.slug), begun_ms)
                    {
                        tracing::warn!(project = project.slug, problem, "a look at it failed");
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "projects could not be looked at"),
        }
        let ended_ms = now_ms();
        ended_ms + LEAST_PAUSE_MS.max((ended_ms - begun_ms) * PAUSE_FACTOR)
    }
}

fn keep(collector: &Collector, project: (ProjectNumber, &str), now_ms: i64) -> Result<(), String> {
    let failed = |error: crate::meta::MetaError| error.to_string();
    let breaks = collector.meta.breaks(project.0).map_err(failed)?;
    let found = look(collector, project, (now_ms, &breaks)).map_err(|error| error.to_string())?;
    let now = jiff::Timestamp::from_millisecond(now_ms).unwrap_or_default();
    let fresh = collector
        .meta
        .keep_findings(project.0, &found, now)
        .map_err(failed)?;
    if fresh > 0 {
        tracing::info!(project = project.1, fresh, "something new is worth a look");
    }
    Ok(())
}

/// What a project has worth a look, up to its last full day.
///
/// # Errors
/// The data cannot be read.
pub(crate) fn look(
    collector: &Collector,
    (project, slug): (ProjectNumber, &str),
    (now_ms, breaks): (i64, &[Break]),
) -> Result<Vec<NewFinding>, ReportError> {
    let index = collector.index.as_ref();
    if index.days(project).is_empty() {
        return Ok(Vec::new());
    }
    let failed = |error: crate::error::Error| ReportError::Data(error.to_string());
    let source = Source {
        project: slug,
        now_ms,
        answer: &|query: &Query| index.answer(project, query).map_err(failed),
        lives: &|query: &LivesQuery| index.lives(project, query).map_err(failed),
        spread: &|query: &Query| index.spread(project, query).map_err(failed),
        breaks,
        narrowed: false,
        hits: &|_| Ok(Vec::new()),
    };
    let last = Day(calendar::day_of_ms(now_ms).0 - 1);
    let broken = |feed: &str, day: Day| {
        let own = |known: &&Break| known.feed.is_empty() || known.feed == feed;
        let mut own = breaks.iter().filter(own);
        own.any(|known| known.from <= day && day <= known.to)
    };
    let mut found: Vec<NewFinding> = regressions::find(
        (index, project),
        &source,
        (last, &|day| broken("tasks", day)),
    )?
    .iter()
    .map(task)
    .collect();
    let year = Params::parse("", last)?.over_a_year();
    found.extend(unusual::find(&upgrade::spreading(&source, &year)?.1).map(|u| spread(&u)));
    let silent = silence::find(&source, last)?;
    let silent = silent.iter().filter(|silence| !broken(silence.feed, last));
    found.extend(silent.map(silent_feed));
    let hits = collector.store.recent_hits(project, HITS).map_err(failed)?;
    let reasons = rejections::reasons(&hits, now_ms - REJECTED_MS);
    let many = reasons
        .iter()
        .filter(|reason| reason.hits >= LEAST_REJECTED);
    found.extend(many.map(rejected));
    Ok(found)
}

fn task(found: &Regression) -> NewFinding {
    let verdict = &found.verdict;
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    NewFinding {
        subject: NewFinding::task_subject(&found.namespace, &found.task),
        kind: FindingKind::Task,
        strong: found.task.clone(),
        text: format!("fails {:.1}× as often since {}", verdict.ratio, found.since),
        evidence: format!(
            "{} of runs on {} and newer, {} without the rise; 95% interval {:.1} to {:.1}×; {} ran it, namespace {}; chance alone raises one such alarm in {:.0} years at most",
            number::percent(verdict.rate),
            found.since,
            number::percent(verdict.rate_before),
            verdict.low,
            verdict.high,
            number::counted(verdict.installs, "install"),
            found.namespace,
            1.0 / regressions::ALARMS_A_YEAR,
        ),
        target: format!(
            "/tasks?namespace={}&task={}",
            encoded(&found.namespace),
            encoded(&found.task)
        ),
        since: found.since.clone(),
        since_day: found.since_day,
        strength: verdict.ratio,
    }
}

fn rejected(reason: &Reason) -> NewFinding {
    NewFinding {
        subject: format!("rejected\n{}", reason.code),
        kind: FindingKind::Rejected,
        strong: reason.code.clone(),
        text: format!(
            "is why {} hits were rejected in 24 hours",
            number::count(reason.hits)
        ),
        evidence: format!(
            "{} of the latest hits{}; Live shows what was sent",
            number::count(reason.hits),
            reason.by_whom()
        ),
        target: "/live?show=rejected".to_owned(),
        since: String::new(),
        since_day: Day(0),
        strength: reason.hits as f64,
    }
}

fn spread(found: &Unusual) -> NewFinding {
    let way = if found.is_fast() { "fast" } else { "slowly" };
    NewFinding {
        subject: format!("spread\n{}", found.version),
        kind: FindingKind::Spread,
        strong: String::new(),
        text: format!("v{} spreads unusually {way}", found.version),
        evidence: format!(
            "{} of {} after {}; the {} releases before had {} to {} then",
            number::percent_whole(found.share),
            number::counted(found.active, "active install"),
            number::counted(found.days, "day"),
            found.earlier,
            number::percent_whole(found.low),
            number::percent_whole(found.high)
        ),
        target: "/retention".to_owned(),
        since: found.version.clone(),
        since_day: found.day,
        strength: 1.0,
    }
}

fn silent_feed(found: &Silence) -> NewFinding {
    let what = match found.feed {
        "" => "Reports",
        "tasks" => "Task events",
        "pages" => "Page views",
        _ => "Daily stats",
    };
    NewFinding {
        subject: format!("silence\n{}", found.feed),
        kind: FindingKind::Silence,
        strong: what.to_owned(),
        text: format!("nearly stopped on {}", calendar::long(found.since)),
        evidence: format!(
            "{} sent them on the last full day, {} is usual: more likely a fault of reporting than installs that left",
            number::counted(found.now, "install"),
            number::count(found.usual)
        ),
        target: "/live".to_owned(),
        since: String::new(),
        since_day: found.since,
        strength: 1.0,
    }
}
