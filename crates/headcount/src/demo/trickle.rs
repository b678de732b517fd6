//! Single hits after the load, over all wires, so that the Live page lives; a few are refused.

use std::sync::Arc;
use std::time::Duration;

use headcount_collector::meta::projects::Project;
use headcount_protocol::{Batch, native, universal};
use jiff::Timestamp;

use super::load::Load;
use super::sender::{Post, Sender};

/// Mean pause between two hits.
const PAUSE: Duration = Duration::from_millis(600);
/// One hit in so many is refused.
const REFUSED_EVERY: u64 = 23;
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
        let refused = turn % REFUSED_EVERY == REFUSED_EVERY - 1;
        if refused {
            batch
                .events
                .iter_mut()
                .for_each(|event| event.at_ms = Some(now_ms - TOO_OLD_MS));
        }
        let mut sender = Sender::new(self.load.address);
        match turn % 3 {
            _ if refused => self.native(&mut sender, &batch),
            0 => self.universal(&mut sender, &batch),
            _ => self.native(&mut sender, &batch),
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
}
