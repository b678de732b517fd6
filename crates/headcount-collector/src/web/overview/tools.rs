//! The line of choices above a page: ranges, comparison, filters as links and chips.

use crate::chart::number;
use crate::query::{AnswerRow, Clause, ClauseValue, DayRange, Dimension, Measure};
use crate::reports::comparison::Compare;
use crate::reports::totals::week_to;
use crate::reports::{Over, ReportError, Source, calendar, params};
use crate::store::Day;

use super::data::{Data, Span};
use super::state::{Range, State};
use super::words;

/// Values offered per dimension in the filter menu.
const OFFERED: usize = 6;

/// What templates/tools.html shows.
pub(crate) struct Tools {
    pub(crate) title: String,
    pub(crate) ranges: Vec<Choice>,
    /// Whether days of one's own are shown.
    pub(crate) custom: bool,
    pub(crate) from: String,
    pub(crate) to: String,
    /// The last day one may choose.
    pub(crate) most: String,
    /// What the range form keeps.
    pub(crate) range_keeps: Vec<(&'static str, String)>,
    /// The comparison in words.
    pub(crate) compared: String,
    pub(crate) compares: Vec<Choice>,
    pub(crate) chips: Vec<Chip>,
    pub(crate) offers: Vec<Offer>,
    /// What the filter form keeps.
    pub(crate) filter_keeps: Vec<(&'static str, String)>,
    /// Dimensions of the filter form: word and label.
    pub(crate) dimensions: Vec<(&'static str, &'static str)>,
    /// How many installs match.
    pub(crate) matches: String,
}

/// A link among others.
pub(crate) struct Choice {
    pub(crate) label: String,
    pub(crate) note: String,
    pub(crate) href: String,
    pub(crate) current: bool,
}

/// A filter that is on.
pub(crate) struct Chip {
    pub(crate) label: &'static str,
    pub(crate) condition: String,
    /// The page without it.
    pub(crate) href: String,
}

/// Values of a dimension that one click filters by.
pub(crate) struct Offer {
    pub(crate) label: &'static str,
    pub(crate) choices: Vec<Choice>,
}

impl Tools {
    pub(crate) fn new(title: &str, state: &State, span: Span, offers: Vec<Offer>) -> Self {
        let range = state.range.days(span.last);
        let chosen = |range: Range| Choice {
            label: range.label().to_owned(),
            note: String::new(),
            href: state.with(|state| state.range = range),
            current: state.range == range,
        };
        let keeps = |without: &[&str]| {
            let pairs = state.pairs();
            pairs
                .into_iter()
                .filter(|(name, _)| !without.contains(name))
                .collect()
        };
        Self {
            title: title.to_owned(),
            ranges: Range::NAMED.map(chosen).into(),
            custom: matches!(state.range, Range::Custom(_)),
            from: calendar::iso(range.from),
            to: calendar::iso(range.to),
            most: calendar::iso(span.today),
            range_keeps: keeps(&["range", "from", "to", "page"]),
            compared: compared(state, range, span),
            compares: compares(state, range, span),
            chips: state
                .filter
                .iter()
                .map(|clause| chip(state, clause))
                .collect(),
            offers,
            filter_keeps: keeps(&["page"]),
            dimensions: words::FILTERS
                .map(|(dimension, label)| (params::dimension_name(dimension), label))
                .into(),
            matches: String::new(),
        }
    }

    /// Says why the days compared with are left out, if they are.
    pub(crate) fn spoilt(mut self, reason: Option<&str>) -> Self {
        if let Some(reason) = reason {
            self.compared = format!("left out: {reason}");
        }
        self
    }

    /// Says how many of the active installs match.
    pub(crate) fn matching(mut self, matching: u64, all: u64) -> Self {
        self.matches = if self.chips.is_empty() {
            format!(
                "{} active in the last 7 days",
                number::counted(all, "install")
            )
        } else {
            format!(
                "{} of {} active installs match",
                number::count(matching),
                number::count(all)
            )
        };
        self
    }
}

fn compared(state: &State, range: DayRange, span: Span) -> String {
    match state.compare.range(range) {
        None => "off".to_owned(),
        Some(before) if before.from < span.first => "no earlier data".to_owned(),
        Some(_) => name(state.compare, range),
    }
}

/// The earlier range in words: `previous 90 days`.
pub(crate) fn name(compare: Compare, range: DayRange) -> String {
    match (compare, range.to.0 - range.from.0 + 1) {
        (Compare::Previous, 1) => "previous day".to_owned(),
        (Compare::Previous, days) => format!("previous {days} days"),
        (Compare::Year, _) => "a year before".to_owned(),
        (Compare::Off, _) => "off".to_owned(),
    }
}

fn compares(state: &State, range: DayRange, span: Span) -> Vec<Choice> {
    let choice = |compare: Compare| {
        let label = match compare {
            Compare::Previous => {
                let days = range.to.0 - range.from.0 + 1;
                format!(
                    "Previous {}",
                    number::counted(days.unsigned_abs().into(), "day")
                )
            }
            Compare::Year => "Same days a year before".to_owned(),
            Compare::Off => "Off".to_owned(),
        };
        let note = match compare.range(range) {
            None => String::new(),
            Some(before) if before.from < span.first => {
                format!("data begins {}", calendar::long(span.first))
            }
            Some(before) => format!(
                "{} to {}",
                calendar::short(before.from),
                calendar::short(before.to)
            ),
        };
        Choice {
            label,
            note,
            href: state.with(|state| state.compare = compare),
            current: state.compare == compare,
        }
    };
    Compare::ALL.map(choice).into()
}

fn chip(state: &State, clause: &Clause) -> Chip {
    let (label, condition) = words::clause(clause);
    let href = state.with(|state| state.filter.retain(|other| other != clause));
    Chip {
        label,
        condition,
        href,
    }
}

/// The values to offer: those that the page shows anyway, the most frequent first.
pub(crate) fn offers(state: &State, data: &Data) -> Vec<Offer> {
    let versions = data.adoption.weeks.last().map_or(&[][..], |rows| rows);
    values(state, versions, &data.deployments, &data.apps.now)
}

/// The same, asked for the week up to a day.
///
/// # Errors
/// The data cannot be read.
pub(crate) fn asked_offers(
    source: &Source<'_>,
    state: &State,
    day: Day,
) -> Result<Vec<Offer>, ReportError> {
    let over = Over::whole(week_to(day), &state.filter);
    let rows = |by| Ok::<_, ReportError>(source.ask(Measure::Active, &[by], &over)?.rows);
    let versions = rows(Dimension::Version)?;
    let deployments = rows(Dimension::Deployment)?;
    Ok(values(
        state,
        &versions,
        &deployments,
        &rows(Dimension::App)?,
    ))
}

fn values(
    state: &State,
    versions: &[AnswerRow],
    deployments: &[AnswerRow],
    apps: &[AnswerRow],
) -> Vec<Offer> {
    let texts = |dimension, label, mut found: Vec<(String, u64)>| {
        found.retain(|(value, _)| !value.is_empty());
        found.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let choices = found.into_iter().take(OFFERED).map(|(value, installs)| {
            let clause = Clause {
                dimension,
                negated: false,
                value: ClauseValue::Text(value),
            };
            choice(state, clause, number::count(installs))
        });
        Offer {
            label,
            choices: choices.collect(),
        }
    };
    let keyed = |rows: &[AnswerRow]| {
        rows.iter()
            .map(|row| (row.key[0].clone(), row.installs))
            .collect::<Vec<_>>()
    };
    let users = [(1, 1), (2, u64::MAX), (10, 99), (100, u64::MAX)].map(|(low, high)| {
        let value = ClauseValue::Range(low, high);
        choice(
            state,
            Clause {
                dimension: Dimension::Users,
                negated: false,
                value,
            },
            String::new(),
        )
    });
    let mut offers = vec![
        texts(Dimension::Version, "Version", keyed(versions)),
        texts(Dimension::Deployment, "Deployment", keyed(deployments)),
        Offer {
            label: "Users",
            choices: users.into(),
        },
        texts(Dimension::App, "App", keyed(apps)),
    ];
    offers.retain(|offer| !offer.choices.is_empty());
    offers
}

fn choice(state: &State, clause: Clause, note: String) -> Choice {
    let (_, label) = words::clause(&clause);
    let current = state.filter.contains(&clause);
    Choice {
        label,
        note,
        href: state.filtered(clause),
        current,
    }
}
