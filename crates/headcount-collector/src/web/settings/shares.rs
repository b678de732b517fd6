//! Share links: made (and shown once), listed, revoked.

use std::collections::HashMap;

use askama::Template;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State as Extract};
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;

use super::{Change, Confirm, Frame, Manager, Section, answer, day, mendable, moment, origin};
use crate::meta::shares::{self, MOST_DAYS, NewShare, Part, ShareDays, ShareLine, Shown};
use crate::query::Clause;
use crate::reports::{calendar, params};
use crate::store::Day;
use crate::web::error::{PageError, redirect};
use crate::web::login::Nothing;
use crate::web::overview::shared::last_day;
use crate::web::overview::state::{Range, State};
use crate::web::overview::words;
use crate::web::shell::Shell;
use crate::web::{Web, now};

/// Days a link works unless its maker says otherwise.
const DEFAULT_DAYS: i32 = 30;
/// Last day that can be chosen, from today.
const LONGEST_DAYS: i32 = 365;
const DAY_MS: i64 = 86_400_000;

#[derive(Template)]
#[template(path = "settings_shares.html")]
struct SharesPage {
    shell: Shell,
    frame: Frame,
    at: String,
    lines: Vec<Line>,
    /// A link just made.
    fresh: Option<String>,
    typed: Typed,
    chips: Vec<Chip>,
    dimensions: Vec<(&'static str, &'static str)>,
    /// What the filter form keeps.
    keeps: Vec<(&'static str, String)>,
    today: String,
    most_days: i32,
    last: String,
}

struct Line {
    id: i64,
    name: String,
    filter: String,
    days: String,
    parts: String,
    locked: bool,
    by: String,
    made: String,
    used: String,
    ends: String,
}

struct Chip {
    label: &'static str,
    condition: String,
    /// The page without it.
    href: String,
}

/// What stands in the form.
struct Typed {
    name: String,
    /// Filter as a query string.
    filter: String,
    fixed: bool,
    days: String,
    from: String,
    to: String,
    /// Word, label, whether it is on.
    parts: Vec<(&'static str, &'static str, bool)>,
    expires: String,
}

#[derive(Deserialize)]
pub(in crate::web) struct Asked {
    name: String,
    filter: String,
    range: String,
    #[serde(default)]
    days: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    expires: String,
    #[serde(default)]
    password: String,
    /// One field for each part that is ticked.
    #[serde(flatten)]
    ticked: HashMap<String, String>,
}

/// `GET /projects/{project}/settings/shares`. The query string is that of the overview to share.
pub(in crate::web) async fn show(
    manager: Manager,
    Extract(web): Extract<Web>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let query = query.unwrap_or_default();
    let state = State::parse(&query)?;
    if state.added {
        let at = Section::Shares.href(manager.slug());
        return Ok(redirect(&format!("{at}{}", state.link())));
    }
    let typed = Typed::of(&state);
    shares_page(&web, manager, (&query, state, typed), Ok(None)).await
}

/// `POST /projects/{project}/settings/shares`. The answer is the only one that shows the link.
pub(in crate::web) async fn make(
    Extract(web): Extract<Web>,
    headers: HeaderMap,
    Change { manager, form }: Change<Asked>,
) -> Result<Response, PageError> {
    let state = State::parse(&form.filter)?;
    let typed = Typed::again(&form, &state);
    let new = match asked(&manager, &form, &state) {
        Ok(new) => new,
        Err(problem) => {
            let problem = format!("That does not work: {problem}.");
            return shares_page(&web, manager, ("", state, typed), Err(problem)).await;
        }
    };
    let hash = match form.password.as_str() {
        "" => Ok(None),
        _ => {
            let given = form.password;
            let hashed = web.hash(move || shares::hash_password(&given)).await?;
            mendable(hashed)?.map(Some)
        }
    };
    let hash = match hash {
        Ok(hash) => hash,
        Err(problem) => {
            return shares_page(&web, manager, ("", state, typed), Err(problem)).await;
        }
    };
    let new = NewShare {
        password_hash: hash,
        ..new
    };
    let actor = manager.actor();
    let made = web.meta(move |meta| mendable(meta.create_share(&new, &actor, now())));
    match made.await? {
        Ok(secret) => {
            let link = format!("{}/share/{secret}", origin(&web, &headers));
            let state = State::default();
            let typed = Typed::of(&state);
            shares_page(&web, manager, ("", state, typed), Ok(Some(link))).await
        }
        Err(problem) => shares_page(&web, manager, ("", state, typed), Err(problem)).await,
    }
}

/// The link that a form asks for, still without its password.
fn asked(manager: &Manager, form: &Asked, state: &State) -> Result<NewShare, String> {
    let date = |text: &str, what: &str| {
        calendar::parse(text).ok_or_else(|| format!("{what} is no day such as 2026-08-31"))
    };
    let days = if form.range == "fixed" {
        let from = date(&form.from, "the first day")?;
        ShareDays::Between(from, date(&form.to, "the last day")?)
    } else {
        let days = form.days.trim().parse();
        ShareDays::Last(days.map_err(|_| "the number of days is no number".to_owned())?)
    };
    let expires = date(&form.expires, "the end")?;
    let expires = Timestamp::from_millisecond((i64::from(expires.0) + 1) * DAY_MS);
    let parts = Part::ALL.into_iter();
    Ok(NewShare {
        project: manager.number(),
        name: form.name.clone(),
        shown: Shown {
            filter: state.filter.iter().map(params::clause_text).collect(),
            days,
            parts: parts.filter(|part| form.has(*part)).collect(),
        },
        expires: expires.map_err(|_| "the end is no day such as 2026-08-31".to_owned())?,
        password_hash: None,
    })
}

/// `GET /projects/{project}/settings/shares/{id}/revoke`.
pub(in crate::web) async fn ask_revoke(
    manager: Manager,
    Extract(web): Extract<Web>,
    id: Result<Path<(String, i64)>, PathRejection>,
) -> Result<Response, PageError> {
    let Path((_, id)) = id.map_err(|_| PageError::NotFound)?;
    let number = manager.number();
    let lines = web.meta(move |meta| meta.shares_of(number, now())).await?;
    let line = lines.into_iter().find(|line| line.id == id);
    let line = line.ok_or(PageError::NotFound)?;
    let texts = vec![format!(
        "Who has the link “{}” sees nothing by it from now on. It cannot be brought back; a new one can be made.",
        line.name
    )];
    let page = Confirm {
        shell: manager.shell()?,
        frame: manager.frame(Section::Shares),
        title: "Revoke this link?".to_owned(),
        texts,
        button: "Revoke link".to_owned(),
        back: Section::Shares.href(manager.slug()),
        typed: None,
    };
    Ok(answer(&page, false))
}

/// `POST /projects/{project}/settings/shares/{id}/revoke`.
pub(in crate::web) async fn revoke(
    Extract(web): Extract<Web>,
    id: Result<Path<(String, i64)>, PathRejection>,
    Change { manager, .. }: Change<Nothing>,
) -> Result<Response, PageError> {
    let Path((_, id)) = id.map_err(|_| PageError::NotFound)?;
    let (number, actor) = (manager.number(), manager.actor());
    web.meta(move |meta| meta.revoke_share(number, id, &actor, now()))
        .await?;
    Ok(manager.back(Section::Shares, "share-revoked"))
}

async fn shares_page(
    web: &Web,
    manager: Manager,
    (query, state, typed): (&str, State, Typed),
    made: Result<Option<String>, String>,
) -> Result<Response, PageError> {
    let number = manager.number();
    let lines = web.meta(move |meta| meta.shares_of(number, now())).await?;
    let (fresh, problem) = match made {
        Ok(fresh) => (fresh, None),
        Err(problem) => (None, Some(problem)),
    };
    let refused = problem.is_some();
    let at = Section::Shares.href(manager.slug());
    let today = today();
    let page = SharesPage {
        shell: manager.shell()?,
        frame: manager
            .frame(Section::Shares)
            .after(Some(query))
            .but(problem),
        lines: lines.into_iter().map(line).collect(),
        fresh,
        typed,
        chips: state
            .filter
            .iter()
            .map(|of| chip(&at, &state, of))
            .collect(),
        dimensions: words::FILTERS
            .map(|(dimension, label)| (params::dimension_name(dimension), label))
            .into(),
        keeps: state.pairs(),
        today: calendar::iso(today),
        most_days: MOST_DAYS,
        last: calendar::iso(Day(today.0 + LONGEST_DAYS)),
        at,
    };
    Ok(answer(&page, refused))
}

fn today() -> Day {
    calendar::day_of_ms(now().as_millisecond())
}

fn chip(at: &str, state: &State, clause: &Clause) -> Chip {
    let (label, condition) = words::clause(clause);
    let without = state.with(|state| state.filter.retain(|other| other != clause));
    Chip {
        label,
        condition,
        href: format!("{at}{without}"),
    }
}

fn line(line: ShareLine) -> Line {
    let Shown {
        filter,
        days,
        parts,
    } = line.shown;
    // Only what was checked is kept.
    let clauses = filter.iter().filter_map(|text| params::clause(text).ok());
    let filter: Vec<String> = clauses
        .map(|clause| {
            let (label, condition) = words::clause(&clause);
            format!("{label} {condition}")
        })
        .collect();
    let labels: Vec<&str> = parts.iter().map(|part| label(*part)).collect();
    Line {
        id: line.id,
        name: line.name,
        filter: match filter.as_slice() {
            [] => "all installs".to_owned(),
            filter => filter.join(", "),
        },
        days: match days {
            ShareDays::Last(1) => "yesterday".to_owned(),
            ShareDays::Last(days) => format!("last {days} days"),
            ShareDays::Between(from, to) => {
                format!("{} to {}", calendar::long(from), calendar::long(to))
            }
        },
        parts: if parts.len() == Part::ALL.len() {
            "all reports".to_owned()
        } else {
            labels.join(", ")
        },
        locked: line.locked,
        by: line.created_by,
        made: day(line.created_ms),
        used: line.last_used_ms.map_or("never".to_owned(), moment),
        ends: calendar::long(last_day(line.expires_ms)),
    }
}

fn label(part: Part) -> &'static str {
    match part {
        Part::Installs => "Installs",
        Part::Versions => "Versions",
        Part::Sizes => "Sizes",
        Part::Apps => "Apps",
        Part::Pages => "Pages",
        Part::Tasks => "Tasks",
        Part::Locales => "Locales",
        Part::Browsers => "Browsers",
        Part::Deployment => "Deployment",
    }
}

