//! Request bodies in memory: bounded each, bounded together, bounded in time, unpacked with care.

use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;

use crate::config::Limits;
use crate::metrics::Metrics;

/// Step in which memory for unpacking is reserved.
const UNPACK_STEP: usize = 64 * 1024;

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// Larger than allowed, as sent or unpacked.
    TooLarge,
    /// It did not arrive in time.
    TooSlow,
    /// Other bodies hold all the memory there is for bodies.
    NoRoom,
    /// The connection broke.
    Broken,
    /// It is not packed as its header says, or in a way that is not known.
    NotPacked,
}

/// Memory that all bodies share.
pub(crate) struct Budget {
    held: AtomicUsize,
    limit: usize,
    metrics: Arc<Metrics>,
}

impl Budget {
    pub(crate) fn new(limit: usize, metrics: Arc<Metrics>) -> Self {
        Self {
            held: AtomicUsize::new(0),
            limit,
            metrics,
        }
    }

    fn hold(&self) -> Held<'_> {
        Held {
            budget: self,
            bytes: 0,
        }
    }
}

/// A part of the budget, given back on drop.
struct Held<'a> {
    budget: &'a Budget,
    bytes: usize,
}

impl Held<'_> {
    fn grow(&mut self, bytes: usize) -> Result<(), BodyError> {
        let before = self.budget.held.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        self.budget.metrics.bodies_bytes.inc_by(bytes as i64);
        if before + bytes > self.budget.limit {
            return Err(BodyError::NoRoom);
        }
        Ok(())
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
        self.budget.metrics.bodies_bytes.dec_by(self.bytes as i64);
    }
}

/// A body and the memory reserved for it.
pub(crate) struct Received<'a> {
    bytes: Bytes,
    _held: Held<'a>,
}

impl std::ops::Deref for Received<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Reads a body whole.
///
/// # Errors
/// It is too large, too slow, broken, or there is no room.
pub(crate) async fn read<'a>(
    body: Body,
    headers: &HeaderMap,
    limits: &Limits,
    budget: &'a Budget,
) -> Result<Received<'a>, BodyError> {
    let told = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<u64>().ok());
    if told.is_some_and(|length| length > limits.body_bytes as u64) {
        return Err(BodyError::TooLarge);
    }
    tokio::time::timeout(limits.body_timeout, collect(body, limits, budget))
        .await
        .unwrap_or(Err(BodyError::TooSlow))
}

async fn collect<'a>(
    mut body: Body,
    limits: &Limits,
    budget: &'a Budget,
) -> Result<Received<'a>, BodyError> {
    let mut held = budget.hold();
    let mut first = Bytes::new();
    let mut joined = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else {
            // Trailers tell nothing.
            continue;
        };
        let length = first.len() + joined.len() + data.len();
        if length > limits.body_bytes {
            return Err(BodyError::TooLarge);
        }
        held.grow(data.len())?;
        if joined.is_empty() && first.is_empty() {
            // Nearly every body comes in one piece, which need not be copied.
            first = data;
        } else {
            if joined.is_empty() {
                joined.extend_from_slice(&std::mem::take(&mut first));
            }
            joined.extend_from_slice(&data);
        }
    }
    let bytes = if joined.is_empty() {
        first
    } else {
        joined.freeze()
    };
    Ok(Received { bytes, _held: held })
}

/// Undoes the content encoding.
///
/// # Errors
/// The encoding is not known, the data are damaged, or unpacked they are too large.
pub(crate) fn unpack<'a>(
    received: Received<'a>,
    headers: &HeaderMap,
    limits: &Limits,
    budget: &'a Budget,
) -> Result<Received<'a>, BodyError> {
    let encoding = headers
        .get(header::CONTENT_ENCODING)
        .map_or(Ok("identity"), |value| value.to_str())
        .map_err(|_| BodyError::NotPacked)?;
    match encoding.trim().to_ascii_lowercase().as_str() {
        "" | "identity" => return Ok(received),
        "gzip" | "x-gzip" => {}
        _ => return Err(BodyError::NotPacked),
    }
    let mut held = budget.hold();
    let mut unpacked = Vec::new();
    let mut decoder = MultiGzDecoder::new(&received[..]);
    loop {
        held.grow(UNPACK_STEP)?;
        let step = (&mut decoder)
            .take(UNPACK_STEP as u64)
            .read_to_end(&mut unpacked)
            .map_err(|_| BodyError::NotPacked)?;
        if unpacked.len() > limits.unpacked_bytes {
            return Err(BodyError::TooLarge);
        }
        if step < UNPACK_STEP {
            break;
        }
    }
    Ok(Received {
        bytes: unpacked.into(),
        _held: held,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn budget(limit: usize) -> Budget {
        Budget::new(limit, Arc::new(Metrics::default()))
    }

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    async fn check(sent: Vec<u8>, encoding: &str, budget: &Budget) -> Result<usize, BodyError> {
        let limits = Limits {
            body_bytes: 10_000,
            unpacked_bytes: 200_000,
            ..Limits::default()
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, encoding.parse().unwrap());
        let received = read(Body::from(sent), &headers, &limits, budget).await?;
        Ok(unpack(received, &headers, &limits, budget)?.len())
    }

    #[tokio::test]
    async fn bodies_are_bounded_as_sent_and_unpacked() {
        let budget = budget(1_000_000);
        let zeros = |length| vec![0_u8; length];
        for (sent, encoding, expected) in [
            (zeros(10_000), "identity", Ok(10_000)),
            (zeros(10_001), "identity", Err(BodyError::TooLarge)),
            (gzip(&zeros(200_000)), "gzip", Ok(200_000)),
            (gzip(&zeros(3)), "GZIP", Ok(3)),
            (gzip(&zeros(5_000_000)), "gzip", Err(BodyError::TooLarge)),
            (zeros(10), "gzip", Err(BodyError::NotPacked)),
            (
                gzip(&zeros(9))[..15].to_vec(),
                "gzip",
                Err(BodyError::NotPacked),
            ),
            (zeros(10), "br", Err(BodyError::NotPacked)),
        ] {
            assert_eq!(check(sent, encoding, &budget).await, expected);
            assert_eq!(budget.held.load(Ordering::Relaxed), 0);
        }
    }

    #[tokio::test]
    async fn all_bodies_share_one_budget() {
        let budget = budget(100_000);
        let bomb = gzip(&vec![0; 150_000]);
        assert_eq!(check(bomb, "gzip", &budget).await, Err(BodyError::NoRoom));
        assert_eq!(budget.held.load(Ordering::Relaxed), 0);
    }
}
