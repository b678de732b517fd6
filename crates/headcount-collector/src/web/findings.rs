//! The page of findings: all that the server found, what stands, what is muted and what is over.

use askama::Template;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;

use super::desk::Desk;
use super::error::{PageError, redirect};
use super::login::Nothing;
use super::overview::findings::Finding;
use super::overview::passing;
use super::settings::Change;
use super::shell::{Shell, Tab, page};
use super::viewer::Member;
use super::{Web, blocking, now};
use crate::access::Action;
use crate::meta::findings::{KeptFinding, Mute};
use crate::reports::{ReportError, calendar};
use crate::store::Day;

type FindingPath = Result<Path<(String, i64)>, PathRejection>;

/// Address of the page in a project.
pub(super) fn href(slug: &str) -> String {
    format!("{}/findings", Tab::Overview.href(slug))
}

#[derive(Template)]
#[template(path = "findings.html")]
struct FindingsPage {
    shell: Shell,
    at: String,
    feed: String,
    may_mute: bool,
    parts: Vec<Part>,
}

struct Part {
    title: &'static str,
    about: &'static str,
    none: &'static str,
    lines: Vec<Line>,
}

struct Line {
    /// Of a kept finding, which can be muted.
    id: Option<i64>,
    bad: bool,
    strong: String,
    text: String,
    evidence: String,
    /// When it was found, came back, was muted and ended.
    story: String,
    href: String,
    muted: bool,
    over: bool,
}

/// `GET /projects/{project}/findings`.
pub(super) async fn show(
    Member(viewer): Member,
    State(web): State<Web>,
) -> Result<Response, PageError> {
    let slug = viewer.project.slug.clone();
    let desk = Desk::of(web.collector(), &viewer.project);
    let found = blocking(move || {
        let found = desk.all_findings()?;
        let passing = passing::passing(&desk, &found)?;
        Ok::<_, ReportError>((found, passing))
    });
    let (found, passing) = found.await?;
    let pick = |of: fn(&KeptFinding) -> bool| -> Vec<Line> {
        let own = found.iter().filter(|kept| of(kept));
        own.map(|kept| line(&slug, kept)).collect()
    };
    let mut told = pick(KeptFinding::is_told);
    told.extend(passing.into_iter().map(passing_line));
    let parts = vec![
        Part {
            title: "Worth a look",
            about: "What the server found by itself in the data up to the last full day, whatever the filters of pages",
            none: "Nothing now.",
            lines: told,
        },
        Part {
            title: "Muted",
            about: "Not told on pages, in the feed or by webhook, until it rises by half or ends and comes back",
            none: "Nothing is muted.",
            lines: pick(|kept| kept.ended_at.is_none() && kept.muted.is_some()),
        },
        Part {
            title: "Over",
            about: "What was found once and is not found any more",
            none: "Nothing yet.",
            lines: pick(|kept| kept.ended_at.is_some()),
        },
    ];
    Ok(page(&FindingsPage {
        may_mute: viewer.may(Action::ChangeSettings),
        shell: viewer.shell("Findings", Tab::Overview)?,
        at: href(&slug),
        feed: format!("{}.atom", href(&slug)),
        parts,
    }))
}

fn line(slug: &str, kept: &KeptFinding) -> Line {
    let finding = &kept.finding;
    let on = |at: jiff::Timestamp| calendar::long(day(at));
    let mut story = format!("found {}", on(kept.found_at));
    if kept.came_back() {
        story.push_str(&format!(", for the first time {}", on(kept.first_at)));
    }
    if let Some(muted) = &kept.muted {
        story.push_str(&format!("; muted {} by {}", on(muted.at), muted.by));
    }
    if let Some(ended) = kept.ended_at {
        story.push_str(&format!("; over {}", on(ended)));
    }
    Line {
        id: Some(kept.id),
        bad: finding.kind.is_bad(),
        strong: finding.strong.clone(),
        text: finding.text.clone(),
        evidence: finding.evidence.clone(),
        story,
        href: format!("{}{}", Tab::Overview.href(slug), finding.target),
        muted: kept.muted.is_some(),
        over: kept.ended_at.is_some(),
    }
}

fn passing_line(finding: Finding) -> Line {
    Line {
        id: None,
        bad: finding.bad,
        strong: finding.strong,
        text: finding.text,
        evidence: finding.evidence,
        story: "told while it is so, on pages only".to_owned(),
        href: finding.href,
        muted: false,
        over: false,
    }
}

fn day(at: jiff::Timestamp) -> Day {
    calendar::day_of_ms(at.as_millisecond())
}

/// `POST /projects/{project}/findings/{id}/mute`.
pub(super) async fn mute(
    State(web): State<Web>,
    id: FindingPath,
    change: Change<Nothing>,
) -> Result<Response, PageError> {
    decide(&web, id, change, Mute::On).await
}

/// `POST /projects/{project}/findings/{id}/unmute`.
pub(super) async fn unmute(
    State(web): State<Web>,
    id: FindingPath,
    change: Change<Nothing>,
) -> Result<Response, PageError> {
    decide(&web, id, change, Mute::Off).await
}

async fn decide(
    web: &Web,
    id: FindingPath,
    Change { manager, .. }: Change<Nothing>,
    how: Mute,
) -> Result<Response, PageError> {
    let Path((_, id)) = id.map_err(|_| PageError::NotFound)?;
    let (number, by) = (manager.number(), manager.user().email.clone());
    web.meta(move |meta| meta.mute_finding((number, id), how, (&by, now())))
        .await?;
    Ok(redirect(&href(manager.slug())))
}
