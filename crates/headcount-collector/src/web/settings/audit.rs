//! The audit log of the project, page by page, with a search.

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::{Frame, Manager, Section, answer, moment};
use crate::meta::audit::{AuditFilter, AuditLine};
use crate::web::Web;
use crate::web::error::PageError;
use crate::web::shell::Shell;

/// Lines of one page.
const LINES: u32 = 50;

#[derive(Template)]
#[template(path = "settings_audit.html")]
struct AuditPage {
    shell: Shell,
    frame: Frame,
    at: String,
    text: String,
    lines: Vec<(String, AuditLine)>,
    older: Option<String>,
}

#[derive(Deserialize)]
pub(in crate::web) struct Asked {
    #[serde(default)]
    text: String,
    before: Option<i64>,
}

/// `GET /projects/{project}/settings/audit?text=...&before=...`.
pub(in crate::web) async fn show(
    manager: Manager,
    State(web): State<Web>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, PageError> {
    let Query(asked) = asked.map_err(|error| PageError::BadRequest(error.body_text()))?;
    let filter = AuditFilter {
        text: asked.text,
        before: asked.before,
    };
    let (number, asked) = (manager.number(), filter.clone());
    // One more than shown says whether there are older ones.
    let found = web.meta(move |meta| meta.audit_page(number, &asked, LINES + 1));
    let mut found = found.await?;
    let more = found.len() > LINES as usize;
    found.truncate(LINES as usize);
    let at = Section::Audit.href(manager.slug());
    let older = found.last().filter(|_| more).map(|(id, _)| {
        let text = utf8_percent_encode(&filter.text, NON_ALPHANUMERIC);
        format!("{at}?text={text}&before={id}")
    });
    let page = AuditPage {
        shell: manager.shell()?,
        frame: manager.frame(Section::Audit),
        at,
        text: filter.text,
        lines: found
            .into_iter()
            .map(|(_, line)| (moment(line.at_ms), line))
            .collect(),
        older,
    };
    Ok(answer(&page, false))
}
