//! How each kind of client is pointed at the project, to copy and paste.

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

use super::{Frame, Manager, Section, answer, origin};
use crate::web::Web;
use crate::web::error::PageError;
use crate::web::overview::first_run::{self, Way};
use crate::web::shell::Shell;

#[derive(Template)]
#[template(path = "settings_setup.html")]
struct SetupPage {
    shell: Shell,
    frame: Frame,
    endpoints: [(&'static str, String); 4],
    ways: Vec<Way>,
}

/// `GET /projects/{project}/settings/setup`.
pub(in crate::web) async fn show(
    manager: Manager,
    State(web): State<Web>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let slug = manager.slug().to_owned();
    let project = web.meta(move |meta| meta.project(&slug)).await?;
    let origin = origin(&web, &headers);
    let page = SetupPage {
        shell: manager.shell()?,
        frame: manager.frame(Section::Setup),
        endpoints: [
            ("Native batches", format!("{origin}/api/v1/batch")),
            ("GA4 Measurement Protocol", format!("{origin}/mp/collect")),
            (
                "Universal Analytics, single hits",
                format!("{origin}/collect"),
            ),
            ("Universal Analytics, batches", format!("{origin}/batch")),
        ],
        ways: first_run::ways(&origin, &project, true),
    };
    Ok(answer(&page, false))
}
