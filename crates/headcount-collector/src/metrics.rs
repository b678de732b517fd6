//! What the collector counts about itself, as Prometheus reads it. Nothing about installs.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::store::{Verdict, Wire};

/// Content type of `Metrics::encode`.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels<const N: usize> = [(&'static str, &'static str); N];

/// Counters of one collector.
pub struct Metrics {
    registry: Registry,
    /// Looked up once: the path of every hit.
    hits: [[Counter; VERDICTS.len()]; WIRES.len()],
    duplicates: Counter,
    refused: Family<Labels<1>, Counter>,
    unavailable: Family<Labels<1>, Counter>,
    commit_seconds: Histogram,
    commit_events: Histogram,
    failed_commits: Counter,
    pub(crate) queued_events: Gauge,
    pub(crate) bodies_bytes: Gauge,
    apply_seconds: Gauge<f64, AtomicU64>,
}

const WIRES: [(Wire, &str); 3] = [
    (Wire::Universal, "v1"),
    (Wire::Ga4, "ga4"),
    (Wire::Native, "native"),
];
const VERDICTS: [(Verdict, &str); 3] = [
    (Verdict::Accepted, "accepted"),
    (Verdict::Noted, "noted"),
    (Verdict::Refused, "refused"),
];

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("headcount");
        let hits = Family::<Labels<2>, Counter>::default();
        let metrics = Self {
            hits: WIRES.map(|(_, wire)| {
                VERDICTS.map(|(_, verdict)| {
                    hits.get_or_create_owned(&[("wire", wire), ("verdict", verdict)])
                })
            }),
            duplicates: Counter::default(),
            refused: Family::default(),
            unavailable: Family::default(),
            // 0.1 ms to 1.6 s.
            commit_seconds: Histogram::new(exponential_buckets(0.0001, 2.0, 15)),
            commit_events: Histogram::new(exponential_buckets(1.0, 4.0, 8)),
            failed_commits: Counter::default(),
            queued_events: Gauge::default(),
            bodies_bytes: Gauge::default(),
            apply_seconds: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("hits", "Events by wire and verdict", hits);
        registry.register(
            "duplicates",
            "Events whose id came before",
            metrics.duplicates.clone(),
        );
        registry.register(
            "refused",
            "Refused events by reason",
            metrics.refused.clone(),
        );
        registry.register(
            "unavailable",
            "Requests answered 408, 413, 429 or 503, by reason",
            metrics.unavailable.clone(),
        );
        registry.register(
            "commit_seconds",
            "Time of one commit, from its first insert to the disk",
            metrics.commit_seconds.clone(),
        );
        registry.register(
            "commit_events",
            "Events of one commit",
            metrics.commit_events.clone(),
        );
        registry.register(
            "failed_commits",
            "Commits that failed; their requests were answered 503",
            metrics.failed_commits.clone(),
        );
        registry.register(
            "queued_events",
            "Events that wait for the writer",
            metrics.queued_events.clone(),
        );
        registry.register(
            "bodies_bytes",
            "Memory held by request bodies",
            metrics.bodies_bytes.clone(),
        );
        registry.register(
            "index_lag_seconds",
            "Time from the last commit to its events being counted by queries",
            metrics.apply_seconds.clone(),
        );
        Self {
            registry,
            ..metrics
        }
    }
}

impl Metrics {
    pub(crate) fn hits(&self, wire: Wire, verdict: Verdict, count: u64) {
        let wire = match wire {
            Wire::Universal => 0,
            Wire::Ga4 => 1,
            Wire::Native => 2,
        };
        let verdict = match verdict {
            Verdict::Accepted => 0,
            Verdict::Noted => 1,
            Verdict::Refused => 2,
        };
        self.hits[wire][verdict].inc_by(count);
    }

    pub(crate) fn refused(&self, code: &'static str, count: u64) {
        self.refused
            .get_or_create(&[("reason", code)])
            .inc_by(count);
    }

    pub(crate) fn duplicates(&self, count: u64) {
        self.duplicates.inc_by(count);
    }

    pub(crate) fn unavailable(&self, reason: &'static str) {
        self.unavailable.get_or_create(&[("reason", reason)]).inc();
    }

    pub(crate) fn committed(&self, events: usize, took: Duration) {
        self.commit_seconds.observe(took.as_secs_f64());
        self.commit_events.observe(events as f64);
    }

    pub(crate) fn commit_failed(&self) {
        self.failed_commits.inc();
    }

    pub(crate) fn applied(&self, lag: Duration) {
        self.apply_seconds.set(lag.as_secs_f64());
    }

    /// All of it as text.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut out = String::new();
        // Writing to a String cannot fail.
        let _ = text::encode(&mut out, &self.registry);
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_told() {
        let metrics = Metrics::default();
        metrics.hits(Wire::Ga4, Verdict::Accepted, 3);
        metrics.refused("unknown_project", 1);
        metrics.committed(3, Duration::from_millis(2));
        let text = metrics.encode();
        for line in [
            "headcount_hits_total{wire=\"ga4\",verdict=\"accepted\"} 3\n",
            "headcount_hits_total{wire=\"v1\",verdict=\"refused\"} 0\n",
            "headcount_refused_total{reason=\"unknown_project\"} 1\n",
            "headcount_commit_events_count 1\n",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        assert!(text.ends_with("# EOF\n"));
    }
}
