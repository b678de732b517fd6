//! Sorts the hits of one request into accepted, noted and refused.

use headcount_protocol::{Batch, Note, RefusalCode};

use super::enrich::{Arrival, enrich};
use super::payload;
use crate::app::Collector;
use crate::store::{Day, Flagged, Parcel, ProjectNumber, Verdict, Wire};

const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// One request being sorted.
pub(super) struct Sieve<'a> {
    collector: &'a Collector,
    wire: Wire,
    pub(super) received_ms: i64,
    pub(super) parcel: Parcel,
}

/// What a hit looks like to the person at the live page.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) project: ProjectNumber,
    pub(super) install: &'a str,
    pub(super) event: &'a str,
    pub(super) payload: &'a [u8],
}

impl<'a> Sieve<'a> {
    pub(super) fn new(collector: &'a Collector, wire: Wire, received_ms: i64) -> Self {
        Self {
            collector,
            wire,
            received_ms,
            parcel: Parcel::default(),
        }
    }

    pub(super) fn collector(&self) -> &'a Collector {
        self.collector
    }

    /// Takes the events of a batch; returns the positions of those that are too old.
    pub(super) fn accept(
        &mut self,
        project: ProjectNumber,
        batch: Batch,
        agent: &str,
    ) -> Vec<usize> {
        let retention_ms = i64::from(self.collector.retention_days(project)) * DAY_MS;
        let horizon = self.collector.store.horizon(project);
        let arrival = Arrival {
            project,
            wire: self.wire,
            received_ms: self.received_ms,
            // A retention that was made longer does not bring days back.
            oldest_ms: horizon
                .map_or(i64::MIN, Day::start_ms)
                .max(self.received_ms - retention_ms),
            agent,
        };
        let enriched = enrich(batch, &arrival, &self.collector.ingest.agents);
        self.parcel.lost.extend(enriched.lost);
        if !enriched.accepted.entries.is_empty() {
            self.parcel.accepted.push(enriched.accepted);
        }
        enriched.too_old
    }

    pub(super) fn refuse(&mut self, seen: Seen<'_>, code: &'static str, message: &str) {
        self.collector.metrics.refused(code, 1);
        self.flag(seen, Verdict::Refused, format!("{code}: {message}"));
    }

    pub(super) fn too_old(&mut self, seen: Seen<'_>) {
        let message = format!(
            "older than the {} days that raw events are kept",
            self.collector.retention_days(seen.project)
        );
        self.refuse(seen, RefusalCode::TooOld.as_str(), &message);
    }

    /// Keeps what was dropped from a hit that counts.
    pub(super) fn note(&mut self, seen: Seen<'_>, notes: &[Note]) {
        if notes.is_empty() {
            return;
        }
        let mut reason = String::new();
        for note in notes {
            if !reason.is_empty() {
                reason.push_str("; ");
            }
            reason.push_str(note.code.as_str());
            reason.push_str(": ");
            if !note.field.is_empty() && !note.message.starts_with(&*note.field) {
                reason.push_str(&note.field);
                reason.push(' ');
            }
            reason.push_str(&note.message);
        }
        self.flag(seen, Verdict::Noted, reason);
    }

    fn flag(&mut self, seen: Seen<'_>, verdict: Verdict, reason: String) {
        self.collector.metrics.hits(self.wire, verdict, 1);
        self.parcel.flagged.push(Flagged {
            project: seen.project,
            received_ms: self.received_ms,
            install: seen.install.to_owned(),
            wire: self.wire,
            event: seen.event.to_owned(),
            verdict,
            reason,
            payload: payload::kept(seen.payload),
        });
    }
}
