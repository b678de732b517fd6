//! Days on which reports are known to be wrong: noted with a reason, listed, taken back.

use askama::Template;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use serde::Deserialize;

use super::{Change, Frame, Manager, Section, answer, mendable};
use crate::meta::MetaError;
use crate::meta::breaks::{Break, NewBreak};
use crate::reports::calendar;
use crate::store::Day;
use crate::web::error::PageError;
use crate::web::login::Nothing;
use crate::web::shell::Shell;
use crate::web::{Web, now};

type BreakPath = Result<Path<(String, i64)>, PathRejection>;

#[derive(Template)]
#[template(path = "settings_breaks.html")]
struct BreaksPage {
    shell: Shell,
    frame: Frame,
    at: String,
    lines: Vec<Line>,
    feeds: [(&'static str, &'static str); 4],
    /// What was given where it could not be taken.
    given: Given,
    today: String,
}

struct Line {
    id: i64,
    days: String,
    feed: &'static str,
    reason: String,
}

#[derive(Clone, Default, Deserialize)]
pub(in crate::web) struct Given {
    from: String,
    /// The first day where it is left empty.
    #[serde(default)]
    to: String,
    #[serde(default)]
    feed: String,
    reason: String,
}

const FEEDS: [(&str, &str); 4] = [
    ("", "All of them"),
    ("stats", "Daily stats"),
    ("tasks", "Task events"),
    ("pages", "Page views"),
];

/// `GET /projects/{project}/settings/breaks`.
pub(in crate::web) async fn show(
    manager: Manager,
    State(web): State<Web>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let frame = manager.frame(Section::Breaks).after(query.as_deref());
    breaks_page(&web, manager, frame, Given::default()).await
}

/// `POST /projects/{project}/settings/breaks`.
pub(in crate::web) async fn add(
    State(web): State<Web>,
    Change { manager, form }: Change<Given>,
) -> Result<Response, PageError> {
    let (slug, actor) = (manager.slug().to_owned(), manager.actor());
    let given = form.clone();
    let added = web.meta(move |meta| {
        let by = (&actor, now());
        mendable(new_break(form).and_then(|new| meta.add_break(&slug, &new, by)))
    });
    match added.await? {
        Ok(_) => Ok(manager.back(Section::Breaks, "break")),
        Err(problem) => {
            let frame = manager.frame(Section::Breaks).but(Some(problem));
            breaks_page(&web, manager, frame, given).await
        }
    }
}

/// `GET /projects/{project}/settings/breaks/{id}/remove`.
pub(in crate::web) async fn ask_remove(
    manager: Manager,
    State(web): State<Web>,
    id: BreakPath,
) -> Result<Response, PageError> {
    let Path((_, id)) = id.map_err(|_| PageError::NotFound)?;
    let number = manager.number();
    let breaks = web.meta(move |meta| meta.breaks(number)).await?;
    let known = breaks.into_iter().find(|known| known.id == id);
    let known = line(known.ok_or(PageError::NotFound)?);
    let texts = vec![
        format!("{}, “{}”.", known.days, known.reason),
        "Charts show those days again, and comparisons and tests count them. No event changes."
            .to_owned(),
    ];
    manager.ask(Section::Breaks, "Take this break back?", texts, "Take back")
}

/// `POST /projects/{project}/settings/breaks/{id}/remove`.
pub(in crate::web) async fn remove(
    State(web): State<Web>,
    id: BreakPath,
    Change { manager, .. }: Change<Nothing>,
) -> Result<Response, PageError> {
    let Path((_, id)) = id.map_err(|_| PageError::NotFound)?;
    let (slug, actor) = (manager.slug().to_owned(), manager.actor());
    web.meta(move |meta| meta.remove_break(&slug, id, (&actor, now())))
        .await?;
    Ok(manager.back(Section::Breaks, "break-removed"))
}

fn new_break(given: Given) -> Result<NewBreak, MetaError> {
    let day = |text: &str| -> Result<Day, MetaError> {
        let text = text.trim();
        calendar::parse(text)
            .ok_or_else(|| MetaError::Invalid(format!("“{text}” is no day such as 2026-08-31")))
    };
    let from = day(&given.from)?;
    let to = match given.to.trim() {
        "" => from,
        to => day(to)?,
    };
    Ok(NewBreak {
        from,
        to,
        feed: given.feed,
        reason: given.reason,
    })
}

fn line(known: Break) -> Line {
    let from = calendar::long(known.from);
    Line {
        id: known.id,
        days: if known.from == known.to {
            from
        } else {
            format!("{from} to {}", calendar::long(known.to))
        },
        feed: FEEDS
            .iter()
            .find(|(word, _)| *word == known.feed)
            .map_or("", |(_, label)| label),
        reason: known.reason,
    }
}

async fn breaks_page(
    web: &Web,
    manager: Manager,
    frame: Frame,
    given: Given,
) -> Result<Response, PageError> {
    let number = manager.number();
    let breaks = web.meta(move |meta| meta.breaks(number)).await?;
    let refused = frame.problem.is_some();
    let page = BreaksPage {
        shell: manager.shell()?,
        frame,
        at: Section::Breaks.href(manager.slug()),
        lines: breaks.into_iter().rev().map(line).collect(),
        feeds: FEEDS,
        given,
        today: calendar::iso(calendar::day_of_ms(now().as_millisecond())),
    };
    Ok(answer(&page, refused))
}
