//! One token: its feeds with what each would send, where it goes, what left for it; adding and removing.

use askama::Template;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use headcount_protocol::dictionary;

use super::answer::{Done, Frame, PageError, Told, Visitor, html, page};
use super::example::{Example, example};
use super::figures::{Power, Scope};
use super::form::{Fields, TokenForm};
use super::ledger::{SHOWN_BELOW, Shown, entries, shown};
use super::list::label;
use super::words::pieces;
use super::{ADMIN_PATH, Desk, below};
use crate::encode;
use crate::error::Error;
use crate::gate::{Switch, switches_on};
use crate::install::Install;
use crate::preview::Preview;
use crate::settings::{Feed, Settings, Token, TokenKind};
use crate::spool::{self, Waiting};

#[derive(Template)]
#[template(path = "operator/change.html")]
struct Change {
    frame: Frame,
    token: Option<u32>,
    form: TokenForm,
    power: Power,
    /// The name that the endpoint knows this install by.
    known_as: Option<String>,
    feeds: Vec<FeedPart>,
    next: Option<Next>,
    batch_fields: Vec<FieldLine>,
    refused: Option<String>,
    shown: Shown,
}

#[derive(Template)]
#[template(path = "operator/add.html")]
struct Add {
    frame: Frame,
    form: TokenForm,
    feeds: Vec<FeedPart>,
}

#[derive(Template)]
#[template(path = "operator/delete.html")]
struct Delete {
    frame: Frame,
    id: u32,
    name: String,
    waiting: u64,
}

/// One feed switch with what it stands for.
struct FeedPart {
    field: &'static str,
    label: &'static str,
    text: &'static str,
    on: bool,
    /// What stands beside the example.
    aside: String,
    example: Option<Example>,
    fields: Vec<FieldLine>,
}

/// The next request, word for word.
struct Next {
    events: usize,
    head: String,
    pieces: Vec<String>,
}

/// A field, and why it is collected.
struct FieldLine {
    name: String,
    meaning: String,
    reason: String,
}

