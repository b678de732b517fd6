//! What would leave now, made by the code that makes what leaves. Claims nothing and sends nothing.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::encode;
use crate::error::Result;
use crate::spool::{self, Batch};
use crate::state::State;

/// The next request to one destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// The token's number.
    pub token: u32,
    /// The token's name.
    pub name: String,
    /// Events it carries.
    pub events: usize,
    /// Request line and headers; the token's secret is left out.
    pub head: String,
    /// The body before compression.
    pub body: String,
}

impl State {
    /// The next request to each destination that anything waits for.
    ///
    /// # Errors
    /// When the state folder cannot be read.
    pub fn preview(&self) -> Result<Vec<Preview>> {
        let (Some(settings), Some(install)) = (self.settings()?, self.install()?) else {
            return Ok(Vec::new());
        };
        if settings.is_off() || !self.spool_path().exists() {
            return Ok(Vec::new());
        }
        let mut spool = self.spool()?;
        let now_ms = crate::clock::now_ms();
        let mut previews = Vec::new();
        for token in &settings.tokens {
            let limit = encode::event_limit(token.kind);
            let events = spool.transact(|tx| spool::peek(tx, token.id, limit))?;
            if events.is_empty() {
                continue;
            }
            let batch = Batch {
                id: encode::random_id(),
                attempts: 0,
                progress: 0,
                events,
                lost: BTreeMap::new(),
            };
            let encoded = encode::encode(&install, &settings, token, &batch, now_ms);
            previews.push(Preview {
                token: token.id,
                name: token.name.clone(),
                events: encoded.taken,
                head: encoded.head(token),
                body: encoded.text(),
            });
        }
        Ok(previews)
    }
}
