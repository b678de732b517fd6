//! Tokens for the reports API: made (and shown once), listed, revoked.

use askama::Template;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;

use super::{Change, Frame, Manager, Section, answer, day, mendable, moment, origin};
use crate::meta::tokens::{NewToken, Scope, TokenLine};
use crate::web::error::PageError;
use crate::web::login::Nothing;
use crate::web::shell::Shell;
use crate::web::{Web, now};

#[derive(Template)]
#[template(path = "settings_tokens.html")]
struct TokensPage {
    shell: Shell,
    frame: Frame,
    at: String,
    lines: Vec<Line>,
    /// A token just made, and a request that uses it.
    fresh: Option<(String, String)>,
}

struct Line {
    id: i64,
    name: String,
    scope: &'static str,
    made: String,
    used: String,
}

#[derive(Deserialize)]
pub(in crate::web) struct Asked {
    name: String,
    scope: String,
}

/// `GET /projects/{project}/settings/tokens`.
pub(in crate::web) async fn show(
    manager: Manager,
    State(web): State<Web>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    tokens_page(&web, manager, query.as_deref(), Ok(None)).await
}

/// `POST /projects/{project}/settings/tokens`. The answer is the only one that shows the token.
pub(in crate::web) async fn make(
    State(web): State<Web>,
    headers: HeaderMap,
    Change { manager, form }: Change<Asked>,
) -> Result<Response, PageError> {
    let scope = Scope::of_word(&form.scope);
    let scope = scope.ok_or_else(|| PageError::BadRequest("choose what it may read".to_owned()))?;
    let (project, actor) = (manager.slug().to_owned(), manager.actor());
    let new = NewToken {
        project,
        name: form.name,
        scope,
    };
    let made = web.meta(move |meta| mendable(meta.create_token(&new, &actor, now())));
    let made = made.await?.map(|token| {
        let command = format!(
            "curl -H 'Authorization: Bearer {token}' \\\n  {}/api/v1/projects/{}/reports/totals",
            origin(&web, &headers),
            manager.slug()
        );
        Some((token, command))
    });
    tokens_page(&web, manager, None, made).await
}

/// `GET /projects/{project}/settings/tokens/{id}/revoke`.
pub(in crate::web) async fn ask_revoke(
    manager: Manager,
    State(web): State<Web>,
    id: Result<Path<(String, i64)>, PathRejection>,
) -> Result<Response, PageError> {
    let Path((_, id)) = id.map_err(|_| PageError::NotFound)?;
    let number = manager.number();
    let lines = web.meta(move |meta| meta.tokens_of(number)).await?;
    let line = lines.into_iter().find(|line| line.id == id);
    let line = line.ok_or(PageError::NotFound)?;
    let texts = vec![format!(
        "Programs that use the token “{}” are refused from now on. It cannot be brought back; a new one can be made.",
        line.name
    )];
    manager.ask(Section::Tokens, "Revoke this token?", texts, "Revoke token")
}

/// `POST /projects/{project}/settings/tokens/{id}/revoke`.
pub(in crate::web) async fn revoke(
    State(web): State<Web>,
    id: Result<Path<(String, i64)>, PathRejection>,
    Change { manager, .. }: Change<Nothing>,
) -> Result<Response, PageError> {
    let Path((_, id)) = id.map_err(|_| PageError::NotFound)?;
    let (number, actor) = (manager.number(), manager.actor());
    web.meta(move |meta| meta.revoke_token(number, id, &actor, now()))
        .await?;
    Ok(manager.back(Section::Tokens, "token-revoked"))
}

async fn tokens_page(
    web: &Web,
    manager: Manager,
    query: Option<&str>,
    made: Result<Option<(String, String)>, String>,
) -> Result<Response, PageError> {
    let number = manager.number();
    let lines = web.meta(move |meta| meta.tokens_of(number)).await?;
    let line = |line: TokenLine| Line {
        id: line.id,
        name: line.name,
        scope: match line.scope {
            Scope::Reports => "reports",
            Scope::Export => "reports and raw events",
        },
        made: day(line.created_ms),
        used: line.last_used_ms.map_or("never".to_owned(), moment),
    };
    let (fresh, problem) = match made {
        Ok(fresh) => (fresh, None),
        Err(problem) => (None, Some(problem)),
    };
    let refused = problem.is_some();
    let page = TokensPage {
        shell: manager.shell()?,
        frame: manager.frame(Section::Tokens).after(query).but(problem),
        at: Section::Tokens.href(manager.slug()),
        lines: lines.into_iter().map(line).collect(),
        fresh,
    };
    Ok(answer(&page, refused))
}
