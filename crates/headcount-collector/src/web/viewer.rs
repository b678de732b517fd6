//! Who asks: a signed-in visitor, a viewer of one project, or a reader of its API. Decides access
//! through `access::can` only.

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::cookie::Cookie;
use super::error::PageError;
use super::shell::{Account, MenuEntry, Shell, ShellProject, Tab, TabLink, ViewLink};
use super::{Web, csrf, now};
use crate::access::{Action, can};
use crate::meta::Meta;
use crate::meta::people::{ProjectOfUser, Role};
use crate::meta::sessions::Session;
use crate::meta::tokens::{ReportToken, Scope};
use crate::meta::views::SavedView;
use crate::store::ProjectNumber;

/// Somebody signed in. As an extractor it sends everybody else to the sign-in page and back.
pub struct Visitor {
    pub session: Session,
    /// The projects they may open, by name.
    pub projects: Vec<ProjectOfUser>,
    /// Their saved views in all projects, by name.
    pub views: Vec<SavedView>,
    token: String,
}

/// A visitor who may read everything of the project in the path (`{project}`). Others are sent to
/// sign in, or find nothing there, or (authors) are told that this page shows more than they see.
pub struct Viewer {
    pub visitor: Visitor,
    pub project: ProjectOfUser,
    /// Path and query of the page asked for; empty for what changes something.
    address: String,
}

/// A visitor with any role in the project in the path. Its pages ask through `Desk::of` only, which
/// narrows what authors see to their own apps.
pub struct Member(pub Viewer);

/// Whoever may ask for a report of the project in the path: a `Reader`, or an author about own apps.
pub struct Asker {
    pub reader: Reader,
    /// Whose session asks; `None` for a token. The answer comes from `Desk::of` it.
    pub place: Option<ProjectOfUser>,
}

/// Whoever may read the reports of the project in the path (`{project}`): a report token of it, or
/// a session like `Viewer`. Refusals are JSON with 401, 403 or 404.
pub struct Reader {
    pub project: ProjectNumber,
    /// Slug of the project.
    pub slug: String,
    pub name: String,
}

/// Whoever may take raw events out of the project in the path: a report token of it with the scope
/// `export`, or the session of one who may export.
pub struct Exporter(pub Reader);

/// Why an API request is refused before it is looked at.
#[derive(Debug)]
pub struct ApiRefusal {
    status: StatusCode,
    code: &'static str,
    message: &'static str,
}

impl Visitor {
    /// The visitor of a request; `next` is where to come back to after signing in.
    ///
    /// # Errors
    /// `SignIn` when there is no live session.
    pub(super) async fn of(
        headers: &HeaderMap,
        web: &Web,
        next: Option<String>,
    ) -> Result<Self, PageError> {
        let Some(token) = Cookie::Session
            .value(headers, web.https())
            .map(str::to_owned)
        else {
            return Err(PageError::SignIn(next));
        };
        let found = web.meta(move |meta| signed_in(meta, token)).await?;
        found.ok_or(PageError::SignIn(next))
    }

    /// The session token; never shown.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// A page outside of any project: a slim one.
    ///
    /// # Errors
    /// `Internal` when the system gives no random bytes.
    pub fn shell(&self, title: &str) -> Result<Shell, PageError> {
        let form_token =
            csrf::form_token(&self.token).map_err(|error| PageError::internal(&error))?;
        Ok(Shell {
            account: Some(Account::of_email(&self.session.user.email)),
            form_token,
            slim: true,
            ..Shell::bare(title)
        })
    }
}

impl Viewer {
    /// A member of a project at an address where no page is.
    pub(super) fn lost(visitor: Visitor, project: ProjectOfUser) -> Self {
        Self {
            visitor,
            project,
            address: String::new(),
        }
    }

    /// A page of the project, with menu and tabs.
    ///
    /// # Errors
    /// `Internal` when the system gives no random bytes.
    pub fn shell(&self, title: &str, tab: Tab) -> Result<Shell, PageError> {
        let entry = |project: &ProjectOfUser| MenuEntry {
            label: project.name.clone(),
            href: if can(project.membership.role, tab.needs()) {
                tab.href(&project.slug)
            } else {
                Tab::Overview.href(&project.slug)
            },
            current: project.number == self.project.number,
        };
        let link = |each: Tab| TabLink {
            label: each.label(),
            href: each.href(&self.project.slug),
            current: each == tab,
        };
        let project = ShellProject {
            name: self.project.name.clone(),
            slug: self.project.slug.clone(),
        };
        Ok(Shell {
            project: Some(project),
            menu: self.visitor.projects.iter().map(entry).collect(),
            tabs: Tab::ALL
                .into_iter()
                .filter(|tab| self.may(tab.needs()))
                .map(link)
                .collect(),
            views: self
                .visitor
                .views
                .iter()
                .filter(|view| view.project == self.project.number)
                .map(|view| ViewLink {
                    name: view.name.clone(),
                    href: view.address.clone(),
                    current: view.address == self.address,
                })
                .collect(),
            public: self
                .project
                .is_public
                .then(|| format!("/public/{}", self.project.slug)),
            address: self.address.clone(),
            share: self.share(tab),
            slim: false,
            ..self.visitor.shell(title)?
        })
    }

