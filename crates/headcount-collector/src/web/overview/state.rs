//! What the reader of a page chose, read from the query string and written back into links. Pure.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::query::{Clause, DayRange};
use crate::reports::comparison::Compare;
use crate::reports::{ReportError, calendar, params};
use crate::store::Day;

/// What stays readable in a query string.
const KEPT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'/')
    .remove(b':');

/// A range in words or by its days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Range {
    Week,
    Month,
    Quarter,
    Year,
    Custom(DayRange),
}

impl Range {
    /// The ranges with a name, in their order on the page.
    pub(crate) const NAMED: [Self; 4] = [Self::Week, Self::Month, Self::Quarter, Self::Year];

    /// The word in the query string.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Week => "7d",
            Self::Month => "30d",
            Self::Quarter => "90d",
            Self::Year => "12m",
            Self::Custom(_) => "custom",
        }
    }

    /// The words on the page.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Week => "7 days",
            Self::Month => "30 days",
            Self::Quarter => "90 days",
            Self::Year => "12 months",
            Self::Custom(_) => "Custom",
        }
    }

    /// The days, where `last` is the last one with data to show.
    pub(crate) fn days(self, last: Day) -> DayRange {
        let days = match self {
            Self::Week => 7,
            Self::Month => 30,
            Self::Quarter => 90,
            Self::Year => 365,
            Self::Custom(range) => return range,
        };
        DayRange {
            from: Day(last.0 - days + 1),
            to: last,
        }
    }
}

/// The measure of the headline chart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Metric {
    Active,
    New,
    Gone,
    Users,
    Median,
    Latest,
}

impl Metric {
    pub(crate) const ALL: [Self; 6] = [
        Self::Active,
        Self::New,
        Self::Gone,
        Self::Users,
        Self::Median,
        Self::Latest,
    ];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::New => "new",
            Self::Gone => "gone",
            Self::Users => "users",
            Self::Median => "median",
            Self::Latest => "latest",
        }
    }
}

/// Order of the task panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    Runs,
    Failed,
}

/// Everything chosen.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct State {
    pub(crate) range: Range,
    pub(crate) compare: Compare,
    pub(crate) metric: Metric,
    pub(crate) sort: Sort,
    pub(crate) filter: Vec<Clause>,
    /// Report shown in full instead of the overview.
    pub(crate) show: Option<String>,
    /// Page of that report, from 1.
    pub(crate) page: usize,
    /// The task shown in full.
    pub(crate) namespace: Option<String>,
    pub(crate) task: Option<String>,
    /// What names of tasks must contain.
    pub(crate) find: String,
    /// Whether a form asked for one more filter: the answer is then a redirect.
    pub(crate) added: bool,
    /// Whether a share link says the days: they do not stand in links then.
    pub(crate) fixed: bool,
}

impl Default for State {
    fn default() -> Self {
        Self {
            range: Range::Quarter,
            compare: Compare::Previous,
            metric: Metric::Active,
            sort: Sort::Runs,
            filter: Vec::new(),
            show: None,
            page: 1,
            namespace: None,
            task: None,
            find: String::new(),
            added: false,
            fixed: false,
        }
    }
}

impl State {
    /// Reads a query string. Names that pages do not know are passed over: addresses travel, and
    /// what is appended to them on the way must not break the page.
    ///
    /// # Errors
    /// Names the parameter with a value that cannot be.
    pub(crate) fn parse(query: &str) -> Result<Self, ReportError> {
        Self::read(params::pairs(query)?)
    }

    /// Reads what the reader of a share link may choose: chart, order, table and its page. Everything
    /// else is passed over; the days are those of the link.
    ///
    /// # Errors
    /// As `parse`.
    pub(crate) fn parse_shared(query: &str, days: DayRange) -> Result<Self, ReportError> {
        const FREE: [&str; 6] = ["metric", "sort", "show", "page", "namespace", "task"];
        let mut pairs = params::pairs(query)?;
        pairs.retain(|(name, _)| FREE.contains(&name.as_str()));
        Ok(Self {
            range: Range::Custom(days),
            compare: Compare::Off,
            fixed: true,
            ..Self::read(pairs)?
        })
    }

