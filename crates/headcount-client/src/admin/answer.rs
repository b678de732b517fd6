//! What every page is made of: its frame, its HTML answer, and the answers when something is wrong.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::{ADMIN_PATH, Desk, assets};
use crate::error::Error;

/// Who looks at the pages, and the token of their forms; put into each request by the guard.
#[derive(Clone, Debug)]
pub(super) struct Visitor {
    pub(super) name: String,
    pub(super) form_token: String,
}

/// What surrounds every page.
pub(super) struct Frame {
    pub(super) title: String,
    pub(super) program: String,
    pub(super) visitor: String,
    pub(super) form_token: String,
    pub(super) site: Option<String>,
    /// Where a door lets out.
    pub(super) sign_out: Option<&'static str>,
    pub(super) notice: Option<Notice>,
}

/// One line on top of a page.
pub(super) struct Notice {
    pub(super) text: String,
    pub(super) bad: bool,
}

impl Frame {
    pub(super) fn of(desk: &Desk, visitor: &Visitor, title: impl Into<String>) -> Self {
        let told = desk.program.clone().or_else(|| {
            let settings = desk.state.settings().ok().flatten();
            settings.and_then(|settings| settings.app)
        });
        Self {
            title: title.into(),
            program: told.unwrap_or_else(|| "Analytics".to_owned()),
            visitor: visitor.name.clone(),
            form_token: visitor.form_token.clone(),
            site: desk.site.clone(),
            sign_out: desk.sign_out,
            notice: None,
        }
    }

    pub(super) fn noting(mut self, done: Option<Done>) -> Self {
        self.notice = done.map(|done| Notice {
            text: done.words().to_owned(),
            bad: false,
        });
        self
    }

    pub(super) fn complaining(mut self, problem: Option<String>) -> Self {
        if let Some(text) = problem {
            self.notice = Some(Notice { text, bad: true });
        }
        self
    }

    pub(super) fn css(&self) -> &'static str {
        assets::css()
    }

    pub(super) fn icon(&self) -> &'static str {
        assets::icon()
    }

    pub(super) fn home(&self) -> &'static str {
        ADMIN_PATH
    }

    pub(super) fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }
}

/// What was just done, as the address of the next page tells it: a word of this list, never a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Done {
    Saved,
    Added,
    Removed,
    Off,
    On,
    Forgotten,
    Asked,
}

impl Done {
    const fn word(self) -> &'static str {
        match self {
            Self::Saved => "saved",
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Off => "off",
            Self::On => "on",
            Self::Forgotten => "forgotten",
            Self::Asked => "asked",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Saved => "Saved. Every process of this install follows within 2 seconds.",
            Self::Added => "The token is added.",
            Self::Removed => "The token is removed; what waited for it is deleted.",
            Self::Off => "Stopped. Nothing is recorded or sent, and what waited is deleted.",
            Self::On => "Started again, with the feeds as they are set.",
            Self::Forgotten => {
                "Every Headcount endpoint has erased this install. It has a new random id."
            }
            Self::Asked => {
                "This install has a new random id. An endpoint has not answered yet; it is asked again until it has."
            }
        }
    }

    /// Back to a page, which then says what was done.
    pub(super) fn at(self, path: &str) -> Response {
        Redirect::to(&format!("{path}?done={}", self.word())).into_response()
    }
}

/// Reads `?done=`; a word that is none is no notice.
#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct Told {
    done: Option<String>,
}

impl Told {
    pub(super) fn done(&self) -> Option<Done> {
        let all = [
            Done::Saved,
            Done::Added,
            Done::Removed,
            Done::Off,
            Done::On,
            Done::Forgotten,
            Done::Asked,
        ];
        let word = self.done.as_deref()?;
        all.into_iter().find(|done| done.word() == word)
    }
}

/// A page that cannot be shown or a change that is not made.
#[derive(Debug)]
pub(super) enum PageError {
    NotFound,
    Forbidden(&'static str),
    Trouble(String),
}

impl From<Error> for PageError {
    fn from(error: Error) -> Self {
        match error {
            Error::NoToken(_) => Self::NotFound,
            error => Self::Trouble(error.to_string()),
        }
    }
}

#[derive(Template)]
#[template(path = "operator/problem.html")]
struct Problem<'a> {
    heading: &'a str,
    text: &'a str,
    css: &'static str,
    icon: &'static str,
    home: &'static str,
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let (status, heading, text) = match &self {
            Self::NotFound => (
                StatusCode::NOT_FOUND,
                "There is no such page",
                "The token or the request it was about is gone.",
            ),
            Self::Forbidden(why) => (StatusCode::FORBIDDEN, "Not allowed", *why),
            Self::Trouble(why) => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "This did not work",
                why.as_str(),
            ),
        };
        let page = Problem {
            heading,
            text,
            css: assets::css(),
            icon: assets::icon(),
            home: ADMIN_PATH,
        };
        html(status, &page)
    }
}

/// A rendered page.
pub(super) fn html(status: StatusCode, page: &impl Template) -> Response {
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    match page.render() {
        Ok(text) => (status, [(header::CONTENT_TYPE, kind)], text).into_response(),
        // Templates write into memory; only that can fail, and then there is no page to say it on.
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// A rendered page that went well.
pub(super) fn page(page: &impl Template) -> Response {
    html(StatusCode::OK, page)
}
