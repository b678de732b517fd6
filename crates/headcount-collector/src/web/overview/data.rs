//! Every number of the overview, asked once. Knows no HTML.

use std::thread;

use crate::query::{AnswerRow, Bucket, DayRange, Dimension, Measure};
use crate::reports::interval::quantile;
use crate::reports::totals::{self, Figures, week_to};
use crate::reports::{Over, Params, ReportError, SizeOf, Source, release, sizes};
use crate::store::Day;

use super::gaps::{self, Gaps};
use super::series::{self, Release};
use super::state::State;

/// Weeks of the adoption chart.
pub(crate) const ADOPTION_WEEKS: i32 = 26;
/// Apps that are shown with their share before and its trend.
pub(crate) const SHOWN_APPS: usize = 10;
/// Points of a trend line.
const TREND_POINTS: i32 = 13;

/// What the pages know before they ask: which days there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// First day with data.
    pub(crate) first: Day,
    /// Last day shown: the last full one, or today in a project's first week.
    pub(crate) last: Day,
    pub(crate) today: Day,
}

impl Span {
    /// A project's first week is shown up to now: its maintainers wait for the first hits.
    pub(crate) fn new(first: Day, today: Day) -> Self {
        const YOUNG_DAYS: i32 = 7;
        let young = today.0 - first.0 < YOUNG_DAYS;
        Self {
            first,
            last: if young { today } else { Day(today.0 - 1) },
            today,
        }
    }
}

/// The numbers.
pub(crate) struct Data {
    pub(crate) range: DayRange,
    pub(crate) now: Figures,
    /// `None` when the comparison is off, or when there is no data for all of it.
    pub(crate) was: Option<Figures>,
    /// Active installs of the week without any filter; as `now` where there is none.
    pub(crate) unfiltered: u64,
    pub(crate) line: Points,
    /// Days of the line on which reports were broken.
    pub(crate) gaps: Gaps,
    /// Why the days compared with are left out.
    pub(crate) spoilt: Option<String>,
    pub(crate) releases: Vec<Release>,
    pub(crate) spread: Option<Spread>,
    pub(crate) adoption: Adoption,
    pub(crate) users: Sizes,
    pub(crate) tokens: Sizes,
    pub(crate) apps: Apps,
    pub(crate) deployments: Vec<AnswerRow>,
    pub(crate) pages: Views,
    pub(crate) locales: Vec<AnswerRow>,
    pub(crate) browsers: Vec<AnswerRow>,
    pub(crate) tasks: Tasks,
}

impl Data {
    /// Leaves out the points of the headline chart before a day.
    pub(crate) fn keep_line_from(&mut self, first: Day) {
        let early = self.line.days.iter().take_while(|&&day| day < first);
        let early = early.count();
        self.line.days.drain(..early);
        self.line.values.drain(..early);
        let gaps = &mut self.gaps.points;
        gaps.drain(..early.min(gaps.len()));
        if let Some(before) = &mut self.line.before {
            before.drain(..early);
        }
    }
}

/// The headline chart.
pub(crate) struct Points {
    pub(crate) days: Vec<Day>,
    pub(crate) values: Vec<f64>,
    pub(crate) before: Option<Vec<f64>>,
}

/// How far the latest release has come, and the one before it at the same age.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) latest: String,
    pub(crate) age_days: i32,
    pub(crate) share: f64,
    pub(crate) before: String,
    pub(crate) before_share: f64,
}

/// Installs by version for each of some weeks.
pub(crate) struct Adoption {
    /// Last day of each week.
    pub(crate) days: Vec<Day>,
    pub(crate) weeks: Vec<Vec<AnswerRow>>,
    /// Weeks that were broken.
    pub(crate) gaps: Gaps,
}

/// Sizes of installs in the last week.
pub(crate) struct Sizes {
    pub(crate) buckets: Vec<sizes::SizeBucket>,
    /// The 50th, 90th and 99th percentile.
    pub(crate) quantiles: [Option<f64>; 3],
    /// Installs that told.
    pub(crate) told: u64,
}

/// Apps of the last week; of those that are shown also the week before the range, and over time.
pub(crate) struct Apps {
    pub(crate) now: Vec<AnswerRow>,
    pub(crate) was: Option<(Vec<AnswerRow>, u64)>,
    /// For each week: rows and active installs; nothing for broken weeks.
    pub(crate) trend: Vec<Option<(Vec<AnswerRow>, u64)>>,
}