    fn read(pairs: Vec<(String, String)>) -> Result<Self, ReportError> {
        let mut state = Self::default();
        let (mut range, mut from, mut to) = (None, None, None);
        let (mut dimension, mut value) = (None, None);
        for (name, given) in pairs {
            match name.as_str() {
                "range" => range = Some(given),
                "from" if !given.is_empty() => from = Some(params::day("from", &given)?),
                "to" if !given.is_empty() => to = Some(params::day("to", &given)?),
                "compare" => {
                    state.compare = one_of("compare", &given, &Compare::ALL, Compare::word)?
                }
                "metric" => state.metric = one_of("metric", &given, &Metric::ALL, Metric::word)?,
                "sort" => {
                    state.sort = if given == "failed" {
                        Sort::Failed
                    } else {
                        Sort::Runs
                    }
                }
                "filter" => state.add(params::clause(&given)?)?,
                "dimension" => dimension = Some(given),
                "value" => value = Some(given),
                "show" if !given.is_empty() => state.show = Some(given),
                "page" => state.page = page(&given)?,
                "namespace" => state.namespace = Some(given),
                "task" => state.task = Some(given),
                "q" => state.find = given.trim().to_owned(),
                _ => {}
            }
        }
        if let (Some(dimension), Some(value)) = (dimension, value) {
            state.added = true;
            if !value.trim().is_empty() {
                state.add(params::clause(&format!("{dimension}:{}", value.trim()))?)?;
            }
        }
        state.range = match (range.as_deref(), from, to) {
            (None | Some("custom"), Some(from), Some(to)) => {
                Range::Custom(params::check_range(from, to)?)
            }
            (None, None, None) => Range::Quarter,
            (None | Some("custom"), None, _) => return Err(params::bad("from", "is missing")),
            (None | Some("custom"), _, None) => return Err(params::bad("to", "is missing")),
            (Some(word), _, _) => one_of("range", word, &Range::NAMED, Range::word)?,
        };
        Ok(state)
    }

    fn add(&mut self, clause: Clause) -> Result<(), ReportError> {
        const MOST: usize = 20;
        if self.filter.contains(&clause) {
            return Ok(());
        }
        if self.filter.len() == MOST {
            return Err(params::bad(
                "filter",
                &format!("comes more than {MOST} times"),
            ));
        }
        self.filter.push(clause);
        Ok(())
    }

    /// The query string of this state, with `?`; what is the default is left out.
    pub(crate) fn link(&self) -> String {
        let pairs = self.pairs();
        let text: Vec<String> = pairs
            .iter()
            .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, KEPT)))
            .collect();
        format!("?{}", text.join("&"))
    }

    /// This state as pairs of a form or link.
    pub(crate) fn pairs(&self) -> Vec<(&'static str, String)> {
        let plain = Self::default();
        let mut out = Vec::new();
        match self.range {
            _ if self.fixed => {}
            Range::Custom(range) => {
                out.push(("from", calendar::iso(range.from)));
                out.push(("to", calendar::iso(range.to)));
            }
            range if range == plain.range => {}
            range => out.push(("range", range.word().to_owned())),
        }
        if self.compare != plain.compare && !self.fixed {
            out.push(("compare", self.compare.word().to_owned()));
        }
        if self.metric != plain.metric {
            out.push(("metric", self.metric.word().to_owned()));
        }
        if self.sort == Sort::Failed {
            out.push(("sort", "failed".to_owned()));
        }
        out.extend(
            self.filter
                .iter()
                .map(|clause| ("filter", params::clause_text(clause))),
        );
        out.extend(self.show.iter().map(|show| ("show", show.clone())));
        out.extend(
            self.namespace
                .iter()
                .map(|namespace| ("namespace", namespace.clone())),
        );
        out.extend(self.task.iter().map(|task| ("task", task.clone())));
        if !self.find.is_empty() {
            out.push(("q", self.find.clone()));
        }
        if self.page > 1 {
            out.push(("page", self.page.to_string()));
        }
        out
    }

    /// This state after a change, as a link.
    pub(crate) fn with(&self, change: impl FnOnce(&mut Self)) -> String {
        let mut state = self.clone();
        state.page = 1;
        change(&mut state);
        state.link()
    }

    /// A link that shows another report in full.
    pub(crate) fn showing(&self, report: &str) -> String {
        self.with(|state| {
            state.show = Some(report.to_owned());
            (state.namespace, state.task) = (None, None);
        })
    }

    /// A link with one more filter.
    pub(crate) fn filtered(&self, clause: Clause) -> String {
        self.with(|state| {
            if !state.filter.contains(&clause) {
                state.filter.push(clause);
            }
        })
    }

    /// The query string of the reports API for the same days and filter.
    pub(crate) fn api(&self, range: DayRange) -> String {
        let mut text = format!(
            "?from={}&to={}",
            calendar::iso(range.from),
            calendar::iso(range.to)
        );
        let named = [("namespace", &self.namespace), ("task", &self.task)];
        let named = named
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.clone()?)));
        let filters = self
            .filter
            .iter()
            .map(|clause| ("filter", params::clause_text(clause)));
        for (name, value) in named.chain(filters) {
            text.push_str(&format!("&{name}={}", utf8_percent_encode(&value, KEPT)));
        }
        text
    }
}

