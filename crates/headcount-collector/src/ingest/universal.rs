//! `/collect`, `/batch` and `/debug/collect`: Measurement Protocol v1.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use headcount_protocol::universal::{self, Decoded, Line};
use headcount_protocol::{Batch, RefusalCode, Runtime};
use http::StatusCode;

use super::sieve::{Seen, Sieve};
use super::{answer, auth, body, user_agent};
use crate::app::Collector;
use crate::ingest::writer::now_ms;
use crate::network::Network;
use crate::store::{Verdict, Wire};

/// One hit, or several, whatever the path: answered with the GIF after the commit.
pub(super) async fn collect(State(collector): State<Arc<Collector>>, request: Request) -> Response {
    let received_ms = now_ms();
    let (parts, body) = request.into_parts();
    let ingest = &collector.ingest;
    let limits = &collector.config.limits;
    let received = match body::read(body, &parts.headers, limits, &ingest.bodies).await {
        Ok(received) => received,
        Err(error) => return answer::not_read(error, &collector.metrics),
    };
    let mut sieve = Sieve::new(&collector, Wire::Universal, received_ms);
    let agent = user_agent(&parts.headers);
    let network = ingest.network(&parts);
    let mut counted = false;
    for line in universal::lines(parts.uri.query(), &received) {
        sort(&mut sieve, line, agent, (!counted).then_some(network));
        counted = true;
    }
    drop(received);
    match collector.writer.submit(sieve.parcel).await {
        Ok(receipt) => {
            let metrics = &collector.metrics;
            metrics.hits(Wire::Universal, Verdict::Accepted, receipt.accepted);
            answer::gif()
        }
        Err(error) => answer::not_written(error, &collector.metrics),
    }
}

/// Sorts one hit; `network` is there for the first hit of a request, which counts for the limit.
fn sort(sieve: &mut Sieve<'_>, line: Line<'_>, agent: &str, network: Option<Network>) {
    let collector = sieve.collector();
    let decoded = universal::decode(&line.payload, sieve.received_ms);
    let project = collector.meta.tracking_id(&decoded.tracking_id);
    let install = decoded.install.clone();
    let seen = Seen {
        project: project.unwrap_or(auth::UNKNOWN),
        install: install.as_ref().map_or("", |install| install.as_str()),
        event: &decoded.name,
        payload: &line.payload,
    };
    if let Some(refusal) = line.refused {
        return sieve.refuse(seen, refusal.code.as_str(), &refusal.message);
    }
    let Decoded {
        app,
        app_version,
        user_agent,
        outcome,
        notes,
        ..
    } = &decoded;
    let event = match outcome {
        Ok(event) => event.clone(),
        Err(refusal) => return sieve.refuse(seen, refusal.code.as_str(), &refusal.message),
    };
    let Some(project) = project else {
        let message = format!("no project goes by the tracking ID {}", decoded.tracking_id);
        return sieve.refuse(seen, RefusalCode::UnknownProject.as_str(), &message);
    };
    if let Some(network) = network
        && collector.ingest.limit.check(project, network).is_err()
    {
        let message = "too many requests with this tracking ID from this network";
        return sieve.refuse(seen, "rate_limited", message);
    }
    let Some(install) = install.clone() else {
        return sieve.refuse(seen, RefusalCode::Missing.as_str(), "cid is missing");
    };
    sieve.note(seen, notes);
    let batch = Batch {
        install,
        app: app.clone(),
        app_version: app_version.clone(),
        batch_id: None,
        sent_at_ms: None,
        runtime: Runtime::default(),
        events: vec![event],
        lost: std::collections::BTreeMap::new(),
    };
    let agent = user_agent.as_deref().unwrap_or(agent);
    if !sieve.accept(project, batch, agent).is_empty() {
        sieve.too_old(seen);
    }
}

/// Says what the live endpoint would make of the hits; stores nothing.
pub(super) async fn debug(State(collector): State<Arc<Collector>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let limits = &collector.config.limits;
    let bodies = &collector.ingest.bodies;
    match body::read(body, &parts.headers, limits, bodies).await {
        Ok(received) => {
            let path = parts.uri.path();
            let answer = universal::debug(path, parts.uri.query(), &received);
            answer::json(StatusCode::OK, answer)
        }
        Err(error) => answer::not_read(error, &collector.metrics),
    }
}
