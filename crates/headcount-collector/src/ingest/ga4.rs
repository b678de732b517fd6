//! `/mp/collect` and `/debug/mp/collect`: the GA4 Measurement Protocol.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use headcount_protocol::ga4::{self, Decoded, Key};
use headcount_protocol::{Batch, RefusalCode, Runtime};
use http::StatusCode;

use super::sieve::{Seen, Sieve};
use super::{answer, auth, body};
use crate::app::Collector;
use crate::ingest::writer::now_ms;
use crate::network::Network;
use crate::store::{ProjectNumber, Verdict, Wire};

/// Up to 25 events of one install: answered 204 after the commit, whatever came.
pub(super) async fn collect(State(collector): State<Arc<Collector>>, request: Request) -> Response {
    let received_ms = now_ms();
    let (parts, body) = request.into_parts();
    let limits = &collector.config.limits;
    let bodies = &collector.ingest.bodies;
    let received = match body::read(body, &parts.headers, limits, bodies).await {
        Ok(received) => received,
        Err(error) => return answer::not_read(error, &collector.metrics),
    };
    let mut sieve = Sieve::new(&collector, Wire::Ga4, received_ms);
    let network = collector.ingest.network(&parts);
    sort(&mut sieve, parts.uri.query(), &received, network);
    drop(received);
    match collector.writer.submit(sieve.parcel).await {
        Ok(receipt) => {
            let metrics = &collector.metrics;
            metrics.hits(Wire::Ga4, Verdict::Accepted, receipt.accepted);
            answer::no_content()
        }
        Err(error) => answer::not_written(error, &collector.metrics),
    }
}

fn sort(sieve: &mut Sieve<'_>, query: Option<&str>, body: &[u8], network: Network) {
    let decoded = ga4::decode(query, body, sieve.received_ms);
    let (project, refusal) = project(sieve.collector(), &decoded.key, network);
    let Decoded {
        install,
        app,
        app_version,
        user_agent,
        hits,
        notes,
        ..
    } = decoded;
    let seen = Seen {
        project,
        install: install.as_ref().map_or("", |install| install.as_str()),
        event: "",
        payload: body,
    };
    let mut events = Vec::with_capacity(hits.len());
    let mut names = Vec::with_capacity(hits.len());
    for hit in hits {
        let seen = Seen {
            event: &hit.name,
            ..seen
        };
        match (hit.outcome, &refusal) {
            // What cannot be read says more than whose it is.
            (Err(refusal), _) => sieve.refuse(seen, refusal.code.as_str(), &refusal.message),
            (Ok(_), Some((code, message))) => sieve.refuse(seen, code, message),
            (Ok(event), None) => {
                sieve.note(seen, &hit.notes);
                events.push(event);
                names.push(hit.name);
            }
        }
    }
    let Some(install) = install.clone().filter(|_| !events.is_empty()) else {
        // Without an install every hit came with its refusal.
        return;
    };
    sieve.note(
        Seen {
            event: "request",
            ..seen
        },
        &notes,
    );
    let batch = Batch {
        install,
        app,
        app_version,
        batch_id: None,
        sent_at_ms: None,
        runtime: Runtime::default(),
        events,
        lost: BTreeMap::new(),
    };
    for position in sieve.accept(project, batch, user_agent.as_deref().unwrap_or_default()) {
        sieve.too_old(Seen {
            event: &names[position],
            ..seen
        });
    }
}

type Refused = Option<(&'static str, String)>;

/// The project of a key, and why its hits are refused.
fn project(collector: &Collector, key: &Key, network: Network) -> (ProjectNumber, Refused) {
    let unknown = |message| {
        let code = RefusalCode::UnknownProject.as_str();
        (auth::UNKNOWN, Some((code, message)))
    };
    let Some(stream) = key.stream() else {
        return unknown("measurement_id is missing in the query string".to_owned());
    };
    let Some(found) = collector.meta.measurement_id(stream) else {
        return unknown(format!("no project goes by the measurement ID {stream}"));
    };
    let secret = key.api_secret.as_deref().unwrap_or_default();
    if !found.accepts(secret) {
        let message = if secret.is_empty() {
            "api_secret is missing in the query string"
        } else {
            "api_secret is not the one of this measurement ID"
        };
        let code = RefusalCode::WrongSecret.as_str();
        return (found.project, Some((code, message.to_owned())));
    }
    if collector
        .ingest
        .limit
        .check(found.project, network)
        .is_err()
    {
        let message = "too many requests with this measurement ID from this network";
        return (found.project, Some(("rate_limited", message.to_owned())));
    }
    (found.project, None)
}

/// Says what the live endpoint would make of a request; stores nothing.
pub(super) async fn debug(State(collector): State<Arc<Collector>>, request: Request) -> Response {
    let received_ms = now_ms();
    let (parts, body) = request.into_parts();
    let limits = &collector.config.limits;
    let bodies = &collector.ingest.bodies;
    match body::read(body, &parts.headers, limits, bodies).await {
        Ok(received) => {
            let answer = ga4::debug(parts.uri.query(), &received, received_ms);
            answer::json(StatusCode::OK, answer)
        }
        Err(error) => answer::not_read(error, &collector.metrics),
    }
}
