//! The project itself: its name, and closing it.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use serde::Deserialize;

use super::{Change, Confirm, Frame, Manager, Section, answer, mendable};
use crate::web::error::{PageError, redirect};
use crate::web::shell::Shell;
use crate::web::{Web, now};

#[derive(Template)]
#[template(path = "settings_project.html")]
struct ProjectPage {
    shell: Shell,
    frame: Frame,
    at: String,
    name: String,
    slug: String,
}

#[derive(Deserialize)]
pub(in crate::web) struct Name {
    name: String,
}

#[derive(Deserialize)]
pub(in crate::web) struct Typed {
    #[serde(default)]
    typed: String,
}

impl Typed {
    /// Whether something else was typed than had to be.
    pub(super) fn is_not(&self, wanted: &str) -> bool {
        self.typed.trim() != wanted
    }
}

/// `GET /projects/{project}/settings/project`.
pub(in crate::web) async fn show(
    manager: Manager,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    project_page(&manager, query.as_deref(), None)
}

/// `POST /projects/{project}/settings/project`.
pub(in crate::web) async fn rename(
    State(web): State<Web>,
    Change { manager, form }: Change<Name>,
) -> Result<Response, PageError> {
    let (number, actor) = (manager.number(), manager.actor());
    let renamed = web
        .meta(move |meta| mendable(meta.rename_project(number, &form.name, &actor, now())))
        .await?;
    match renamed {
        Ok(()) => Ok(manager.back(Section::Project, "name")),
        Err(problem) => project_page(&manager, None, Some(problem)),
    }
}

/// `GET /projects/{project}/settings/close`.
pub(in crate::web) async fn ask_close(manager: Manager) -> Result<Response, PageError> {
    close_page(&manager, None)
}

/// `POST /projects/{project}/settings/close`.
pub(in crate::web) async fn close(
    State(web): State<Web>,
    Change { manager, form }: Change<Typed>,
) -> Result<Response, PageError> {
    if form.is_not(manager.slug()) {
        let problem = format!("Type {} to close it.", manager.slug());
        return close_page(&manager, Some(problem));
    }
    let (number, actor) = (manager.number(), manager.actor());
    web.meta(move |meta| meta.close_project(number, &actor, now()))
        .await?;
    Ok(redirect("/?all"))
}

fn close_page(manager: &Manager, problem: Option<String>) -> Result<Response, PageError> {
    let refused = problem.is_some();
    let name = &manager.0.project.name;
    let page = Confirm {
        shell: manager.shell()?,
        frame: manager.frame(Section::Project).but(problem),
        title: format!("Close {name}?"),
        texts: vec![
            "Its keys are refused within a second, and its pages and report tokens answer nobody any more.".to_owned(),
            "Nothing is deleted. Who runs the server opens it again with headcount project reopen.".to_owned(),
        ],
        button: format!("Close {name}"),
        back: Section::Project.href(manager.slug()),
        typed: Some(manager.slug().to_owned()),
    };
    Ok(answer(&page, refused))
}

fn project_page(
    manager: &Manager,
    query: Option<&str>,
    problem: Option<String>,
) -> Result<Response, PageError> {
    let refused = problem.is_some();
    let page = ProjectPage {
        shell: manager.shell()?,
        frame: manager.frame(Section::Project).after(query).but(problem),
        at: Section::Project.href(manager.slug()),
        name: manager.0.project.name.clone(),
        slug: manager.slug().to_owned(),
    };
    Ok(answer(&page, refused))
}
