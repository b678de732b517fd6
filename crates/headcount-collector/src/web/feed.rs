//! `GET /projects/{project}/findings.atom`: what is worth a look, for feed readers. They cannot sign in
//! or send headers, so a report token may stand in the address: `?token=hcr_...`.

use askama::Template;
use axum::extract::State as Extract;
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use super::Web;
use super::error::PageError;
use super::overview::origin_of;
use super::shell::Tab;
use super::viewer::Reader;
use crate::meta::findings::{KeptFinding, Which};

/// Findings in the feed.
const ENTRIES: u32 = 50;

#[derive(Template)]
#[template(path = "findings.xml")]
struct Feed {
    project: String,
    id: String,
    page: String,
    updated: String,
    entries: Vec<Entry>,
}

struct Entry {
    id: String,
    title: String,
    summary: String,
    kind: &'static str,
    href: String,
    published: String,
    updated: String,
}

/// Answers with the feed.
pub(super) async fn show(
    reader: Reader,
    Extract(web): Extract<Web>,
    headers: HeaderMap,
) -> Result<Response, PageError> {
    let number = reader.project;
    let found = web.meta(move |meta| meta.findings(number, Which::All, ENTRIES));
    let mut found = found.await?;
    found.retain(|kept| kept.muted.is_none());
    let origin = web.public_origin();
    let origin = origin.map_or_else(|| origin_of(&headers), str::to_owned);
    let page = format!("{origin}{}", Tab::Overview.href(&reader.slug));
    let id = format!("urn:headcount:{}", reader.slug);
    let latest = found.iter().map(changed_at).max().unwrap_or_default();
    let feed = Feed {
        updated: latest.to_string(),
        entries: found.iter().map(|kept| entry(kept, (&id, &page))).collect(),
        project: reader.name,
        id,
        page,
    };
    let body = feed.render().map_err(|error| PageError::internal(&error))?;
    let headers = [
        (CONTENT_TYPE, "application/atom+xml; charset=utf-8"),
        (CACHE_CONTROL, "private, max-age=300"),
    ];
    Ok((headers, body).into_response())
}

/// When it was found or ended; that its words changed is no news.
fn changed_at(kept: &KeptFinding) -> jiff::Timestamp {
    kept.ended_at.unwrap_or(kept.found_at)
}

fn entry(kept: &KeptFinding, (id, page): (&str, &str)) -> Entry {
    let finding = &kept.finding;
    let ended = if kept.ended_at.is_some() {
        "Over: "
    } else {
        ""
    };
    let back = if kept.came_back() && kept.ended_at.is_none() {
        "Back: "
    } else {
        ""
    };
    let said = format!("{ended}{back}{} {}", finding.strong, finding.text);
    Entry {
        id: format!(
            "{id}:finding:{}:{}",
            kept.id,
            kept.found_at.as_millisecond()
        ),
        title: said.replace("  ", " ").trim().to_owned(),
        summary: finding.evidence.clone(),
        kind: finding.kind.word(),
        href: format!("{page}{}", finding.target),
        published: kept.found_at.to_string(),
        updated: changed_at(kept).to_string(),
    }
}
