//! The overview of a project: headline numbers, charts and panels, all as links and query strings.

pub(crate) mod adoption;
pub(crate) mod data;
pub(crate) mod findings;
pub(crate) mod first_run;
pub(crate) mod flags;
pub(crate) mod full;
pub(crate) mod gaps;
pub(crate) mod headline;
pub(crate) mod pages;
pub(crate) mod panels;
pub(crate) mod passing;
pub(crate) mod series;
pub(crate) mod shared;
pub(crate) mod state;
pub(crate) mod tools;
pub(crate) mod words;

use askama::Template;
use axum::extract::{RawQuery, State as Extract};
use axum::http::header::{HOST, HeaderName};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;

use super::desk::Desk;
use super::error::{PageError, redirect};
use super::shell::{Shell, Tab, page};
use super::viewer::Member;
use super::{Web, blocking};
use crate::access::Action;
use crate::meta::findings::KeptFinding;
use crate::reports::{ReportError, Source, calendar};
use crate::store::Day;

use data::{Data, Span};
use findings::Finding;
use flags::Flags;
use full::Full;
use headline::Stat;
use pages::PagePanel;
use panels::{AppPanel, List, TaskPanel};
use state::State;
use tools::Tools;

/// Seconds between looks for the first hit.
const FIRST_RUN_SECONDS: &str = "5";
/// Findings that a page has room for, the newest first.
const FINDINGS: usize = 5;

/// `GET /projects/{project}`.
pub(super) async fn show(
    Member(viewer): Member,
    Extract(web): Extract<Web>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let state = State::parse(query.as_deref().unwrap_or_default())?;
    let slug = viewer.project.slug.clone();
    if state.added {
        return Ok(redirect(&format!(
            "{}{}",
            Tab::Overview.href(&slug),
            state.link()
        )));
    }
    let desk = Desk::of(web.collector(), &viewer.project);
    let shell = viewer.shell("Overview", Tab::Overview)?;
    let secret = viewer.may(Action::ChangeSettings);
    let origin = web
        .public_origin()
        .map_or_else(|| origin_of(&headers), str::to_owned);
    let found = blocking(move || gather(&desk, state)).await?;
    match found {
        Found::Nothing => first_page(shell, &web, slug, &origin, secret).await,
        Found::Overview(view) => Ok(page(&OverviewPage::new(shell, *view))),
        Found::Full { state, span, parts } => Ok(page(&FullPage::new(shell, &state, span, parts))),
    }
}

/// Asks all that an overview with these parameters shows, for the benchmark; the base of its figures.
///
/// # Errors
/// As for reports.
pub fn figures(
    source: &Source<'_>,
    query: &str,
    (first, today): (Day, Day),
) -> Result<u64, ReportError> {
    let state = State::parse(query)?;
    let data = data::gather(source, &state, Span::new(first, today))?;
    Ok(data.now.active)
}

enum Found {
    Nothing,
    Overview(Box<View>),
    Full {
        state: State,
        span: Span,
        parts: Vec<Full>,
    },
}

struct View {
    state: State,
    span: Span,
    data: Data,
    /// What is told while it is so.
    passing: Vec<Finding>,
    /// What the server found by itself and what stands.
    kept: Vec<KeptFinding>,
}

fn gather(desk: &Desk, state: State) -> Result<Found, ReportError> {
    let today = calendar::day_of_ms(desk.now_ms);
    let Some(first) = desk.first_day() else {
        return Ok(Found::Nothing);
    };
    let span = Span::new(first, today);
    if state.show.is_some() {
        let parts = desk.ask(|source| full::show(source, &state, span))?;
        return Ok(Found::Full { state, span, parts });
    }
    let data = desk.ask(|source| data::gather(source, &state, span))?;
    let mut kept = desk.all_findings()?;
    let passing = passing::passing(desk, &kept)?;
    kept.retain(KeptFinding::is_told);
    Ok(Found::Overview(Box::new(View {
        state,
        span,
        data,
        passing,
        kept,
    })))
}