/// Apps by installs, those on most first.
pub(crate) fn most_told(rows: &[AnswerRow]) -> Vec<&AnswerRow> {
    let mut found: Vec<&AnswerRow> = rows.iter().filter(|row| !row.key[0].is_empty()).collect();
    found.sort_by(|a, b| b.installs.cmp(&a.installs).then_with(|| a.key.cmp(&b.key)));
    found
}

/// Page views.
pub(crate) struct Views {
    pub(crate) rows: Vec<AnswerRow>,
    pub(crate) views: f64,
    /// Installs that send page views.
    pub(crate) installs: u64,
}

/// Task runs.
pub(crate) struct Tasks {
    pub(crate) rows: Vec<AnswerRow>,
    pub(crate) was: Vec<AnswerRow>,
    /// By namespace, task and result.
    pub(crate) results: Vec<AnswerRow>,
    /// Installs that send task events.
    pub(crate) installs: u64,
}

/// Asks everything.
pub(crate) fn gather(source: &Source<'_>, state: &State, span: Span) -> Result<Data, ReportError> {
    let ask = Ask {
        source,
        state,
        span,
        range: state.range.days(span.last),
    };
    let before = state
        .compare
        .range(ask.range)
        .filter(|before| before.from >= span.first);
    let spoilt = before.and_then(|before| source.spoilt("stats", before));
    let before = before.filter(|_| spoilt.is_none());
    thread::scope(|scope| {
        // Three parts of about the same cost, none of which needs another.
        let events = scope.spawn(|| ask.events(before));
        let apps = scope.spawn(|| ask.apps(before));
        let now = totals::figures(source, ask.range, &state.filter)?;
        let was = before
            .map(|before| totals::figures(source, before, &state.filter))
            .transpose()?;
        let unfiltered = if state.filter.is_empty() {
            now.active_week
        } else {
            ask.installs(Measure::Active, &Over::whole(week_to(ask.range.to), &[]))?
        };
        let latest = now.latest.as_ref().map_or("", |(version, _)| version);
        let releases = series::releases(source, ask.release_range())?;
        let line = ask.line(before, latest)?;
        let gaps = gaps::find(source, "stats", &gaps::ending(&line.days))?;
        let spread = ask.spread(&releases, &now)?;
        let adoption = ask.adoption()?;
        let (users, tokens) = (ask.sizes(SizeOf::Users)?, ask.sizes(SizeOf::Tokens)?);
        let deployments = ask
            .by_attribute(Dimension::Deployment, &[ask.range.to])?
            .remove(0);
        let panic = |_| ReportError::Data("a question ended in a panic".to_owned());
        let events = events.join().map_err(panic)??;
        let apps = apps.join().map_err(panic)??;
        Ok(Data {
            range: ask.range,
            now,
            was,
            unfiltered,
            line,
            gaps,
            spoilt,
            releases,
            spread,
            adoption,
            users,
            tokens,
            apps,
            deployments,
            pages: events.pages,
            locales: events.locales,
            browsers: events.browsers,
            tasks: events.tasks,
        })
    })
}

/// How the latest release spreads among all installs, whatever the choices of a page.
pub(crate) fn spread(source: &Source<'_>, span: Span) -> Result<Option<Spread>, ReportError> {
    let state = State::default();
    let ask = Ask {
        source,
        state: &state,
        span,
        range: state.range.days(span.last),
    };
    let rows = ask
        .by_attribute(Dimension::Version, &[ask.range.to])?
        .remove(0);
    let active_week = rows.iter().map(|row| row.installs).sum();
    let told = rows.into_iter().filter(|row| !row.key[0].is_empty());
    let versions: Vec<(String, u64)> = told
        .map(|mut row| (row.key.remove(0), row.installs))
        .collect();
    let latest = release::latest(&versions).map(str::to_owned);
    let now = Figures {
        active_week,
        latest: latest.and_then(|latest| versions.into_iter().find(|(known, _)| *known == latest)),
        ..Figures::default()
    };
    ask.spread(&series::releases(source, ask.release_range())?, &now)
}

/// The numbers that come from page views and task runs.
struct Events {
    pages: Views,
    locales: Vec<AnswerRow>,
    browsers: Vec<AnswerRow>,
    tasks: Tasks,
}