/// `GET add/`.
pub(super) async fn blank(
    State(desk): State<Desk>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, PageError> {
    desk.work(move |desk| {
        let add = add_page(desk, &visitor, TokenForm::blank(), None);
        Ok(page(&add))
    })
    .await
}

fn add_page(desk: &Desk, visitor: &Visitor, form: TokenForm, problem: Option<String>) -> Add {
    let feeds = Feed::ALL
        .into_iter()
        .map(|feed| part(feed, form.feeds.has(feed), String::new(), None))
        .collect();
    Add {
        frame: Frame::of(desk, visitor, "Add a token").complaining(problem),
        form,
        feeds,
    }
}

/// `POST add/`.
pub(super) async fn add(
    State(desk): State<Desk>,
    Extension(visitor): Extension<Visitor>,
    body: Bytes,
) -> Result<Response, PageError> {
    let form = TokenForm::read(&Fields::read(&body));
    desk.work(move |desk| {
        let added = desk.state.change(|settings| {
            let id = settings.add(form.to_new()?)?;
            form.apply(settings.token_mut(id)?)?;
            Ok(id)
        });
        match added {
            Ok(id) => Ok(Done::Added.at(&below(&format!("{id}/change/")))),
            Err(problem @ Error::Setting { .. }) => {
                let add = add_page(desk, &visitor, form, Some(problem.to_string()));
                Ok(html(StatusCode::UNPROCESSABLE_ENTITY, &add))
            }
            Err(error) => Err(error.into()),
        }
    })
    .await
}

/// `GET {id}/change/`.
pub(super) async fn show(
    State(desk): State<Desk>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
    Query(told): Query<Told>,
) -> Result<Response, PageError> {
    let id = number(&id)?;
    desk.work(move |desk| {
        let frame = |name: &str| Frame::of(desk, &visitor, name).noting(told.done());
        Ok(page(&change_page(desk, id, None, frame)?))
    })
    .await
}

/// `POST {id}/change/`.
pub(super) async fn save(
    State(desk): State<Desk>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, PageError> {
    let id = number(&id)?;
    let fields = Fields::read(&body);
    let form = TokenForm::read(&fields);
    desk.work(move |desk| {
        let saved = desk
            .state
            .change(|settings| form.apply(settings.token_mut(id)?));
        match saved {
            Ok(()) => {
                // An endpoint that refused the token is tried again: saving says that it was looked at.
                if desk.state.spool_path().exists() {
                    desk.state.spool()?.resume(id)?;
                }
                let stay = fields.has("_continue");
                let next = if stay {
                    below(&format!("{id}/change/"))
                } else {
                    ADMIN_PATH.to_owned()
                };
                Ok(Done::Saved.at(&next))
            }
            Err(problem @ Error::Setting { .. }) => {
                let told = Some(problem.to_string());
                let frame = |name: &str| Frame::of(desk, &visitor, name).complaining(told);
                let change = change_page(desk, id, Some(form), frame)?;
                Ok(html(StatusCode::UNPROCESSABLE_ENTITY, &change))
            }
            Err(error) => Err(error.into()),
        }
    })
    .await
}

/// `GET {id}/delete/`.
pub(super) async fn ask(
    State(desk): State<Desk>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let id = number(&id)?;
    desk.work(move |desk| {
        let settings = desk.state.settings()?.unwrap_or_default();
        let token = settings.token(id)?;
        let status = desk.state.doctor(desk.host)?.status;
        let destinations = status.iter().flat_map(|status| &status.destinations);
        let mine = destinations.filter(|one| one.token == id);
        let delete = Delete {
            frame: Frame::of(desk, &visitor, format!("Remove {}", token.name)),
            id,
            name: token.name.clone(),
            waiting: mine.flat_map(|one| one.waiting.values()).sum(),
        };
        Ok(page(&delete))
    })
    .await
}

/// `POST {id}/delete/`.
pub(super) async fn delete(
    State(desk): State<Desk>,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let id = number(&id)?;
    desk.work(move |desk| {
        desk.state.change(|settings| settings.remove(id))?;
        Ok(Done::Removed.at(ADMIN_PATH))
    })
    .await
}

/// The number in an address; one that is none names no token.
fn number(text: &str) -> Result<u32, PageError> {
    text.parse().map_err(|_| PageError::NotFound)
}

fn change_page(
    desk: &Desk,
    id: u32,
    form: Option<TokenForm>,
    frame: impl FnOnce(&str) -> Frame,
) -> Result<Change, PageError> {
    let settings = desk.state.settings()?.unwrap_or_default();
    let token = settings.token(id)?;
    let doctor = desk.state.doctor(desk.host)?;
    let all = entries(desk)?;
    let mine: Vec<_> = all
        .iter()
        .filter(|entry| entry.destination == id)
        .cloned()
        .collect();
    let winner = switches_on(desk.host, Some(&settings)).first().copied();
    let scope = Scope {
        doctor: &doctor,
        settings: &settings,
        winner,
        entries: &mine,
        token: Some(id),
        now_ms: crate::clock::now_ms(),
    };
    let install = desk.state.install()?;
    let refused = doctor
        .status
        .iter()
        .flat_map(|status| &status.destinations)
        .find(|one| one.token == id)
        .and_then(|one| one.stopped.as_ref())
        .map(|stop| stop.reason.clone());
    let form = form.unwrap_or_else(|| TokenForm::of(token));
    let shows = Showing {
        settings: &settings,
        token,
        install: install.as_ref(),
        winner,
        next_daily: doctor.next_daily_at.as_deref(),
        waiting: waiting(desk, token)?,
    };
    Ok(Change {
        frame: frame(&token.name),
        token: Some(id),
        power: scope.power(),
        known_as: install.as_ref().map(|install| install.name_at(token)),
        feeds: Feed::ALL
            .into_iter()
            .map(|feed| shows.part(feed, &form))
            .collect(),
        next: desk
            .state
            .preview()?
            .into_iter()
            .find(|one| one.token == id)
            .map(next),
        batch_fields: fields("all", token.kind),
        refused,
        shown: shown(&all, &settings.tokens, Some(id), (None, SHOWN_BELOW)),
        form: TokenForm {
            has_secret: token.secret.is_some(),
            kind: token.kind.name().to_owned(),
            ..form
        },
    })
}

/// What waits for a token: as much as one request carries.
fn waiting(desk: &Desk, token: &Token) -> Result<Vec<Waiting>, PageError> {
    if !desk.state.spool_path().exists() {
        return Ok(Vec::new());
    }
    let limit = encode::event_limit(token.kind);
    Ok(desk
        .state
        .spool()?
        .transact(|tx| spool::peek(tx, token.id, limit))?)
}

fn next(preview: Preview) -> Next {
    Next {
        events: preview.events,
        head: preview.head,
        pieces: pieces(&preview.body)
            .into_iter()
            .map(str::to_owned)
            .collect(),
    }
}

/// What the examples of a token are made from.
struct Showing<'a> {
    settings: &'a Settings,
    token: &'a Token,
    install: Option<&'a Install>,
    winner: Option<Switch>,
    next_daily: Option<&'a str>,
    waiting: Vec<Waiting>,
}

impl Showing<'_> {
    fn part(&self, feed: Feed, form: &TokenForm) -> FeedPart {
        let on = self.token.feeds.has(feed);
        let aside = match (self.winner.is_some(), on, feed, self.next_daily) {
            (true, ..) => "stopped".to_owned(),
            (_, false, ..) => "off".to_owned(),
            (_, _, Feed::Stats, Some(at)) => format!("next at {}", daily(at)),
            _ => String::new(),
        };
        let shown = self
            .install
            .map(|install| example(install, self.settings, self.token, feed, &self.waiting));
        let mut part = part(feed, form.feeds.has(feed), aside, shown);
        part.fields = fields(feed.name(), self.token.kind);
        part
    }
}

/// `04:17 UTC` of `2026-11-24T04:17:00Z`.
fn daily(rfc3339: &str) -> String {
    let time = rfc3339.split_once('T').and_then(|(_, time)| time.get(..5));
    format!("{} UTC", time.unwrap_or(rfc3339))
}

fn part(feed: Feed, on: bool, aside: String, example: Option<Example>) -> FeedPart {
    let (field, text) = match feed {
        Feed::Stats => (
            "send_stats",
            "Once a day: how many users, tokens and apps you have, and which apps. No names.",
        ),
        Feed::Tasks => (
            "send_tasks",
            "After a background task: its name, whether it worked, the exception class if not, and one \
             number. Never its arguments or messages.",
        ),
        Feed::Pages => (
            "send_page_views",
            "When a page is opened: its path with ids removed, its title, the language and the browser \
             family. Not who opened it.",
        ),
    };
    FeedPart {
        field,
        label: label(feed),
        text,
        on,
        aside,
        example,
        fields: Vec::new(),
    }
}

/// The dictionary's words on the fields of a feed; Google's wires have names of their own.
fn fields(feed: &str, kind: TokenKind) -> Vec<FieldLine> {
    if kind != TokenKind::Headcount {
        return Vec::new();
    }
    dictionary::fields()
        .iter()
        .filter(|field| field.feed == feed)
        .map(|field| FieldLine {
            name: field.name.clone(),
            meaning: field.meaning.clone(),
            reason: field.reason.clone(),
        })
        .collect()
}
