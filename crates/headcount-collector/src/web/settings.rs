//! The settings of a project: what every one of their pages has in common. For managers only.

pub(super) mod audit;
pub(super) mod breaks;
pub(super) mod claims;
pub(super) mod keys;
pub(super) mod members;
pub(super) mod project;
pub(super) mod public;
pub(super) mod raw;
pub(super) mod setup;
pub(super) mod shares;
pub(super) mod tokens;
pub(super) mod webhook;

use askama::Template;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::Web;
use super::csrf::Signed;
use super::error::{PageError, redirect};
use super::overview::origin_of;
use super::shell::{Shell, Tab, page};
use super::viewer::Viewer;
use crate::access::Action;
use crate::meta::MetaError;
use crate::meta::audit::Actor;
use crate::meta::people::User;
use crate::store::ProjectNumber;

/// A viewer who may change the settings of the project in the path.
pub(super) struct Manager(pub(super) Viewer);

/// A form that such a viewer sent from one of our pages.
pub(super) struct Change<T> {
    pub(super) manager: Manager,
    pub(super) form: T,
}

/// The pages, in the order of their links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Section {
    Keys,
    Setup,
    Tokens,
    Members,
    Audit,
    Webhook,
    Breaks,
    Raw,
    Shares,
    Public,
    Project,
}

/// What settings.html shows around each of them.
pub(super) struct Frame {
    pub(super) links: Vec<Link>,
    pub(super) done: Option<&'static str>,
    pub(super) problem: Option<String>,
}

pub(super) struct Link {
    pub(super) label: &'static str,
    pub(super) href: String,
    pub(super) current: bool,
}

impl Section {
    const ALL: [Self; 11] = [
        Self::Keys,
        Self::Setup,
        Self::Tokens,
        Self::Members,
        Self::Audit,
        Self::Webhook,
        Self::Breaks,
        Self::Raw,
        Self::Shares,
        Self::Public,
        Self::Project,
    ];

    fn label(self) -> &'static str {
        match self {
            Self::Keys => "Ingest keys",
            Self::Setup => "Set-up",
            Self::Tokens => "Report tokens",
            Self::Members => "Members",
            Self::Audit => "Audit log",
            Self::Webhook => "Webhook",
            Self::Breaks => "Known breaks",
            Self::Raw => "Raw events",
            Self::Shares => "Share links",
            Self::Public => "Public page",
            Self::Project => "Project",
        }
    }

    /// Address of the page in a project.
    pub(super) fn href(self, slug: &str) -> String {
        let settings = Tab::Settings.href(slug);
        match self {
            Self::Keys => settings,
            Self::Setup => format!("{settings}/setup"),
            Self::Tokens => format!("{settings}/tokens"),
            Self::Members => format!("{settings}/members"),
            Self::Audit => format!("{settings}/audit"),
            Self::Webhook => format!("{settings}/webhook"),
            Self::Breaks => format!("{settings}/breaks"),
            Self::Raw => format!("{settings}/raw"),
            Self::Shares => format!("{settings}/shares"),
            Self::Public => format!("{settings}/public"),
            Self::Project => format!("{settings}/project"),
        }
    }
}

impl Manager {
    pub(super) fn slug(&self) -> &str {
        &self.0.project.slug
    }

    pub(super) fn number(&self) -> ProjectNumber {
        self.0.project.number
    }

    pub(super) fn user(&self) -> &User {
        &self.0.visitor.session.user
    }

    /// Who stands in the audit log.
    pub(super) fn actor(&self) -> Actor {
        Actor::User(self.user().email.clone())
    }

    pub(super) fn shell(&self) -> Result<Shell, PageError> {
        self.0.shell("Settings", Tab::Settings)
    }

    pub(super) fn frame(&self, section: Section) -> Frame {
        let link = |each: Section| Link {
            label: each.label(),
            href: each.href(self.slug()),
            current: each == section,
        };
        Frame {
            links: Section::ALL.map(link).into(),
            done: None,
            problem: None,
        }
    }

    /// A page that asks whether something is meant that can be undone, or costs little.
    pub(super) fn ask(
        &self,
        section: Section,
        title: &str,
        texts: Vec<String>,
        button: &str,
    ) -> Result<Response, PageError> {
        let page = Confirm {
            shell: self.shell()?,
            frame: self.frame(section),
            title: title.to_owned(),
            texts,
            button: button.to_owned(),
            back: section.href(self.slug()),
            typed: None,
        };
        Ok(answer(&page, false))
    }

