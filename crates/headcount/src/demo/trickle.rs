//! Single hits after the load, over all wires, so that the Live page lives; a few are refused.

use std::sync::Arc;
use std::time::Duration;

use headcount_collector::meta::projects::Project;
use headcount_protocol::{Batch, ga4, native, universal};
use jiff::Timestamp;

use super::load::Load;
use super::sender::{Post, Sender};

/// Mean pause between two hits.
const PAUSE: Duration = Duration::from_millis(600);
/// One hit in so many is refused.
const REFUSED_EVERY: u64 = 23;
/// What an install sends that never heard of the new one.
const OLD_SECRET: &str = "the-secret-of-last-year";
/// A moment that no collector takes any more: ten years ago.
const TOO_OLD_MS: i64 = 10 * 366 * 86_400_000;

pub(super) struct Trickle {
    pub(super) load: Arc<Load>,
    pub(super) project: Project,
}

impl Trickle {
    /// Sends hits until it is dropped.
    pub(super) async fn run(self) {
        let this = Arc::new(self);
        for turn in 0.. {
            // Uneven, as hits of many installs are.
            tokio::time::sleep(PAUSE / 4 + PAUSE * u32::try_from(turn * 7 % 11).unwrap_or(0) / 7)
                .await;
            let this = Arc::clone(&this);
            let sent = tokio::task::spawn_blocking(move || this.send(turn)).await;
            if let Ok(Err(error)) = sent {
                tracing::warn!(%error, "a hit of the demo was not sent");
            }
        }
    }

    fn send(&self, turn: u64) -> std::io::Result<()> {
        let now_ms = Timestamp::now().as_millisecond();
        let Some(mut batch) = self.load.fleet.hit(now_ms, turn) else {
            return Ok(());
        };
        let mut sender = Sender::new(self.load.address);
        let (round, place) = (turn / REFUSED_EVERY, turn % REFUSED_EVERY);
        match (place + 1 == REFUSED_EVERY, round % 2, turn % 3) {
            (true, 0, _) => self.ga4(&mut sender, &batch, OLD_SECRET),
            (true, _, _) => {
                for event in &mut batch.events {
                    event.at_ms = Some(now_ms - TOO_OLD_MS);
                }
                self.native(&mut sender, &batch)
            }
            (false, _, 0) => self.universal(&mut sender, &batch),
            (false, _, 1) => self.ga4(&mut sender, &batch, &self.project.api_secret),
            (false, _, _) => self.native(&mut sender, &batch),
        }
    }

    fn native(&self, sender: &mut Sender, batch: &Batch) -> std::io::Result<()> {
        let post = Post {
            target: "/api/v1/batch",
            bearer: Some(&self.project.ingest_key),
            body: &native::encode(batch),
        };
        sender.post(&post).map(drop)
    }

    /// A task event of many runs is many hits on this wire: the first is enough.
    fn universal(&self, sender: &mut Sender, batch: &Batch) -> std::io::Result<()> {
        let Some(hit) = universal::encode(batch, &self.project.tracking_id).next() else {
            return Ok(());
        };
        let post = Post {
            target: "/collect",
            bearer: None,
            body: hit.payload.as_bytes(),
        };
        sender.post(&post).map(drop)
    }

    fn ga4(&self, sender: &mut Sender, batch: &Batch, secret: &str) -> std::io::Result<()> {
        let target = ga4::path(&self.project.measurement_id, secret);
        for request in ga4::encode(batch) {
            let post = Post {
                target: &target,
                bearer: None,
                body: &request.body,
            };
            sender.post(&post)?;
        }
        Ok(())
    }
}