    /// Where a link to this page can be made: of overviews, by managers.
    fn share(&self, tab: Tab) -> String {
        let (path, query) = self.address.split_once('?').unwrap_or((&self.address, ""));
        let slug = &self.project.slug;
        let shared = tab == Tab::Overview && path == tab.href(slug);
        if !shared || !self.may(Action::ChangeSettings) {
            return String::new();
        }
        format!("{}/shares?{query}", Tab::Settings.href(slug))
    }

    /// The viewer's role in the project.
    pub fn role(&self) -> Role {
        self.project.membership.role
    }

    /// Whether the viewer may do something more than read.
    pub fn may(&self, action: Action) -> bool {
        can(self.role(), action)
    }
}

fn signed_in(meta: &Meta, token: String) -> Result<Option<Visitor>, PageError> {
    let Some(session) = meta.session(&token, now())? else {
        return Ok(None);
    };
    let projects = meta.projects_of(&session.user)?;
    let views = meta.views_of(session.user.id)?;
    Ok(Some(Visitor {
        session,
        projects,
        views,
        token,
    }))
}

impl FromRequestParts<Web> for Visitor {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, PageError> {
        Self::of(&parts.headers, web, address_to_return_to(parts)).await
    }
}

impl FromRequestParts<Web> for Member {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, PageError> {
        let slug = slug_in_path(parts, web).await.ok_or(PageError::NotFound)?;
        let visitor = Visitor::from_request_parts(parts, web).await?;
        // A project of others and no project look the same.
        let project = visitor.projects.iter().find(|project| project.slug == slug);
        let project = project.cloned().ok_or(PageError::NotFound)?;
        let address = address_to_return_to(parts).unwrap_or_default();
        Ok(Self(Viewer {
            visitor,
            project,
            address,
        }))
    }
}

impl FromRequestParts<Web> for Viewer {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, PageError> {
        let Member(viewer) = Member::from_request_parts(parts, web).await?;
        if !viewer.may(Action::ReadEverything) {
            let text = "this page shows the whole project, and authors see their own apps only";
            return Err(PageError::Forbidden(text.to_owned()));
        }
        Ok(viewer)
    }
}

impl FromRequestParts<Web> for Asker {
    type Rejection = ApiRefusal;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, ApiRefusal> {
        if parts.headers.contains_key(AUTHORIZATION) {
            let reader = Reader::from_request_parts(parts, web).await?;
            return Ok(Self {
                reader,
                place: None,
            });
        }
        let Member(viewer) = Member::from_request_parts(parts, web)
            .await
            .map_err(ApiRefusal::of)?;
        Ok(Self {
            reader: Reader::of(&viewer.project),
            place: Some(viewer.project),
        })
    }
}

impl FromRequestParts<Web> for Reader {
    type Rejection = ApiRefusal;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, ApiRefusal> {
        let slug = slug_in_path(parts, web)
            .await
            .ok_or(ApiRefusal::NO_PROJECT)?;
        let token = match parts.headers.get(AUTHORIZATION) {
            Some(authorization) => bearer(authorization)
                .ok_or(ApiRefusal::NO_TOKEN)?
                .to_owned(),
            None => match token_of_feed(parts) {
                Some(token) => token,
                None => return Self::by_session(parts, web).await,
            },
        };
        let (reader, _) = by_token(web, token, slug).await?;
        Ok(reader)
    }
}

impl FromRequestParts<Web> for Exporter {
    type Rejection = ApiRefusal;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, ApiRefusal> {
        let slug = slug_in_path(parts, web)
            .await
            .ok_or(ApiRefusal::NO_PROJECT)?;
        let Some(authorization) = parts.headers.get(AUTHORIZATION) else {
            let viewer = Viewer::from_request_parts(parts, web).await;
            let viewer = viewer.map_err(ApiRefusal::of)?;
            let may = viewer.may(Action::Export);
            return may
                .then(|| Self(Reader::of(&viewer.project)))
                .ok_or(ApiRefusal::NOT_EXPORT);
        };
        let token = bearer(authorization)
            .ok_or(ApiRefusal::NO_TOKEN)?
            .to_owned();
        match by_token(web, token, slug).await? {
            (reader, Scope::Export) => Ok(Self(reader)),
            (_, Scope::Reports) => Err(ApiRefusal::NOT_EXPORT),
        }
    }
}

impl Reader {
    fn of(project: &ProjectOfUser) -> Self {
        Self {
            project: project.number,
            slug: project.slug.clone(),
            name: project.name.clone(),
        }
    }

