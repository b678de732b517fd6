//! What left, for the eye and for download: the bytes themselves, and whether the chain of hashes is whole.

use std::collections::BTreeMap;

use askama::Template;
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::answer::{Frame, PageError, Visitor, page};
use super::words::{bytes, counted, pieces, time};
use super::{Desk, figures};
use crate::ledger::{Entry, first_broken};
use crate::settings::Token;

/// Requests shown below other things.
pub(super) const SHOWN_BELOW: usize = 6;
/// Requests on one page of the ledger.
const SHOWN_HERE: usize = 25;
/// A longer body is cut on the page, which says so; the download is whole.
const MOST_SHOWN_BYTES: usize = 16_000;

/// A request as a page shows it.
pub(super) struct Line {
    pub(super) seq: i64,
    pub(super) time: String,
    pub(super) to: String,
    pub(super) size: String,
    pub(super) outcome: String,
    pub(super) failed: bool,
    pub(super) head: String,
    /// Put together they are the body, unless `cut`.
    pub(super) pieces: Vec<String>,
    pub(super) cut: bool,
    pub(super) packed: Option<String>,
    pub(super) hash: String,
}

/// What the ledger holds, with the newest requests first.
pub(super) struct Shown {
    pub(super) lines: Vec<Line>,
    /// Requests older than those.
    pub(super) earlier: usize,
    /// Where those are shown.
    pub(super) earlier_at: String,
    /// First number at which the chain does not hold.
    pub(super) broken: Option<i64>,
    pub(super) total: usize,
}

/// Everything that is kept; empty when nothing was ever recorded.
pub(super) fn entries(desk: &Desk) -> Result<Vec<Entry>, PageError> {
    if !desk.state.spool_path().exists() {
        return Ok(Vec::new());
    }
    Ok(desk.state.spool()?.ledger(None)?)
}

/// The newest `most` requests before `before`, of one token or of all.
pub(super) fn shown(
    all: &[Entry],
    tokens: &[Token],
    token: Option<u32>,
    (before, most): (Option<i64>, usize),
) -> Shown {
    let names: BTreeMap<u32, &str> = tokens
        .iter()
        .map(|one| (one.id, one.name.as_str()))
        .collect();
    let of_token = |entry: &&Entry| token.is_none_or(|id| id == entry.destination);
    let mine: Vec<&Entry> = all.iter().filter(of_token).collect();
    let older: Vec<&Entry> = mine
        .iter()
        .copied()
        .filter(|entry| before.is_none_or(|seq| entry.seq < seq))
        .collect();
    let newest: Vec<&Entry> = older.iter().rev().take(most).copied().collect();
    let last = newest.last().map(|entry| entry.seq);
    let mut earlier_at = super::below("ledger/?");
    if let Some(seq) = last {
        earlier_at.push_str(&format!("before={seq}"));
    }
    if let Some(id) = token {
        earlier_at.push_str(&format!("&token={id}"));
    }
    Shown {
        lines: newest.iter().map(|entry| line(entry, &names)).collect(),
        earlier: older.len() - newest.len(),
        earlier_at,
        broken: first_broken(all),
        total: mine.len(),
    }
}

fn line(entry: &Entry, names: &BTreeMap<u32, &str>) -> Line {
    let text = entry.text();
    let mut end = text.len().min(MOST_SHOWN_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let to = names.get(&entry.destination).map_or_else(
        || format!("token {}, removed", entry.destination),
        |name| (*name).to_owned(),
    );
    let what = if entry.events == 0 {
        "no event".to_owned()
    } else {
        counted(u64::from(entry.events), "event")
    };
    let mut outcome = entry
        .note
        .clone()
        .unwrap_or_else(|| "no answer yet".to_owned());
    if entry.attempt > 1 {
        outcome.push_str(&format!(", try {}", entry.attempt));
    }
    let sent = bytes(entry.body.len() as u64);
    Line {
        seq: entry.seq,
        time: time(entry.at_ms),
        to,
        size: format!("{what}, {sent}"),
        outcome,
        failed: entry.note.is_some() && !figures::is_taken(entry),
        head: entry.head.clone(),
        pieces: pieces(&text[..end])
            .into_iter()
            .map(str::to_owned)
            .collect(),
        cut: end < text.len(),
        packed: (text.as_bytes() != entry.body.as_slice())
            .then(|| format!("It left as {sent} of gzip; this is what they unpack to.")),
        hash: super::guard::hex(&entry.hash),
    }
}

impl Line {
    pub(super) fn body_path(&self) -> String {
        super::below(&format!("ledger/{}/body", self.seq))
    }
}

/// Which part of the ledger.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Part {
    token: Option<u32>,
    before: Option<i64>,
}

#[derive(Template)]
#[template(path = "operator/ledger.html")]
struct Ledger {
    frame: Frame,
    of: Option<String>,
    shown: Shown,
}

/// `GET ledger/`.
pub(super) async fn show(
    State(desk): State<Desk>,
    Extension(visitor): Extension<Visitor>,
    Query(part): Query<Part>,
) -> Result<Response, PageError> {
    desk.work(move |desk| {
        let all = entries(desk)?;
        let settings = desk.state.settings()?.unwrap_or_default();
        let of = match part.token {
            Some(id) => Some(settings.token(id)?.name.clone()),
            None => None,
        };
        let range = (part.before, SHOWN_HERE);
        let ledger = Ledger {
            frame: Frame::of(desk, &visitor, "What left"),
            of,
            shown: shown(&all, &settings.tokens, part.token, range),
        };
        Ok(page(&ledger))
    })
    .await
}

/// `GET ledger/all.json`: what `headcount client ledger --json` prints.
pub(super) async fn all(State(desk): State<Desk>) -> Result<Response, PageError> {
    let entries = desk.work(entries).await?;
    let chain = first_broken(&entries).map_or_else(
        || "whole".to_owned(),
        |seq| format!("broken at entry {seq}"),
    );
    let readable: Vec<_> = entries.iter().map(Entry::readable).collect();
    let told = serde_json::json!({ "entries": readable, "chain": chain });
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (
            CONTENT_DISPOSITION,
            "attachment; filename=\"what-left.json\"",
        ),
    ];
    Ok((headers, told.to_string()).into_response())
}

/// `GET ledger/{seq}/body`: the bytes of one body as they left.
pub(super) async fn body(
    State(desk): State<Desk>,
    Path(seq): Path<String>,
) -> Result<Response, PageError> {
    let seq: i64 = seq.parse().map_err(|_| PageError::NotFound)?;
    let entries = desk.work(entries).await?;
    let found = entries.into_iter().find(|entry| entry.seq == seq);
    let entry = found.ok_or(PageError::NotFound)?;
    let name = format!("attachment; filename=\"request-{seq}.body\"");
    let headers = [
        (CONTENT_TYPE, "application/octet-stream".to_owned()),
        (CONTENT_DISPOSITION, name),
    ];
    Ok((headers, entry.body).into_response())
}
