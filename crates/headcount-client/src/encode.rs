//! Makes the request for a batch: the one place where events become bytes, for delivery and preview alike.

use std::collections::BTreeSet;
use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use headcount_protocol::{
    Batch as WireBatch, Deployment, Event, InstallId, Runtime, dictionary, ga4, native, universal,
};

use crate::fold;
use crate::install::Install;
use crate::record;
use crate::settings::{Settings, Token, TokenKind};
use crate::spool::{Batch, Waiting};
use crate::transport::{Request, USER_AGENT};

/// Bodies from this size on are compressed: below, the head of gzip eats the gain.
const GZIP_FROM_BYTES: usize = 512;
/// Longest body shown or read back, far above any that is sent.
const MAX_UNPACKED_BYTES: u64 = 64 << 20;

/// A request that carries a batch.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) request: Request,
    /// How many events of the claimed batch it is about; the rest goes with a later batch.
    pub(crate) taken: usize,
    /// For each event as sent, the events of the batch it stands for.
    pub(crate) members: Vec<Vec<usize>>,
    /// What this request adds to the batch's progress: hits of v1, requests of GA4.
    pub(crate) units: u32,
    /// No other request follows for this batch.
    pub(crate) is_last: bool,
    /// Names of the dictionary's fields that the batch holds, whatever its wire carries of them.
    pub(crate) carried: BTreeSet<&'static str>,
}

impl Encoded {
    /// Request line and headers as they leave, with the token's secret left out.
    pub(crate) fn head(&self, token: &Token) -> String {
        let secret = match token.kind {
            TokenKind::Headcount => token.token.as_str(),
            TokenKind::Ga4 => token.secret.as_deref().unwrap_or_default(),
            TokenKind::Universal => "",
        };
        head(&self.request, secret)
    }

    /// The body as text, before compression.
    pub(crate) fn text(&self) -> String {
        let is_packed = self
            .request
            .headers
            .iter()
            .any(|(name, _)| *name == "Content-Encoding");
        let body = &self.request.body;
        let plain = if is_packed {
            unpack(body)
        } else {
            body.clone()
        };
        String::from_utf8_lossy(&plain).into_owned()
    }
}

/// Request line and headers of a request, without `secret`.
pub(crate) fn head(request: &Request, secret: &str) -> String {
    let rest = request.url.split_once("://").map_or("", |(_, rest)| rest);
    let (host, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let mut head = format!("POST {path} HTTP/1.1\nHost: {host}\nUser-Agent: {USER_AGENT}\n");
    for (name, value) in &request.headers {
        head.push_str(name);
        head.push_str(": ");
        head.push_str(value);
        head.push('\n');
    }
    if secret.is_empty() {
        head
    } else {
        head.replace(secret, "[not shown]")
    }
}

/// Most events claimed for one request.
pub(crate) fn event_limit(kind: TokenKind) -> u32 {
    let limit = match kind {
        TokenKind::Headcount => native::MAX_EVENTS,
        TokenKind::Ga4 => ga4::rules::MAX_EVENTS,
        TokenKind::Universal => universal::MAX_HITS,
    };
    u32::try_from(limit).unwrap_or(u32::MAX)
}

/// Makes the next request of a batch.
pub(crate) fn encode(
    install: &Install,
    settings: &Settings,
    token: &Token,
    batch: &Batch,
    now_ms: i64,
) -> Encoded {
    let events: Vec<Event> = batch
        .events
        .iter()
        .map(|waiting| event(waiting, token))
        .collect();
    let taken = events.len();
    let mut wire = WireBatch {
        install: name_at(install, token),
        app: settings.app.clone(),
        app_version: settings.app_version.clone(),
        batch_id: Some(batch.id),
        sent_at_ms: Some(now_ms),
        runtime: Runtime {
            deployment: settings.deployment.clone().map(Deployment),
            facts: settings.runtime.clone(),
        },
        events,
        lost: batch.lost.clone(),
    };
    let carried = carried(&wire);
    let encoded = match token.kind {
        TokenKind::Headcount => {
            let folded = fold::fold(std::mem::take(&mut wire.events));
            wire.events = folded.events;
            let request = native_request(token, &native::encode(&wire));
            Encoded {
                request,
                taken,
                members: folded.members,
                units: 0,
                is_last: true,
                carried: BTreeSet::new(),
            }
        }
        TokenKind::Ga4 => ga4_request(token, &wire, batch.progress),
        TokenKind::Universal => universal_request(token, &wire, batch.progress),
    };
    Encoded { carried, ..encoded }
}

fn carried(batch: &WireBatch) -> BTreeSet<&'static str> {
    let mut carried: BTreeSet<&'static str> = batch
        .events
        .iter()
        .flat_map(|event| dictionary::carried(&event.body))
        .collect();
    carried.extend([
        "install", "batch_id", "sent_at", "events", "*.id", "*.at", "*.type",
    ]);
    let optional = [
        ("app", batch.app.is_some()),
        ("app_version", batch.app_version.is_some()),
        ("runtime.deployment", batch.runtime.deployment.is_some()),
        ("runtime.*", !batch.runtime.facts.is_empty()),
        ("lost.*", !batch.lost.is_empty()),
    ];
    carried.extend(
        optional
            .iter()
            .filter(|(_, told)| *told)
            .map(|(name, _)| *name),
    );
    carried
}