    /// Leads back to a section, which then says what was done.
    pub(super) fn back(&self, section: Section, done: &str) -> Response {
        redirect(&format!("{}?done={done}", section.href(self.slug())))
    }
}

impl Frame {
    /// Says what was done, by the word in the address.
    pub(super) fn after(mut self, query: Option<&str>) -> Self {
        self.done = match query.and_then(|query| query.strip_prefix("done=")) {
            Some("key") => Some("The new key takes hits from now on."),
            Some("key-revoked") => Some("The key is revoked. What it sends is refused."),
            Some("secret") => Some("The API secret is replaced. The old one is refused."),
            Some("token-revoked") => Some("The token is revoked. It opens nothing any more."),
            Some("share-revoked") => {
                Some("The link is revoked. Its address is not found any more.")
            }
            Some("member") => Some("The member is changed."),
            Some("member-removed") => Some("They are out of the project."),
            Some("session") => Some("That session is over."),
            Some("sessions") => Some("They are signed out everywhere."),
            Some("tested") => Some("A test was posted. What came back stands below."),
            Some("webhook-removed") => Some("The webhook is removed. Nothing is posted any more."),
            Some("break") => Some("The break is noted."),
            Some("break-removed") => Some("The break is taken back."),
            Some("raw") => Some("That is how long raw events are kept from now on."),
            Some("public") => Some("The public page is on."),
            Some("public-off") => {
                Some("The public page is off. Its address is not found any more.")
            }
            Some("granted") => Some("The app is granted."),
            Some("refused") => Some("The request is refused."),
            Some("name") => Some("The name is saved."),
            _ => None,
        };
        self
    }

    pub(super) fn but(mut self, problem: Option<String>) -> Self {
        self.problem = problem;
        self
    }
}

impl FromRequestParts<Web> for Manager {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, PageError> {
        let viewer = Viewer::from_request_parts(parts, web).await?;
        if !viewer.may(Action::ChangeSettings) {
            let text = "only managers of the project change its settings";
            return Err(PageError::Forbidden(text.to_owned()));
        }
        Ok(Self(viewer))
    }
}

impl<T: DeserializeOwned> FromRequest<Web> for Change<T> {
    type Rejection = PageError;

    async fn from_request(request: Request, web: &Web) -> Result<Self, PageError> {
        let (mut parts, body) = request.into_parts();
        let manager = Manager::from_request_parts(&mut parts, web).await?;
        let request = Request::from_parts(parts, body);
        let Signed { form, .. } = Signed::from_request(request, web).await?;
        Ok(Self { manager, form })
    }
}

/// A page that asks whether it is meant; the form posts to the page's own address.
#[derive(Template)]
#[template(path = "confirm.html")]
pub(super) struct Confirm {
    pub(super) shell: Shell,
    pub(super) frame: Frame,
    pub(super) title: String,
    /// What will happen and what stays, a paragraph each.
    pub(super) texts: Vec<String>,
    pub(super) button: String,
    pub(super) back: String,
    /// What has to be typed, where a slip would be dear.
    pub(super) typed: Option<String>,
}

/// What the visitor can mend becomes a sentence for the page; everything else is a failure.
pub(super) fn mendable<T>(outcome: Result<T, MetaError>) -> Result<Result<T, String>, PageError> {
    match outcome {
        Ok(done) => Ok(Ok(done)),
        Err(MetaError::Invalid(text)) => Ok(Err(format!("That does not work: {text}."))),
        Err(error @ MetaError::Taken { .. }) => Ok(Err(format!("That does not work: {error}."))),
        Err(error) => Err(error.into()),
    }
}

/// A page, with the status that fits when it says a problem.
pub(super) fn answer(template: &impl Template, problem: bool) -> Response {
    let mut response = page(template);
    if problem {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    response
}

/// Scheme and host as browsers see them.
pub(super) fn origin(web: &Web, headers: &HeaderMap) -> String {
    web.public_origin()
        .map_or_else(|| origin_of(headers), str::to_owned)
}

/// A day as people write it.
pub(super) fn day(unix_ms: i64) -> String {
    Timestamp::from_millisecond(unix_ms)
        .map(|at| at.strftime("%-d %b %Y").to_string())
        .unwrap_or_default()
}

/// A moment as people write it.
pub(super) fn moment(unix_ms: i64) -> String {
    Timestamp::from_millisecond(unix_ms)
        .map(|at| at.strftime("%-d %b %Y, %H:%M").to_string())
        .unwrap_or_default()
}
