//! An author's apps: which they are, and asking for more with a token that only somebody who
//! publishes the app can publish with it.

use askama::Template;
use axum::extract::State;
use axum::extract::{FromRequest, FromRequestParts, RawQuery, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use serde::Deserialize;

use super::csrf::Signed;
use super::error::{PageError, redirect};
use super::settings::{day, mendable};
use super::shell::{Shell, Tab, page};
use super::viewer::{Member, Viewer};
use super::{Web, now};
use crate::access::Action;
use crate::meta::claims::Claim;

/// An author of the project in the path.
pub(super) struct Author(Viewer);

#[derive(Template)]
#[template(path = "apps.html")]
struct AppsPage {
    shell: Shell,
    problem: Option<String>,
    done: bool,
    own: Vec<String>,
    at: String,
    lines: Vec<Line>,
}

struct Line {
    app: String,
    place: String,
    token: String,
    asked: String,
    state: &'static str,
    waits: bool,
}

#[derive(Deserialize)]
pub(super) struct Asked {
    app: String,
    place: String,
}

/// A form that an author sent from one of our pages.
pub(super) struct AuthorForm {
    author: Author,
    form: Asked,
}

impl FromRequestParts<Web> for Author {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, PageError> {
        let Member(viewer) = Member::from_request_parts(parts, web).await?;
        if !viewer.may(Action::AskForApps) {
            let text = "this page is for authors, and you see the whole project";
            return Err(PageError::Forbidden(text.to_owned()));
        }
        Ok(Self(viewer))
    }
}

impl FromRequest<Web> for AuthorForm {
    type Rejection = PageError;

    async fn from_request(request: Request, web: &Web) -> Result<Self, PageError> {
        let (mut parts, body) = request.into_parts();
        let author = Author::from_request_parts(&mut parts, web).await?;
        let request = Request::from_parts(parts, body);
        let Signed { form, .. } = Signed::from_request(request, web).await?;
        Ok(Self { author, form })
    }
}

/// `GET /projects/{project}/apps`.
pub(super) async fn show(
    author: Author,
    State(web): State<Web>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let done = query.as_deref() == Some("done=asked");
    apps_page(&web, author, done, None).await
}

/// `POST /projects/{project}/apps`.
pub(super) async fn ask(
    State(web): State<Web>,
    AuthorForm { author, form }: AuthorForm,
) -> Result<Response, PageError> {
    let number = author.0.project.number;
    let user = author.0.visitor.session.user.clone();
    let asked = web.meta(move |meta| {
        mendable(meta.ask_for_app(number, &user, (&form.app, &form.place), now()))
    });
    match asked.await? {
        Ok(()) => {
            let own = Tab::Apps.href(&author.0.project.slug);
            Ok(redirect(&format!("{own}?done=asked")))
        }
        Err(problem) => apps_page(&web, author, false, Some(problem)).await,
    }
}

async fn apps_page(
    web: &Web,
    Author(viewer): Author,
    done: bool,
    problem: Option<String>,
) -> Result<Response, PageError> {
    let (number, id) = (viewer.project.number, viewer.visitor.session.user.id);
    let claims = web.meta(move |meta| meta.claims_by(number, id)).await?;
    let line = |claim: Claim| Line {
        asked: day(claim.created_ms),
        state: match claim.granted {
            None => "waits for a manager",
            Some(true) => "granted",
            Some(false) => "refused",
        },
        waits: claim.granted.is_none(),
        app: claim.app,
        place: claim.place,
        token: claim.token,
    };
    let refused = problem.is_some();
    let mut response = page(&AppsPage {
        shell: viewer.shell("Your apps", Tab::Apps)?,
        problem,
        done,
        own: viewer.project.membership.namespaces.clone(),
        at: Tab::Apps.href(&viewer.project.slug),
        lines: claims.into_iter().map(line).collect(),
    });
    if refused {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    Ok(response)
}
