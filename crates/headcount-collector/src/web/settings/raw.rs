//! How long raw events are kept: changed at once where nothing is deleted by it, else only after typing the project's name.

use askama::Template;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use serde::Deserialize;

use super::project::Typed;
use super::{Change, Confirm, Frame, Manager, Section, answer, mendable};
use crate::chart::number;
use crate::meta::retention::RETENTION_DAYS;
use crate::reports::calendar;
use crate::store::Day;
use crate::upkeep;
use crate::web::error::{PageError, redirect};
use crate::web::shell::Shell;
use crate::web::{Web, blocking, now};

type DaysPath = Result<Path<(String, String)>, PathRejection>;

/// The word for what the server's own setting says.
const SERVER: &str = "server";

#[derive(Template)]
#[template(path = "settings_raw.html")]
struct RawPage {
    shell: Shell,
    frame: Frame,
    at: String,
    /// Days of the project itself, or what was given where it could not be taken.
    own: String,
    follows: bool,
    server_days: u32,
    least: u32,
    most: u32,
    /// What is there, as a sentence.
    there: String,
}

#[derive(Deserialize)]
pub(in crate::web) struct Given {
    /// `server`, or `own` with `days`.
    whose: String,
    #[serde(default)]
    days: String,
}

/// `GET /projects/{project}/settings/raw`.
pub(in crate::web) async fn show(
    manager: Manager,
    State(web): State<Web>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let frame = manager.frame(Section::Raw).after(query.as_deref());
    raw_page(&web, manager, frame, None).await
}

/// `POST /projects/{project}/settings/raw`. Where raw events would be deleted it leads to the page that
/// asks.
pub(in crate::web) async fn change(
    State(web): State<Web>,
    Change { manager, form }: Change<Given>,
) -> Result<Response, PageError> {
    let days = match form.whose.as_str() {
        SERVER => Some(None),
        _ => form.days.trim().parse().ok().map(Some),
    };
    let Some(days) = days.filter(|days| days.is_none_or(|days| RETENTION_DAYS.contains(&days)))
    else {
        let problem = format!(
            "That does not work: raw events are kept for {} to {} days.",
            RETENTION_DAYS.start(),
            RETENTION_DAYS.end()
        );
        let frame = manager.frame(Section::Raw).but(Some(problem));
        return raw_page(&web, manager, frame, Some(form.days)).await;
    };
    if deleted(&web, &manager, days).await?.is_some() {
        let at = Section::Raw.href(manager.slug());
        let word = days.map_or(SERVER.to_owned(), |days| days.to_string());
        return Ok(redirect(&format!("{at}/{word}")));
    }
    set(&web, &manager, days).await
}

/// `GET /projects/{project}/settings/raw/{days}`: asks whether it is meant.
pub(in crate::web) async fn ask(
    manager: Manager,
    State(web): State<Web>,
    days: DaysPath,
) -> Result<Response, PageError> {
    let days = days_in_path(days)?;
    let deleted = deleted(&web, &manager, days).await?;
    confirm(&manager, (days, deleted), None)
}

/// `POST /projects/{project}/settings/raw/{days}`.
pub(in crate::web) async fn shorten(
    State(web): State<Web>,
    days: DaysPath,
    Change { manager, form }: Change<Typed>,
) -> Result<Response, PageError> {
    let days = days_in_path(days)?;
    let deleted = deleted(&web, &manager, days).await?;
    if deleted.is_some() && form.is_not(manager.slug()) {
        let problem = format!("Type {} to delete them.", manager.slug());
        return confirm(&manager, (days, deleted), Some(problem));
    }
    set(&web, &manager, days).await
}

async fn set(web: &Web, manager: &Manager, days: Option<u32>) -> Result<Response, PageError> {
    let (slug, actor) = (manager.slug().to_owned(), manager.actor());
    let done = web.meta(move |meta| {
        mendable(
            meta.set_retention_days(&slug, days, &actor, now())
                .map(drop),
        )
    });
    match done.await? {
        Ok(()) => Ok(manager.back(Section::Raw, "raw")),
        Err(problem) => Err(PageError::BadRequest(problem)),
    }
}

