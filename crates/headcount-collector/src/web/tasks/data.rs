//! Every number of the tasks page, asked once. Knows no HTML.

use crate::query::{AnswerRow, Bucket, DayRange, Dimension, Measure};
use crate::reports::interval::quantile;
use crate::reports::{Cell, Over, Params, ReportError, Source, release, task};
use crate::store::Day;
use crate::web::overview::data::{ADOPTION_WEEKS, Span, report_params};
use crate::web::overview::gaps::{self, Gaps};
use crate::web::overview::panels::only;
use crate::web::overview::series::{self, Release};
use crate::web::overview::state::{Sort, State};

/// Days beyond which runs are shown by week.
const DAILY: i32 = 100;

/// The numbers.
pub(crate) struct Data {
    pub(crate) range: DayRange,
    /// Whether there is data for all of the days compared with.
    pub(crate) compared: bool,
    /// Why they are left out, if they are no measure.
    pub(crate) spoilt: Option<String>,
    /// By namespace and task, in the order asked for.
    pub(crate) rows: Vec<AnswerRow>,
    pub(crate) was: Vec<AnswerRow>,
    /// Installs that send task events.
    pub(crate) installs: u64,
    pub(crate) detail: Option<Found>,
}

/// One task.
pub(crate) struct Found {
    pub(crate) row: AnswerRow,
    /// Rows of `task`, by day or week.
    pub(crate) runs: Vec<Vec<Cell>>,
    pub(crate) bucket: Bucket,
    /// Which of them were broken.
    pub(crate) gaps: Gaps,
    /// Rows of `task-exceptions` and `task-versions`.
    pub(crate) exceptions: Vec<Vec<Cell>>,
    pub(crate) versions: Vec<Vec<Cell>>,
    pub(crate) values: Vec<task::Step>,
    pub(crate) p90: Option<f64>,
    pub(crate) releases: Vec<Release>,
}

impl Data {
    /// The same task in the days compared with.
    pub(crate) fn was(&self, row: &AnswerRow) -> Option<&AnswerRow> {
        let found = self.was.iter().find(|was| was.key == row.key);
        found.filter(|_| self.compared)
    }
}

/// Asks everything.
pub(crate) fn gather(source: &Source<'_>, state: &State, span: Span) -> Result<Data, ReportError> {
    let range = state.range.days(span.last);
    let before = state.compare.range(range);
    let before = before.filter(|before| before.from >= span.first);
    let spoilt = before.and_then(|before| source.spoilt("tasks", before));
    let before = before.filter(|_| spoilt.is_none());
    let rows = |by: &[Dimension], range| {
        let over = Over::whole(range, &state.filter);
        Ok::<_, ReportError>(source.ask(Measure::Tasks, by, &over)?.rows)
    };
    let by = [Dimension::Namespace, Dimension::Task];
    let over = Over::whole(range, &state.filter);
    let mut found = source.ask_medians(Measure::Tasks, &by, &over)?.rows;
    let was = before.map(|before| rows(&by, before)).transpose()?;
    let mut data = Data {
        range,
        compared: was.is_some(),
        spoilt,
        was: was.unwrap_or_default(),
        installs: rows(&[], range)?.first().map_or(0, |row| row.installs),
        rows: Vec::new(),
        detail: None,
    };
    sort(&mut found, state.sort);
    data.rows = found;
    let chosen = match (&state.namespace, &state.task) {
        (None, None) => data.rows.first(),
        (namespace, task) => data.rows.iter().find(|row| {
            namespace
                .as_ref()
                .is_none_or(|wanted| *wanted == row.key[0])
                && task.as_ref().is_none_or(|wanted| *wanted == row.key[1])
        }),
    };
    if let Some(row) = chosen.cloned() {
        data.detail = Some(detail(source, state, (&data, span), row)?);
    }
    Ok(data)
}

fn sort(rows: &mut [AnswerRow], by: Sort) {
    let failed = |row: &AnswerRow| row.failures as f64 / row.amount.max(1.0);
    rows.sort_by(|a, b| {
        b.amount
            .total_cmp(&a.amount)
            .then_with(|| a.key.cmp(&b.key))
    });
    if by == Sort::Failed {
        rows.sort_by(|a, b| failed(b).total_cmp(&failed(a)));
    }
}

fn detail(
    source: &Source<'_>,
    state: &State,
    (data, span): (&Data, Span),
    row: AnswerRow,
) -> Result<Found, ReportError> {
    let range = data.range;
    let bucket = if range.to.0 - range.from.0 < DAILY {
        Bucket::Day
    } else {
        Bucket::Week
    };
    let params = Params {
        bucket,
        namespace: Some(row.key[0].clone()),
        task: Some(row.key[1].clone()),
        range: DayRange {
            from: range.from.max(span.first),
            to: range.to.max(span.first),
        },
        ..report_params(state, range)
    };
    let mut filter = state.filter.clone();
    let own = [Dimension::Namespace, Dimension::Task, Dimension::Version];
    filter.retain(|clause| !own.contains(&clause.dimension));
    filter.push(only(Dimension::Namespace, &row.key[0]));
    filter.push(only(Dimension::Task, &row.key[1]));
    let spread = source.spread_of(Measure::Tasks, &Over::whole(range, &filter))?;
    let known = DayRange {
        // As far back as the overview: what comes and goes around the least share of a release is none.
        from: Day(range.from.0.min(range.to.0 - 7 * ADOPTION_WEEKS) - 1).max(span.first),
        to: range.to,
    };
    let mut releases = series::releases(source, known)?;
    releases.retain(|found| release::is_release(&found.version));
    let runs = task::run(source, &params)?.rows;
    let days: Vec<Day> = runs.iter().filter_map(|row| row[0].day()).collect();
    let gaps = gaps::find(source, "tasks", &gaps::beginning(&days, params.range.to))?;
    Ok(Found {
        runs,
        gaps,
        bucket,
        exceptions: task::exceptions(source, &params)?.rows,
        versions: task::versions(source, &params)?.rows,
        values: task::steps(&spread),
        p90: quantile(&spread, 0.9),
        releases,
        row,
    })
}
