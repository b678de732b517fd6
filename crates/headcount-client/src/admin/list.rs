//! The list of tokens with their feed switches, doctor's findings and what left: the first page.

use askama::Template;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::response::Response;

use super::answer::{Done, Frame, PageError, Told, Visitor, page};
use super::figures::{Power, Scope};
use super::form::Fields;
use super::ledger::{SHOWN_BELOW, Shown, entries, shown};
use super::words::{ago, count};
use super::{ADMIN_PATH, Desk};
use crate::doctor::Doctor;
use crate::gate::{Switch, switches_on};
use crate::settings::{Feed, Settings, Token};

#[derive(Template)]
#[template(path = "operator/list.html")]
struct List {
    frame: Frame,
    power: Power,
    rows: Vec<Row>,
    switches: Vec<SwitchLine>,
    findings: Vec<String>,
    next_daily: Option<String>,
    feeds: String,
    shown: Shown,
    token: Option<u32>,
}

/// One token.
struct Row {
    id: u32,
    name: String,
    kind: &'static str,
    endpoint: String,
    feeds: Vec<FeedBox>,
    waiting: String,
    last: String,
    bad: bool,
}

struct FeedBox {
    feed: &'static str,
    label: &'static str,
    on: bool,
}

/// One off switch, in the order in which they are asked.
struct SwitchLine {
    text: &'static str,
    name: &'static str,
    on: bool,
    wins: bool,
}

/// `GET` of the list.
pub(super) async fn show(
    State(desk): State<Desk>,
    Extension(visitor): Extension<Visitor>,
    Query(told): Query<Told>,
) -> Result<Response, PageError> {
    desk.work(move |desk| {
        let settings = desk.state.settings()?.unwrap_or_default();
        let doctor = desk.state.doctor(desk.host)?;
        let all = entries(desk)?;
        let now_ms = crate::clock::now_ms();
        let on = switches_on(desk.host, Some(&settings));
        let winner = on.first().copied();
        let scope = Scope {
            doctor: &doctor,
            settings: &settings,
            winner,
            entries: &all,
            token: None,
            now_ms,
        };
        let list = List {
            frame: Frame::of(desk, &visitor, "What this install sends").noting(told.done()),
            power: scope.power(),
            rows: rows(&settings, &doctor, now_ms),
            switches: switch_lines(&on),
            findings: doctor.findings.clone(),
            next_daily: doctor.next_daily_at.clone(),
            feeds: doctor.feeds.join(", "),
            shown: shown(&all, &settings.tokens, None, (None, SHOWN_BELOW)),
            token: None,
        };
        Ok(page(&list))
    })
    .await
}

fn rows(settings: &Settings, doctor: &Doctor, now_ms: i64) -> Vec<Row> {
    settings
        .tokens
        .iter()
        .map(|token| row(token, doctor, now_ms))
        .collect()
}

fn row(token: &Token, doctor: &Doctor, now_ms: i64) -> Row {
    let mut destinations = doctor.status.iter().flat_map(|status| &status.destinations);
    let stands = destinations.find(|one| one.token == token.id);
    let stopped = stands.and_then(|one| one.stopped.as_ref());
    let last = match stands.and_then(|one| Some((one.last_at_ms?, one.last_note.as_deref()?))) {
        _ if stopped.is_some() => {
            format!("stopped: {}", stopped.map_or("", |stop| &stop.reason))
        }
        Some((at_ms, note)) => format!("{note}, {}", ago(at_ms, now_ms)),
        None => "nothing has left".to_owned(),
    };
    Row {
        id: token.id,
        name: token.name.clone(),
        kind: token.kind.name(),
        endpoint: token.endpoint.clone(),
        feeds: Feed::ALL
            .into_iter()
            .map(|feed| FeedBox {
                feed: feed.name(),
                label: label(feed),
                on: token.feeds.has(feed),
            })
            .collect(),
        waiting: count(stands.map_or(0, |one| one.waiting.values().sum())),
        last,
        bad: stopped.is_some() || stands.is_some_and(|one| one.attempts > 0),
    }
}

fn switch_lines(on: &[Switch]) -> Vec<SwitchLine> {
    let line = |switch: Switch| SwitchLine {
        text: if on.contains(&switch) {
            switch.describe()
        } else {
            quiet(switch)
        },
        name: switch.code(),
        on: on.contains(&switch),
        wins: on.first() == Some(&switch),
    };
    Switch::ALL.into_iter().map(line).collect()
}

/// What is said of a switch that is not on.
const fn quiet(switch: Switch) -> &'static str {
    match switch {
        Switch::AnalyticsDisabled => "ANALYTICS_DISABLED is not set in the environment",
        Switch::DoNotTrack => "DO_NOT_TRACK is not set in the environment",
        Switch::Host => "the program's own setting does not switch analytics off",
        Switch::Off => "not switched off in the state folder",
        Switch::NoToken => "there is a token",
        Switch::FeedsOff => "a feed is on",
    }
}

/// The feed's name on the pages.
pub(super) const fn label(feed: Feed) -> &'static str {
    match feed {
        Feed::Stats => "Daily stats",
        Feed::Tasks => "Task events",
        Feed::Pages => "Page views",
    }
}

/// `POST` of the list: the feeds of every token that the form names.
pub(super) async fn save(State(desk): State<Desk>, body: Bytes) -> Result<Response, PageError> {
    let fields = Fields::read(&body);
    desk.work(move |desk| {
        Ok(desk.state.change(|settings| {
            for id in fields.all("id").filter_map(|id| id.parse::<u32>().ok()) {
                let token = settings.token_mut(id)?;
                let on = |feed: Feed| fields.has(&format!("{}-{id}", feed.name()));
                token.feeds.stats = on(Feed::Stats);
                token.feeds.tasks = on(Feed::Tasks);
                token.feeds.pages = on(Feed::Pages);
            }
            Ok(())
        })?)
    })
    .await?;
    Ok(Done::Saved.at(ADMIN_PATH))
}