struct Ask<'a> {
    source: &'a Source<'a>,
    state: &'a State,
    span: Span,
    range: DayRange,
}

impl Ask<'_> {
    fn events(&self, before: Option<DayRange>) -> Result<Events, ReportError> {
        let pages = self.pages()?;
        // Asked together for one walk over the views; each of the two is made of it.
        self.whole(Measure::Pages, &[Dimension::Locale, Dimension::Browser])?;
        Ok(Events {
            pages,
            locales: self.whole(Measure::Pages, &[Dimension::Locale])?,
            browsers: self.whole(Measure::Pages, &[Dimension::Browser])?,
            tasks: self.tasks(before)?,
        })
    }

    fn rows(
        &self,
        measure: Measure,
        by: &[Dimension],
        range: DayRange,
    ) -> Result<Vec<AnswerRow>, ReportError> {
        Ok(self
            .source
            .ask(measure, by, &Over::whole(range, &self.state.filter))?
            .rows)
    }

    fn whole(&self, measure: Measure, by: &[Dimension]) -> Result<Vec<AnswerRow>, ReportError> {
        self.rows(measure, by, self.range)
    }

    fn installs(&self, measure: Measure, over: &Over<'_>) -> Result<u64, ReportError> {
        let rows = self.source.ask(measure, &[], over)?.rows;
        Ok(rows.first().map_or(0, |row| row.installs))
    }

    /// From half a year back at least, so that the latest release and the one before have their day.
    fn release_range(&self) -> DayRange {
        let from = self.range.from.0.min(self.range.to.0 - 7 * ADOPTION_WEEKS) - 1;
        DayRange {
            from: Day(from).max(self.span.first),
            to: self.range.to,
        }
    }

    fn line(&self, before: Option<DayRange>, latest: &str) -> Result<Points, ReportError> {
        let days = series::points(self.range, self.span.first);
        let of = |days: &[Day]| {
            series::metric(
                self.source,
                self.state.metric,
                days,
                &self.state.filter,
                latest,
            )
        };
        let values = of(&days)?;
        let shifted = before.map(|before| {
            let back = self.range.to.0 - before.to.0;
            days.iter().map(|day| Day(day.0 - back)).collect::<Vec<_>>()
        });
        let before = shifted.map(|days| of(&days)).transpose()?;
        Ok(Points {
            days,
            values,
            before,
        })
    }

    fn spread(&self, releases: &[Release], now: &Figures) -> Result<Option<Spread>, ReportError> {
        let Some((latest, share)) = now.latest.as_ref().zip(now.latest_share()) else {
            return Ok(None);
        };
        let latest = &latest.0;
        let Some(known) = releases.iter().find(|release| release.version == *latest) else {
            return Ok(None);
        };
        // A release that opens a line is measured by the last one that did.
        let like = |version: &str| release::is_minor(version) || !release::is_minor(latest);
        let earlier = releases
            .iter()
            .filter(|other| release::order(&other.version, latest).is_lt() && like(&other.version))
            .max_by(|a, b| release::order(&a.version, &b.version));
        let Some(earlier) = earlier else {
            return Ok(None);
        };
        let age_days = self.range.to.0 - known.day.0;
        let then = Day(earlier.day.0 + age_days);
        if then > self.range.to {
            return Ok(None);
        }
        let rows = self.by_attribute(Dimension::Version, &[then])?.remove(0);
        Ok(Some(Spread {
            latest: latest.clone(),
            age_days,
            share,
            before: earlier.version.clone(),
            before_share: series::share_of(&rows, &earlier.version),
        }))
    }

    fn adoption(&self) -> Result<Adoption, ReportError> {
        let to = self.range.to.0;
        let days: Vec<Day> = (0..ADOPTION_WEEKS)
            .rev()
            .map(|k| Day(to - 7 * k))
            .filter(|&day| day >= self.span.first)
            .collect();
        let weeks = self.by_attribute(Dimension::Version, &days)?;
        let gaps = gaps::find(self.source, "stats", &self.weeks(&days))?;
        Ok(Adoption { days, weeks, gaps })
    }

    /// The 7 days up to each of some days, as far as there is data.
    fn weeks(&self, days: &[Day]) -> Vec<DayRange> {
        let week = |&day: &Day| {
            let week = week_to(day);
            DayRange {
                from: week.from.max(self.span.first),
                ..week
            }
        };
        days.iter().map(week).collect()
    }

    fn by_attribute(
        &self,
        attribute: Dimension,
        days: &[Day],
    ) -> Result<Vec<Vec<AnswerRow>>, ReportError> {
        series::by_attribute(self.source, attribute, days, &self.state.filter)
    }

    fn sizes(&self, of: SizeOf) -> Result<Sizes, ReportError> {
        let (dimension, measure) = match of {
            SizeOf::Users => (Dimension::Users, Measure::Users),
            SizeOf::Tokens => (Dimension::Tokens, Measure::Tokens),
        };
        let over = Over::whole(week_to(self.range.to), &self.state.filter);
        let answer = self.source.ask(Measure::Active, &[dimension], &over)?;
        let spread = self.source.spread_of(measure, &over)?;
        Ok(Sizes {
            buckets: sizes::buckets(&answer),
            quantiles: [0.5, 0.9, 0.99].map(|share| quantile(&spread, share)),
            told: spread.iter().map(|(_, installs)| installs).sum(),
        })
    }

    fn apps(&self, before: Option<DayRange>) -> Result<Apps, ReportError> {
        let week = |day: Day, only: &[String]| -> Result<(Vec<AnswerRow>, u64), ReportError> {
            let (over, by) = (
                Over::whole(week_to(day), &self.state.filter),
                [Dimension::App],
            );
            let answer = self.source.ask_only(Measure::Active, &by, only, &over)?;
            Ok((answer.rows, answer.base))
        };
        let now = week(self.range.to, &[])?.0;
        let told = most_told(&now).into_iter();
        let shown: Vec<String> = told
            .take(SHOWN_APPS)
            .map(|row| row.key[0].clone())
            .collect();
        if shown.is_empty() {
            return Ok(Apps {
                now,
                was: before.map(|_| (Vec::new(), 0)),
                trend: Vec::new(),
            });
        }
        let from = self.range.from.max(self.span.first).0;
        let days = self.range.to.0 - from;
        let points = TREND_POINTS.min(days + 1);
        let trend: Vec<Day> = (0..points)
            .map(|k| Day(from + days * k / (points - 1).max(1)))
            .collect();
        Ok(Apps {
            now,
            was: before.map(|before| week(before.to, &shown)).transpose()?,
            trend: trend
                .into_iter()
                .map(|day| match self.source.spoilt("stats", week_to(day)) {
                    Some(_) => Ok(None),
                    None => week(day, &shown).map(Some),
                })
                .collect::<Result<_, _>>()?,
        })
    }

    /// The finest groups are asked first: the index makes the coarser ones of what it summed for them.
    fn pages(&self) -> Result<Views, ReportError> {
        let mut rows = self.whole(Measure::Pages, &[Dimension::Path, Dimension::Title])?;
        rows.sort_by(|a, b| {
            b.amount
                .total_cmp(&a.amount)
                .then_with(|| a.key.cmp(&b.key))
        });
        let all = self.whole(Measure::Pages, &[])?.pop();
        Ok(Views {
            rows,
            views: all.as_ref().map_or(0.0, |row| row.amount),
            installs: all.map_or(0, |row| row.installs),
        })
    }

    fn tasks(&self, before: Option<DayRange>) -> Result<Tasks, ReportError> {
        let by = [Dimension::Namespace, Dimension::Task];
        let was = before
            .map(|before| self.rows(Measure::Tasks, &by, before))
            .transpose()?;
        // The finest groups first, as for pages.
        let over = Over::whole(self.range, &self.state.filter);
        let ask = |by: &[Dimension]| self.source.ask_medians(Measure::Tasks, by, &over);
        let results = ask(&[by[0], by[1], Dimension::Result])?.rows;
        Ok(Tasks {
            rows: ask(&by)?.rows,
            was: was.unwrap_or_default(),
            results,
            installs: self.installs(Measure::Tasks, &over)?,
        })
    }
}

/// The parameters of a full report for the days and filter of the page.
pub(crate) fn report_params(state: &State, range: DayRange) -> Params {
    Params {
        range,
        range_given: true,
        bucket: Bucket::Day,
        cohort: Bucket::Month,
        limit: None,
        filter: state.filter.clone(),
        of: SizeOf::Users,
        namespace: state.namespace.clone(),
        task: state.task.clone(),
        csv: false,
        compare: None,
    }
}
