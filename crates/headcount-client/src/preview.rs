//! What would leave now, made by the code that makes what leaves. Claims nothing and sends nothing.

use std::collections::{BTreeMap, BTreeSet};

use headcount_protocol::dictionary;
use serde::Serialize;

use crate::encode;
use crate::error::Result;
use crate::settings::TokenKind;
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
    /// What each field in it means, as the dictionary says, in its order.
    pub fields: Vec<PreviewField>,
}

/// A field of a request, explained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PreviewField {
    /// Its name in the dictionary, for example `page.path`.
    pub name: &'static str,
    /// How it is called in this request.
    pub sent_as: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// Why it is collected.
    pub reason: &'static str,
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
                fields: fields(token.kind, &encoded.carried),
            });
        }
        Ok(previews)
    }
}

fn fields(kind: TokenKind, carried: &BTreeSet<&'static str>) -> Vec<PreviewField> {
    let shown = dictionary::fields()
        .iter()
        .filter(|field| carried.contains(field.name.as_str()));
    let explained = shown.filter_map(|field| {
        let sent_as = match kind {
            TokenKind::Headcount => field.name.rsplit('.').next(),
            TokenKind::Ga4 => field.ga4.as_deref(),
            TokenKind::Universal => field.v1.as_deref(),
        };
        Some(PreviewField {
            name: &field.name,
            sent_as: sent_as?,
            meaning: &field.meaning,
            reason: &field.reason,
        })
    });
    explained.collect()
}
