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

/// Asks before a view is removed.
#[derive(Template)]
#[template(path = "views_remove.html")]
struct RemovePage {
    shell: Shell,
    title: &'static str,
    texts: Vec<String>,
    typed: Option<String>,
    button: &'static str,
    back: String,
}

type ViewPath = Result<Path<(String, i64)>, PathRejection>;

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
        at: href(&viewer.project.slug),
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

/// `GET /projects/{project}/views/{id}/remove`. Where there is no such view any more, the list.
pub(super) async fn ask_remove(
    Member(viewer): Member,
    path: ViewPath,
) -> Result<Response, PageError> {
    let Path((_, id)) = path.map_err(|_| PageError::NotFound)?;
    let back = href(&viewer.project.slug);
    let own = |view: &&SavedView| view.project == viewer.project.number && view.id == id;
    let Some(view) = viewer.visitor.views.iter().find(own) else {
        return Ok(redirect(&back));
    };
    Ok(page(&RemovePage {
        title: "Remove this view?",
        texts: vec![format!(
            "“{}” goes from your menu of views. Its page and all data stay.",
            view.name
        )],
        typed: None,
        button: "Remove view",
        shell: viewer.shell("Remove view", Tab::Overview)?,
        back,
    }))
}

/// `POST /projects/{project}/views/{id}/remove`.
pub(super) async fn remove(
    Member(viewer): Member,
    State(web): State<Web>,
    path: ViewPath,
    Signed { visitor, .. }: Signed<Nothing>,
) -> Result<Response, PageError> {
    let Path((_, id)) = path.map_err(|_| PageError::NotFound)?;
    let user = visitor.session.user.id;
    web.meta(move |meta| meta.remove_view(user, id)).await?;
    Ok(redirect(&href(&viewer.project.slug)))
}

/// Address of the list.
fn href(slug: &str) -> String {
    format!("/projects/{slug}/views")
}