fn one_of<T: Copy>(
    name: &str,
    given: &str,
    known: &[T],
    word: fn(T) -> &'static str,
) -> Result<T, ReportError> {
    let found = known.iter().copied().find(|&each| word(each) == given);
    found.ok_or_else(|| {
        let words: Vec<&str> = known.iter().map(|&each| word(each)).collect();
        params::bad(name, &format!("is none of {}", words.join(", ")))
    })
}

fn page(given: &str) -> Result<usize, ReportError> {
    const MOST: usize = 10_000;
    match given.parse() {
        Ok(page @ 1..=MOST) => Ok(page),
        _ => Err(params::bad("page", "is not a page number")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_say_what_was_chosen() {
        for query in [
            "?",
            "?range=7d",
            "?from=2026-08-01&to=2026-08-31&compare=year",
            "?range=12m&compare=off&metric=gone&sort=failed",
            "?filter=version:5.5.0&filter=%21app:a%26b&filter=users:2-&show=apps&page=3",
            "?show=task&namespace=a&task=b%20c",
        ] {
            let state = State::parse(&query[1..]).expect(query);
            assert_eq!(state.link(), query);
        }
        let state = State::parse("utm_source=chat&range=30d&page=2").expect("unknown names pass");
        assert_eq!(
            state.with(|s| s.metric = Metric::New),
            "?range=30d&metric=new"
        );
    }

    #[test]
    fn the_reader_of_a_share_link_chooses_neither_days_nor_filter() {
        let days = DayRange {
            from: Day(100),
            to: Day(129),
        };
        let asked = "range=12m&from=2020-01-01&to=2026-01-01&compare=year&filter=app:x&dimension=app&value=y&q=z&metric=new&page=2";
        let state = State::parse_shared(asked, days).expect("they are passed over");
        assert_eq!(
            (state.range, state.compare),
            (Range::Custom(days), Compare::Off)
        );
        assert!(state.filter.is_empty() && !state.added && state.find.is_empty());
        assert_eq!(state.link(), "?metric=new&page=2");
        assert!(State::parse_shared("metric=money", days).is_err());
    }

    #[test]
    fn a_form_adds_one_filter() {
        let state = State::parse("range=7d&dimension=version&value=+5.5.0+").expect("a form");
        assert!(state.added);
        assert_eq!(state.link(), "?range=7d&filter=version:5.5.0");
        let twice = State::parse("filter=app:x&dimension=app&value=x").expect("a form");
        assert_eq!(twice.filter.len(), 1);
        let empty = State::parse("dimension=app&value=").expect("an empty form");
        assert!(empty.added && empty.filter.is_empty());
    }

    #[test]
    fn wrong_choices_are_named() {
        for (query, wrong) in [
            ("range=2d", "range"),
            ("range=custom&from=2026-08-01", "to"),
            ("to=2026-08-01", "from"),
            ("from=2026-08-02&to=2026-08-01", "from"),
            ("from=x&to=2026-08-01", "from"),
            ("compare=tomorrow", "compare"),
            ("metric=money", "metric"),
            ("filter=colour:red", "filter"),
            ("dimension=users&value=many", "filter"),
            ("page=0", "page"),
        ] {
            match State::parse(query) {
                Err(ReportError::Parameter { name, .. }) => assert_eq!(name, wrong, "{query}"),
                other => panic!("{query}: {other:?}"),
            }
        }
    }
}