    async fn by_session(parts: &mut Parts, web: &Web) -> Result<Self, ApiRefusal> {
        let viewer = Viewer::from_request_parts(parts, web).await;
        viewer
            .map(|viewer| Self::of(&viewer.project))
            .map_err(ApiRefusal::of)
    }
}

/// Who a token stands for, and what it may take.
type Scoped = (Reader, Scope);

async fn by_token(web: &Web, token: String, slug: String) -> Result<Scoped, ApiRefusal> {
    let found = web.meta(move |meta| of_token(meta, &token, &slug)).await;
    found
        .map_err(|_| ApiRefusal::INTERNAL)?
        .ok_or(ApiRefusal::UNKNOWN_TOKEN)?
}

/// `None` for an unknown token; a known one may still be for another project.
fn of_token(
    meta: &Meta,
    token: &str,
    slug: &str,
) -> Result<Option<Result<Scoped, ApiRefusal>>, PageError> {
    let Some(ReportToken { project, scope }) = meta.token(token, now())? else {
        return Ok(None);
    };
    let project = meta.project_of_number(project)?;
    if project.slug != slug {
        return Ok(Some(Err(ApiRefusal::OTHER_PROJECT)));
    }
    let reader = Reader {
        project: project.number,
        slug: project.slug,
        name: project.name,
    };
    Ok(Some(Ok((reader, scope))))
}

/// The token in the address of a feed: feed readers cannot send headers. No other page takes it there,
/// where it would come into histories and logs.
fn token_of_feed(parts: &Parts) -> Option<String> {
    if !parts.uri.path().ends_with(".atom") {
        return None;
    }
    let pairs = crate::reports::params::pairs(parts.uri.query()?).ok()?;
    let mut pairs = pairs.into_iter();
    pairs
        .find(|(name, _)| name == "token")
        .map(|(_, token)| token)
}

fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

fn address_to_return_to(parts: &Parts) -> Option<String> {
    let shown = matches!(parts.method, Method::GET | Method::HEAD);
    shown.then(|| parts.uri.path_and_query().map(ToString::to_string))?
}

async fn slug_in_path(parts: &mut Parts, web: &Web) -> Option<String> {
    let params = RawPathParams::from_request_parts(parts, web).await.ok()?;
    let mut params = params.iter();
    params
        .find(|(name, _)| *name == "project")
        .map(|(_, slug)| slug.to_owned())
}

impl ApiRefusal {
    /// What a page would have said, for a program.
    fn of(error: PageError) -> Self {
        match error {
            PageError::SignIn(_) => Self::NO_TOKEN,
            PageError::Forbidden(_) => Self::AUTHOR,
            PageError::NotFound => Self::NO_PROJECT,
            PageError::BadRequest(_)
            | PageError::WrongMethod(_)
            | PageError::TooLarge
            | PageError::TooSlow
            | PageError::TooMany(_)
            | PageError::Internal => Self::INTERNAL,
        }
    }

    const NO_TOKEN: Self = Self {
        status: StatusCode::UNAUTHORIZED,
        code: "no_token",
        message: "send Authorization: Bearer hcr_..., or sign in",
    };
    const UNKNOWN_TOKEN: Self = Self {
        status: StatusCode::UNAUTHORIZED,
        code: "unknown_token",
        message: "the token is unknown or was revoked",
    };
    const NOT_EXPORT: Self = Self {
        status: StatusCode::FORBIDDEN,
        code: "no_export",
        message: "raw events are for managers and for tokens with the scope export",
    };
    pub(super) const BAD_EXPORT: Self = Self {
        status: StatusCode::BAD_REQUEST,
        code: "bad_parameter",
        message: "format is ndjson or csv, from and to are days such as 2026-08-31",
    };
    pub(super) const BUSY: Self = Self {
        status: StatusCode::SERVICE_UNAVAILABLE,
        code: "busy",
        message: "too many exports run; try again later",
    };
    const OTHER_PROJECT: Self = Self {
        status: StatusCode::FORBIDDEN,
        code: "other_project",
        message: "the token is for another project",
    };
    const AUTHOR: Self = Self {
        status: StatusCode::FORBIDDEN,
        code: "whole_project",
        message: "the answer shows the whole project, and authors see their own apps only",
    };
    const NO_PROJECT: Self = Self {
        status: StatusCode::NOT_FOUND,
        code: "no_project",
        message: "there is no such project, or it is not yours",
    };
    const INTERNAL: Self = Self {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        code: "internal",
        message: "something failed on our side; the server's log says what",
    };
}

impl IntoResponse for ApiRefusal {
    fn into_response(self) -> Response {
        let error = serde_json::json!({ "code": self.code, "message": self.message });
        let body = serde_json::json!({ "error": error }).to_string();
        let kind = [(CONTENT_TYPE, "application/json")];
        let mut response = (self.status, kind, body).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(WWW_AUTHENTICATE, scheme);
        }
        response
    }
}
