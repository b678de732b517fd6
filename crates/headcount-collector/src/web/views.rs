//! Saved views: keeping the page one looks at under a name, and removing such names.

use askama::Template;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;

use super::csrf::Signed;
use super::error::{PageError, redirect};
use super::login::{Nothing, own_address};
use super::shell::{Shell, Tab, page};
use super::viewer::Member;
use super::{Web, now};
use crate::meta::views::SavedView;

#[derive(Template)]
#[template(path = "views.html")]
struct ViewsPage {
    shell: Shell,
    at: String,
    views: Vec<SavedView>,
}

#[derive(Deserialize)]
pub(super) struct View {
    name: String,
    address: String,
}

/// `GET /projects/{project}/views`.
pub(super) async fn show(Member(viewer): Member) -> Result<Response, PageError> {
    let number = viewer.project.number;
    let views = viewer.visitor.views.iter();
    let views = views
        .filter(|view| view.project == number)
        .cloned()
        .collect();
    Ok(page(&ViewsPage {
        shell: viewer.shell("Saved views", Tab::Overview)?,
        at: format!("/projects/{}/views", viewer.project.slug),
        views,
    }))
}

/// `POST /projects/{project}/views`.
pub(super) async fn save(
    Member(viewer): Member,
    State(web): State<Web>,
    Signed { visitor, form }: Signed<View>,
) -> Result<Response, PageError> {
    let project = viewer.project;
    let own = Tab::Overview.href(&project.slug);
    let inside = own_address(&form.address).strip_prefix(&own);
    // Only pages of this project: the name in its menu says so.
    if !inside.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?'])) {
        let text = "a view is a page of its project";
        return Err(PageError::BadRequest(text.to_owned()));
    }
    let (id, number, address) = (
        visitor.session.user.id,
        project.number,
        form.address.clone(),
    );
    web.meta(move |meta| meta.save_view(id, (number, &form.name, &form.address), now()))
        .await?;
    Ok(redirect(&address))
}

/// `POST /projects/{project}/views/{id}/remove`.
pub(super) async fn remove(
    Member(viewer): Member,
    State(web): State<Web>,
    path: Result<Path<(String, i64)>, PathRejection>,
    Signed { visitor, .. }: Signed<Nothing>,
) -> Result<Response, PageError> {
    let Path((_, id)) = path.map_err(|_| PageError::NotFound)?;
    let user = visitor.session.user.id;
    web.meta(move |meta| meta.remove_view(user, id)).await?;
    Ok(redirect(&format!(
        "/projects/{}/views",
        viewer.project.slug
    )))
}