/// The next GA4 request: number `progress` of those the batch needs.
fn ga4_request(token: &Token, wire: &WireBatch, progress: u32) -> Encoded {
    let progress = progress as usize;
    let mut requests = ga4::encode(wire);
    let is_last = progress + 1 >= requests.len();
    let at = progress.min(requests.len().saturating_sub(1));
    let body = if requests.is_empty() {
        Vec::new()
    } else {
        requests.swap_remove(at).body
    };
    // The path is also how the endpoint may have been given; only what comes before it is the base.
    let path = ga4::path(&token.token, token.secret.as_deref().unwrap_or_default());
    let base = address(&token.endpoint, "/mp/collect");
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let headers = vec![("Content-Type", "application/json".to_owned())];
    Encoded {
        request: Request {
            url: format!("{base}?{query}"),
            headers,
            body,
        },
        taken: wire.events.len(),
        members: Vec::new(),
        units: 1,
        is_last,
        carried: BTreeSet::new(),
    }
}

/// The next request of v1 hits: what fits one `/batch` body from hit number `progress` on.
fn universal_request(token: &Token, wire: &WireBatch, progress: u32) -> Encoded {
    let payloads: Vec<String> = universal::encode(wire, &token.token)
        .map(|hit| hit.payload)
        .skip(progress as usize)
        .collect();
    let body = universal::pack(&payloads)
        .into_iter()
        .next()
        .unwrap_or_default();
    let hits = body.lines().count();
    let headers = vec![(
        "Content-Type",
        "application/x-www-form-urlencoded".to_owned(),
    )];
    Encoded {
        request: Request {
            url: address(&token.endpoint, "/batch"),
            headers,
            body: body.into_bytes(),
        },
        taken: wire.events.len(),
        members: Vec::new(),
        units: u32::try_from(hits).unwrap_or(u32::MAX),
        is_last: hits >= payloads.len(),
        carried: BTreeSet::new(),
    }
}

fn event(waiting: &Waiting, token: &Token) -> Event {
    let read = |bytes: &[u8]| record::decode_bytes(bytes).map(|(_, event)| event);
    let clean = read(&waiting.body);
    let raw = waiting.raw.as_deref().and_then(read);
    let event = crate::intake::choose(token, clean, raw);
    Event {
        id: Some(waiting.id),
        ..event
    }
}

fn name_at(install: &Install, token: &Token) -> InstallId {
    #[expect(clippy::expect_used, reason = "checked when it is read")]
    InstallId::parse(&install.name_at(token)).expect("names are checked when they are read")
}

fn native_request(token: &Token, plain: &[u8]) -> Request {
    let mut headers = vec![
        ("Authorization", format!("Bearer {}", token.token)),
        ("Content-Type", "application/json".to_owned()),
    ];
    let body = if plain.len() < GZIP_FROM_BYTES {
        plain.to_vec()
    } else {
        headers.push(("Content-Encoding", "gzip".to_owned()));
        pack(plain)
    };
    Request {
        url: address(&token.endpoint, "/api/v1/batch"),
        headers,
        body,
    }
}

/// The address of one endpoint of a destination; one that already names the endpoint is taken as it is.
pub(crate) fn address(endpoint: &str, path: &str) -> String {
    let base = endpoint.trim_end_matches('/');
    let base = base.strip_suffix(path).unwrap_or(base);
    format!("{base}{path}")
}

fn pack(plain: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    let packed = packer.write_all(plain).and_then(|()| packer.finish());
    #[expect(clippy::expect_used, reason = "writing to memory")]
    packed.expect("writing to memory cannot fail")
}

/// Undoes the compression of a body that was sent from here.
pub(crate) fn unpack(body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    match GzDecoder::new(body)
        .take(MAX_UNPACKED_BYTES)
        .read_to_end(&mut plain)
    {
        Ok(_) => plain,
        Err(_) => body.to_vec(),
    }
}

/// 16 random bytes with the form of a UUID.
pub(crate) fn random_id() -> [u8; 16] {
    uuid::Uuid::new_v4().into_bytes()
}

/// A random number in 0..1, for back-off.
pub(crate) fn random_fraction() -> f64 {
    let [.., a, b, c, d] = random_id();
    f64::from(u32::from_le_bytes([a, b, c, d])) / f64::from(u32::MAX)
}

/// What a collector says it did with a native batch.
#[derive(Debug)]
pub(crate) struct Receipt {
    /// Places, in the batch as sent, of the events it will never take.
    pub(crate) rejected: Vec<usize>,
}

/// Reads a receipt; `None` when the body is none, for example a proxy's page.
pub(crate) fn receipt(body: &[u8]) -> Option<Receipt> {
    #[derive(serde::Deserialize)]
    struct Wire {
        #[serde(rename = "accepted")]
        _accepted: u64,
        #[serde(default)]
        rejected: Vec<Rejected>,
    }
    #[derive(serde::Deserialize)]
    struct Rejected {
        index: usize,
    }
    let wire: Wire = serde_json::from_slice(body).ok()?;
    let rejected = wire.rejected.into_iter().map(|one| one.index).collect();
    Some(Receipt { rejected })
}
