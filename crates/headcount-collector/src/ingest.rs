//! Hits in: HTTP, keys, limits, decoding and the writer. Never reads what is stored.

mod agents;
mod answer;
mod auth;
mod body;
mod enrich;
mod forget;
mod ga4;
mod limit;
mod native;
mod operation;
mod payload;
mod routes;
mod sieve;
#[cfg(test)]
mod tests;
mod universal;
pub mod writer;

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::ConnectInfo;
use http::{HeaderMap, HeaderName, request};

use crate::config::{Config, Limits};
use crate::error::Error;
use crate::metrics::Metrics;
use crate::network::Network;
use agents::Agents;
use body::Budget;
use limit::RateLimit;

pub(crate) use routes::router;

/// Requests to be forgotten that one network may send with one key: an install asks once, and then
/// again until it has its receipt.
const FORGETS_PER_SECOND: u32 = 1;
const FORGETS_AT_ONCE: u32 = 100;

/// What requests share.
pub(crate) struct Ingest {
    limit: RateLimit,
    /// Requests to be forgotten: each has whole days searched.
    forgets: RateLimit,
    bodies: Budget,
    agents: Agents,
    /// Header in which a proxy in front tells the sender's address.
    proxy_header: Option<HeaderName>,
}

impl Ingest {
    /// # Errors
    /// The settings name an impossible header.
    pub(crate) fn new(config: &Config, metrics: Arc<Metrics>) -> Result<Self, Error> {
        let proxy_header = config
            .client_address_header
            .as_deref()
            .map(|name| {
                HeaderName::from_bytes(name.as_bytes())
                    .map_err(|_| Error::Config(format!("`{name}` cannot be the name of a header")))
            })
            .transpose()?;
        Ok(Self {
            limit: RateLimit::new(&config.limits),
            forgets: RateLimit::new(&Limits {
                requests_per_second: FORGETS_PER_SECOND,
                request_burst: FORGETS_AT_ONCE,
                ..config.limits.clone()
            }),
            bodies: Budget::new(config.limits.bodies_bytes, metrics),
            agents: Agents::default(),
            proxy_header,
        })
    }

    /// Frees what quiet senders hold; to be called now and then.
    pub(crate) fn forget_quiet(&self) {
        self.limit.forget_quiet();
        self.forgets.forget_quiet();
    }

    /// The network a request came from.
    pub(crate) fn network(&self, parts: &request::Parts) -> Network {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let peer = peer.map_or(unknown, |ConnectInfo(peer)| *peer);
        Network::of(peer, &parts.headers, self.proxy_header.as_ref())
    }
}

/// The user agent of a request, empty when it tells none.
fn user_agent(headers: &HeaderMap) -> &str {
    headers
        .get(http::header::USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}