impl Asked {
    fn has(&self, part: Part) -> bool {
        self.ticked.contains_key(part.word())
    }
}

impl Typed {
    /// The form for what is seen on an overview.
    fn of(state: &State) -> Self {
        let today = today();
        let last = Day(today.0 - 1);
        let range = state.range.days(last);
        let fixed = matches!(state.range, Range::Custom(_));
        Self {
            name: String::new(),
            filter: filter_of(state),
            fixed,
            days: (range.to.0 - range.from.0 + 1).to_string(),
            from: calendar::iso(range.from),
            to: calendar::iso(range.to),
            parts: Part::ALL
                .map(|part| (part.word(), label(part), true))
                .into(),
            expires: calendar::iso(Day(today.0 + DEFAULT_DAYS)),
        }
    }

    /// What was typed, but for the password.
    fn again(form: &Asked, state: &State) -> Self {
        Self {
            name: form.name.clone(),
            filter: filter_of(state),
            fixed: form.range == "fixed",
            days: form.days.clone(),
            from: form.from.clone(),
            to: form.to.clone(),
            parts: Part::ALL
                .map(|part| (part.word(), label(part), form.has(part)))
                .into(),
            expires: form.expires.clone(),
        }
    }
}

fn filter_of(state: &State) -> String {
    let only = State {
        filter: state.filter.clone(),
        ..State::default()
    };
    only.link().trim_start_matches('?').to_owned()
}
