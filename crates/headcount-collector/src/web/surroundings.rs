//! Errors in their surroundings: where the visitor is signed in the page keeps header, project and tabs, so
//! that a wrong turn is no dead end. Strangers get the bare page, which tells them nothing.

use askama::Template;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use axum::middleware::Next;
use axum::response::Response;

use super::Web;
use super::error::Told;
use super::shell::{Shell, Tab};
use super::viewer::{Viewer, Visitor};

/// No page of ours is longer.
const MOST_BYTES: usize = 1 << 20;

#[derive(Template)]
#[template(path = "error_inside.html")]
struct ErrorInside {
    shell: Shell,
    text: String,
    /// Where to go instead, and what that is called.
    way: (String, String),
}

/// Puts the page of an error into its surroundings.
pub(super) async fn add(State(web): State<Web>, request: Request, next: Next) -> Response {
    let headers = request.headers().clone();
    let path = request.uri().path().to_owned();
    let response = next.run(request).await;
    let Some(told) = response.extensions().get::<Told>().cloned() else {
        return response;
    };
    let Some(html) = inside(&web, (&headers, &path), told).await else {
        return response;
    };
    let (mut parts, body) = response.into_parts();
    // Read to its end, so that whatever made it is finished.
    drop(to_bytes(body, MOST_BYTES).await);
    parts.headers.remove(CONTENT_LENGTH);
    debug_assert!(parts.headers.contains_key(CONTENT_TYPE));
    Response::from_parts(parts, Body::from(html))
}

/// The page for somebody signed in; `None` for others, and when even that fails.
async fn inside(web: &Web, (headers, path): (&HeaderMap, &str), told: Told) -> Option<String> {
    let visitor = Visitor::of(headers, web, None).await.ok()?;
    let slug = path
        .strip_prefix("/projects/")
        .and_then(|rest| rest.split('/').next());
    let project = visitor
        .projects
        .iter()
        .find(|project| Some(project.slug.as_str()) == slug)
        .cloned();
    let (shell, way) = match project {
        Some(project) => {
            let way = (
                Tab::Overview.href(&project.slug),
                format!("Go to {}", project.name),
            );
            let viewer = Viewer::lost(visitor, project);
            let mut shell = viewer.shell(told.title, Tab::Overview).ok()?;
            for tab in &mut shell.tabs {
                tab.current = false;
            }
            (shell, way)
        }
        None => {
            let way = ("/?all".to_owned(), "Go to your projects".to_owned());
            (visitor.shell(told.title).ok()?, way)
        }
    };
    let page = ErrorInside {
        shell,
        text: told.text,
        way,
    };
    page.render().ok()
}
