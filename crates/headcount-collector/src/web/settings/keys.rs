//! The keys that installs send with: shown, made, revoked.

use askama::Template;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use serde::Deserialize;

use super::{Change, Frame, Manager, Section, answer, day, mendable};
use crate::meta::keys::{KeyKind, KeyLine};
use crate::web::error::PageError;
use crate::web::login::Nothing;
use crate::web::shell::Shell;
use crate::web::{Web, now};

#[derive(Template)]
#[template(path = "settings_keys.html")]
struct KeysPage {
    shell: Shell,
    frame: Frame,
    at: String,
    lines: Vec<Line>,
    kinds: [(&'static str, &'static str); 3],
}

struct Line {
    id: i64,
    label: &'static str,
    about: &'static str,
    key: String,
    /// Whether there is an API secret.
    has_secret: bool,
    /// The API secret, where it was asked for.
    secret: Option<String>,
    made: String,
}

#[derive(Deserialize)]
pub(in crate::web) struct NewKey {
    kind: String,
    #[serde(default)]
    given: String,
}

/// `GET /projects/{project}/settings`; `?show=ID` shows the API secret of a measurement ID.
pub(in crate::web) async fn show(
    manager: Manager,
    State(web): State<Web>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    keys_page(&web, manager, query.as_deref(), None).await
}

/// `POST /projects/{project}/settings/keys`.
pub(in crate::web) async fn make(
    State(web): State<Web>,
    Change { manager, form }: Change<NewKey>,
) -> Result<Response, PageError> {
    let kind = KeyKind::of_word(&form.kind);
    let kind = kind.ok_or_else(|| PageError::BadRequest("choose a kind of key".to_owned()))?;
    let (number, actor) = (manager.number(), manager.actor());
    let made = web.meta(move |meta| {
        let given = Some(form.given.trim()).filter(|given| !given.is_empty());
        mendable(meta.make_key((number, kind), given, &actor, now()))
    });
    match made.await? {
        Ok(()) => Ok(manager.back(Section::Keys, "key")),
        Err(problem) => keys_page(&web, manager, None, Some(problem)).await,
    }
}

/// `GET /projects/{project}/settings/keys/{id}/revoke`.
pub(in crate::web) async fn ask_revoke(
    manager: Manager,
    State(web): State<Web>,
    id: Result<Path<(String, i64)>, PathRejection>,
) -> Result<Response, PageError> {
    let line = find(&web, &manager, id).await?;
    let texts = vec![
        format!(
            "Installs that send with the {} {} are refused from within a second, and told so where their protocol can tell. They keep what they could not send only as long as their own limits allow.",
            line.kind.label(),
            line.shown()
        ),
        "What came in with it stays. The key is never given out again.".to_owned(),
    ];
    manager.ask(
        Section::Keys,
        &format!("Revoke this {}?", line.kind.label()),
        texts,
        "Revoke key",
    )
}

/// `POST /projects/{project}/settings/keys/{id}/revoke`.
pub(in crate::web) async fn revoke(
    State(web): State<Web>,
    id: Result<Path<(String, i64)>, PathRejection>,
    Change { manager, .. }: Change<Nothing>,
) -> Result<Response, PageError> {
    let Path((_, id)) = id.map_err(|_| PageError::NotFound)?;
    let (number, actor) = (manager.number(), manager.actor());
    web.meta(move |meta| meta.revoke_key(number, id, &actor, now()))
        .await?;
    Ok(manager.back(Section::Keys, "key-revoked"))
}

/// `GET /projects/{project}/settings/keys/{id}/secret`.
pub(in crate::web) async fn ask_secret(
    manager: Manager,
    State(web): State<Web>,
    id: Result<Path<(String, i64)>, PathRejection>,
) -> Result<Response, PageError> {
    let line = find(&web, &manager, id).await?;
    let texts = vec![
        format!(
            "Installs that send to {} with the old secret are refused from within a second. GA4 clients are not told: their hits stand on Live as rejected.",
            line.key
        ),
        "A fresh secret is made. What came in stays.".to_owned(),
    ];
    manager.ask(
        Section::Keys,
        "Replace the API secret?",
        texts,
        "Replace secret",
    )
}

/// `POST /projects/{project}/settings/keys/{id}/secret`.
pub(in crate::web) async fn replace_secret(
    State(web): State<Web>,
    id: Result<Path<(String, i64)>, PathRejection>,
    Change { manager, .. }: Change<Nothing>,
) -> Result<Response, PageError> {
    let Path((_, id)) = id.map_err(|_| PageError::NotFound)?;
    let (number, actor) = (manager.number(), manager.actor());
    web.meta(move |meta| meta.replace_secret(number, id, &actor, now()))
        .await?;
    Ok(manager.back(Section::Keys, "secret"))
}

async fn find(
    web: &Web,
    manager: &Manager,
    id: Result<Path<(String, i64)>, PathRejection>,
) -> Result<KeyLine, PageError> {
    let Path((_, id)) = id.map_err(|_| PageError::NotFound)?;
    let number = manager.number();
    let keys = web.meta(move |meta| meta.keys_of(number)).await?;
    let mut keys = keys.into_iter();
    keys.find(|line| line.id == id).ok_or(PageError::NotFound)
}

async fn keys_page(
    web: &Web,
    manager: Manager,
    query: Option<&str>,
    problem: Option<String>,
) -> Result<Response, PageError> {
    let number = manager.number();
    let keys = web.meta(move |meta| meta.keys_of(number)).await?;
    let shown: Option<i64> = query
        .and_then(|query| query.strip_prefix("show="))
        .and_then(|id| id.parse().ok());
    let line = |key: KeyLine| Line {
        id: key.id,
        label: match key.kind {
            KeyKind::TrackingId => "Tracking ID",
            KeyKind::MeasurementId => "Measurement ID",
            KeyKind::IngestKey => "Ingest key",
        },
        about: match key.kind {
            KeyKind::TrackingId => "Universal Analytics, the Measurement Protocol v1",
            KeyKind::MeasurementId => "GA4 Measurement Protocol, needs the API secret",
            KeyKind::IngestKey => "headcount client, batches and retries",
        },
        key: key.key,
        has_secret: key.secret.is_some(),
        secret: key.secret.filter(|_| shown == Some(key.id)),
        made: day(key.created_ms),
    };
    let refused = problem.is_some();
    let page = KeysPage {
        shell: manager.shell()?,
        frame: manager.frame(Section::Keys).after(query).but(problem),
        at: Section::Keys.href(manager.slug()),
        lines: keys.into_iter().map(line).collect(),
        kinds: KeyKind::ALL.map(|kind| (kind.word(), kind.label())),
    };
    Ok(answer(&page, refused))
}