fn days_in_path(days: DaysPath) -> Result<Option<u32>, PageError> {
    let Path((_, word)) = days.map_err(|_| PageError::NotFound)?;
    if word == SERVER {
        return Ok(None);
    }
    let days = word.parse().ok();
    let days = days.filter(|days| RETENTION_DAYS.contains(days));
    days.map(Some).ok_or(PageError::NotFound)
}

/// Days with raw events that would be deleted: how many, the first and the last; `None` when there are
/// none.
type Deleted = Option<(usize, Day, Day)>;

async fn deleted(web: &Web, manager: &Manager, days: Option<u32>) -> Result<Deleted, PageError> {
    let (web, number) = (web.clone(), manager.number());
    blocking(move || -> Result<Deleted, PageError> {
        let collector = web.collector();
        let kept = days.unwrap_or(collector.config.retention_days);
        let horizon = upkeep::horizon(kept, now().as_millisecond());
        let found = collector.store.days(number);
        let mut found = found.map_err(|error| PageError::internal(&error))?;
        found.retain(|day| *day < horizon);
        Ok(found
            .iter()
            .min()
            .zip(found.iter().max())
            .map(|(first, last)| (found.len(), *first, *last)))
    })
    .await
}

fn confirm(
    manager: &Manager,
    (days, deleted): (Option<u32>, Deleted),
    problem: Option<String>,
) -> Result<Response, PageError> {
    let refused = problem.is_some();
    let what = match deleted {
        Some((count, first, last)) => format!(
            "The raw events of {} ({} to {}) are deleted within some minutes, and cannot be had back but from a backup.",
            number::counted(count as u64, "day"),
            calendar::long(first),
            calendar::long(last)
        ),
        None => "No raw event is old enough to be deleted by it now.".to_owned(),
    };
    let title = days.map_or_else(
        || "Keep raw events as long as the server does?".to_owned(),
        |days| {
            format!(
                "Keep raw events for {}?",
                number::counted(days.into(), "day")
            )
        },
    );
    let page = Confirm {
        shell: manager.shell()?,
        frame: manager.frame(Section::Raw).but(problem),
        title,
        texts: vec![
            what,
            "Reports go on to answer for those days, but their index can no longer be derived anew, and events that come late for them are refused."
                .to_owned(),
        ],
        button: if deleted.is_some() { "Delete them" } else { "Save" }.to_owned(),
        back: Section::Raw.href(manager.slug()),
        typed: deleted.map(|_| manager.slug().to_owned()),
    };
    Ok(answer(&page, refused))
}

async fn raw_page(
    web: &Web,
    manager: Manager,
    frame: Frame,
    given: Option<String>,
) -> Result<Response, PageError> {
    let slug = manager.slug().to_owned();
    let own = web.meta(move |meta| meta.retention_days(&slug)).await?;
    let server_days = web.collector().config.retention_days;
    let there = reach(web, &manager).await?;
    let refused = frame.problem.is_some();
    let page = RawPage {
        shell: manager.shell()?,
        frame,
        at: Section::Raw.href(manager.slug()),
        follows: own.is_none() && given.is_none(),
        own: given.unwrap_or_else(|| own.unwrap_or(server_days).to_string()),
        server_days,
        least: *RETENTION_DAYS.start(),
        most: *RETENTION_DAYS.end(),
        there,
    };
    Ok(answer(&page, refused))
}

/// How far back the raw events of the project reach.
async fn reach(web: &Web, manager: &Manager) -> Result<String, PageError> {
    let (web, number) = (web.clone(), manager.number());
    let days = blocking(move || {
        let found = web.collector().store.days(number);
        found.map_err(|error| PageError::internal(&error))
    });
    let days = days.await?;
    Ok(match days.iter().min() {
        Some(first) => format!(
            "There are raw events of {}, the oldest of {}.",
            number::counted(days.len() as u64, "day"),
            calendar::long(*first)
        ),
        None => "There is no raw event yet.".to_owned(),
    })
}