/// Scheme and host as the browser names them; behind a proxy the configuration should say them.
pub(crate) fn origin_of(headers: &HeaderMap) -> String {
    let host = headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("localhost:8787");
    format!("http://{host}")
}

/// What the footer says about how far the data goes.
pub(crate) fn data_until(last: Day, today: Day) -> String {
    if last < today {
        format!("{}, 24:00", calendar::long(last))
    } else {
        "now".to_owned()
    }
}

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    shell: Shell,
    tools: Tools,
    stats: Vec<Stat>,
    /// HTML of the headline chart.
    chart: String,
    findings: Vec<Finding>,
    /// The page of all findings.
    all_findings: String,
    versions: String,
    sizes: String,
    apps: AppPanel,
    pages: PagePanel,
    tasks: TaskPanel,
    locales: List,
    browsers: List,
    deployments: List,
    tokens: List,
}

impl OverviewPage {
    fn new(shell: Shell, view: View) -> Self {
        let View {
            state,
            span,
            data,
            passing,
            kept,
        } = view;
        let offers = tools::offers(&state, &data);
        let slug = shell.project.as_ref().map(|project| project.slug.clone());
        let slug = slug.unwrap_or_default();
        let flags = Flags::of(&kept, data.range);
        let shown = kept.iter().take(FINDINGS);
        let mut findings: Vec<Finding> = shown.map(|kept| findings::kept(&slug, kept)).collect();
        findings.extend(passing);
        Self {
            shell: shell.data_until(data_until(data.range.to, span.today)),
            tools: Tools::new("Overview", &state, span, offers)
                .matching(data.now.active_week, data.unfiltered)
                .spoilt(data.spoilt.as_deref()),
            stats: headline::stats(&state, &data),
            chart: headline::chart(&state, &data),
            findings,
            all_findings: super::findings::href(&slug),
            versions: adoption::versions(&state, &data),
            sizes: adoption::sizes(&data),
            apps: panels::apps(&state, &data),
            pages: pages::panel(&state, &data.pages),
            tasks: panels::tasks(&state, &data, (&slug, &flags)),
            locales: panels::locales(&state, &data),
            browsers: panels::browsers(&state, &data),
            deployments: panels::deployments(&state, &data),
            tokens: panels::tokens(&data),
        }
    }
}

#[derive(Template)]
#[template(path = "full.html")]
struct FullPage {
    shell: Shell,
    tools: Tools,
    back: String,
    parts: Vec<Full>,
}

impl FullPage {
    fn new(shell: Shell, state: &State, span: Span, parts: Vec<Full>) -> Self {
        let tools = Tools::new(&full::title(state), state, span, Vec::new());
        let last = state.range.days(span.last).to;
        let back =
            state.with(|state| (state.show, state.namespace, state.task) = (None, None, None));
        Self {
            shell: shell.data_until(data_until(last, span.today)),
            tools,
            back,
            parts,
        }
    }
}

#[derive(Template)]
#[template(path = "first_run.html")]
struct FirstRunPage {
    shell: Shell,
    live: String,
    ways: Vec<first_run::Way>,
}

async fn first_page(
    shell: Shell,
    web: &Web,
    slug: String,
    origin: &str,
    secret: bool,
) -> Result<Response, PageError> {
    let live = Tab::Live.href(&slug);
    let project = web.meta(move |meta| meta.project(&slug)).await?;
    let ways = first_run::ways(origin, &project, secret);
    let mut response = page(&FirstRunPage { shell, live, ways });
    refresh(&mut response, FIRST_RUN_SECONDS);
    Ok(response)
}

/// Lets the browser ask again by itself, without a script.
pub(crate) fn refresh(response: &mut Response, seconds: &'static str) {
    const REFRESH: HeaderName = HeaderName::from_static("refresh");
    response
        .headers_mut()
        .insert(REFRESH, HeaderValue::from_static(seconds));
}
