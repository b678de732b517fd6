//! `/api/v1/batch`: native batches, answered with a receipt after the commit.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use headcount_protocol::RefusalCode;
use headcount_protocol::native::{self, Rejected};
use http::StatusCode;
use http::header::CONTENT_ENCODING;
use serde::Serialize;

use super::sieve::{Seen, Sieve};
use super::{answer, auth, body};
use crate::app::Collector;
use crate::ingest::writer::now_ms;
use crate::store::{ProjectNumber, Receipt, Verdict, Wire};

/// Packed or large bodies are worked on away from the threads that serve connections.
const HEAVY_BYTES: usize = 256 * 1024;

#[derive(Serialize)]
struct Answer {
    accepted: u64,
    duplicates: u64,
    rejected: Vec<Rejection>,
}

#[derive(Serialize)]
struct Rejection {
    index: usize,
    field: String,
    code: &'static str,
    message: String,
}

impl Rejection {
    fn forgotten(index: usize) -> Self {
        Self {
            index,
            field: "install".to_owned(),
            code: "forgotten",
            message: "this install was erased here; nothing of it is taken any more".to_owned(),
        }
    }
}

impl From<Rejected> for Rejection {
    fn from(rejected: Rejected) -> Self {
        Self {
            index: rejected.index,
            field: rejected.field,
            code: rejected.code.as_str(),
            message: rejected.message,
        }
    }
}

pub(super) async fn batch(State(collector): State<Arc<Collector>>, request: Request) -> Response {
    let received_ms = now_ms();
    let (parts, body) = request.into_parts();
    let mut sieve = Sieve::new(&collector, Wire::Native, received_ms);
    let Some(project) = auth::ingest_key(&collector, &parts.headers) else {
        return unknown_key(sieve).await;
    };
    let network = collector.ingest.network(&parts);
    if let Err(wait) = collector.ingest.limit.check(project, network) {
        collector.metrics.unavailable("rate_limited");
        let message = "too many requests with this key from this network";
        return answer::later(StatusCode::TOO_MANY_REQUESTS, "rate_limited", message, wait);
    }
    let limits = &collector.config.limits;
    let bodies = &collector.ingest.bodies;
    let received = match body::read(body, &parts.headers, limits, bodies).await {
        Ok(received) => received,
        Err(error) => return answer::not_read(error, &collector.metrics),
    };
    let heavy = received.len() > HEAVY_BYTES || parts.headers.contains_key(CONTENT_ENCODING);
    let sorted = aside(heavy, || {
        let unpacked = body::unpack(received, &parts.headers, limits, bodies)
            .map_err(|error| Box::new(answer::not_read(error, &collector.metrics)))?;
        sort(&mut sieve, project, &unpacked)
    });
    let rejected = match sorted {
        Ok(rejected) => rejected,
        Err(response) => {
            // The answer is an error whether or not the live page will show it.
            let _ = collector.writer.submit(sieve.parcel).await;
            return *response;
        }
    };
    match collector.writer.submit(sieve.parcel).await {
        Ok(receipt) => receipted(&collector, receipt, rejected),
        Err(error) => answer::not_written(error, &collector.metrics),
    }
}

/// Runs work that takes long without holding up the connections of its thread.
fn aside<T>(heavy: bool, work: impl FnOnce() -> T) -> T {
    let runtime = tokio::runtime::Handle::current().runtime_flavor();
    if heavy && runtime == tokio::runtime::RuntimeFlavor::MultiThread {
        tokio::task::block_in_place(work)
    } else {
        work()
    }
}

async fn unknown_key(mut sieve: Sieve<'_>) -> Response {
    let message = "no project goes by this ingest key";
    let seen = Seen {
        project: auth::UNKNOWN,
        install: "",
        event: "",
        payload: b"",
    };
    sieve.refuse(seen, RefusalCode::UnknownProject.as_str(), message);
    let collector = sieve.collector();
    // The answer is 401 whether or not the live page will show it.
    let _ = collector.writer.submit(sieve.parcel).await;
    answer::unknown_key(message)
}

/// Decodes a body into the sieve; returns the rejected events, or the answer to a body of which
/// nothing can be taken.
fn sort(
    sieve: &mut Sieve<'_>,
    project: ProjectNumber,
    body: &[u8],
) -> Result<Vec<Rejection>, Box<Response>> {
    let mut seen = Seen {
        project,
        install: "",
        event: "batch",
        payload: body,
    };
    let decoded = native::decode(body).map_err(|error| {
        let code = error.code().as_str();
        let message = error.to_string();
        sieve.refuse(seen, code, &message);
        Box::new(answer::failure(StatusCode::BAD_REQUEST, code, &message))
    })?;
    let install = decoded.batch.install.as_str().to_owned();
    seen.install = &install;
    sieve.note(seen, &decoded.notes);
    let mut rejected: Vec<Rejection> = decoded.rejected.into_iter().map(Rejection::from).collect();
    let taken = positions(decoded.batch.events.len(), &rejected);
    for position in sieve.accept(project, decoded.batch, "") {
        rejected.push(Rejection {
            index: taken[position],
            field: "at".to_owned(),
            code: RefusalCode::TooOld.as_str(),
            message: "older than raw events are kept".to_owned(),
        });
    }
    rejected.sort_by_key(|rejection| rejection.index);
    for rejection in &rejected {
        let event = format!("events[{}]", rejection.index);
        let seen = Seen {
            event: &event,
            ..seen
        };
        let message = format!("{} {}", rejection.field, rejection.message);
        sieve.refuse(seen, rejection.code, message.trim_start());
    }
    Ok(rejected)
}

/// Where the taken events stood in the request.
fn positions(taken: usize, rejected: &[Rejection]) -> Vec<usize> {
    if rejected.is_empty() {
        return (0..taken).collect();
    }
    let gone: std::collections::BTreeSet<usize> =
        rejected.iter().map(|rejection| rejection.index).collect();
    (0..taken + gone.len())
        .filter(|index| !gone.contains(index))
        .collect()
}

fn receipted(collector: &Collector, receipt: Receipt, mut rejected: Vec<Rejection>) -> Response {
    if receipt.forgotten > 0 {
        // A batch is of one install: all that was left of it is refused.
        let left = positions(receipt.forgotten as usize, &rejected);
        rejected.extend(left.into_iter().map(Rejection::forgotten));
        rejected.sort_by_key(|rejection| rejection.index);
    }
    let metrics = &collector.metrics;
    metrics.hits(Wire::Native, Verdict::Accepted, receipt.accepted);
    metrics.duplicates(receipt.duplicates);
    let answer = Answer {
        accepted: receipt.accepted,
        duplicates: receipt.duplicates,
        rejected,
    };
    // Numbers and strings can always be written as JSON.
    let body = serde_json::to_vec(&answer).unwrap_or_default();
    answer::json(StatusCode::OK, body)
}
