//! The start page: the projects of a visitor, or straight to the only one.

use askama::Template;
use axum::extract::RawQuery;
use axum::response::Response;

use super::error::{PageError, redirect};
use super::shell::{Shell, Tab, page};
use super::viewer::Visitor;

/// `/?all` lists also a single project.
const LIST_ALL: &str = "all";

#[derive(Template)]
#[template(path = "projects.html")]
struct ProjectsPage {
    shell: Shell,
    projects: Vec<Line>,
    /// The visitor manages every project.
    everywhere: bool,
}

struct Line {
    slug: String,
    name: String,
    role: &'static str,
    namespaces: String,
}

/// `GET /`.
pub(super) async fn show(
    visitor: Visitor,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    if let [only] = visitor.projects.as_slice()
        && query.as_deref() != Some(LIST_ALL)
    {
        return Ok(redirect(&Tab::Overview.href(&only.slug)));
    }
    let lines = visitor.projects.iter().map(|project| Line {
        slug: project.slug.clone(),
        name: project.name.clone(),
        role: project.membership.role.word(),
        namespaces: project.membership.namespaces.join(", "),
    });
    Ok(page(&ProjectsPage {
        projects: lines.collect(),
        everywhere: visitor.session.user.all_projects,
        shell: visitor.shell("Projects")?,
    }))
}
