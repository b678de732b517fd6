//! Universal Analytics, Measurement Protocol v1: types of a hit and the limits of a request.

use std::borrow::Cow;

use crate::event::{Event, InstallId};
use crate::notes::{Note, Refusal, RefusalCode};

mod debug;
mod decode;
mod encode;
pub mod parameters;
mod payload;
mod values;

pub use debug::debug;
pub use decode::decode;
pub use encode::{EncodedHit, encode, pack};

/// Most hits in one request.
pub const MAX_HITS: usize = 20;
/// Most bytes of all payloads of one request together.
pub const MAX_REQUEST_BYTES: usize = 16_384;
/// Most bytes of one payload.
pub const MAX_PAYLOAD_BYTES: usize = 8_192;

/// The answer of the live endpoints: a transparent GIF of one pixel, content type `image/gif`.
pub const GIF: [u8; 35] = *b"GIF89a\x01\x00\x01\x00\x80\xff\x00\xff\xff\xff\x00\x00\x00\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00\x3b";

/// One hit as decoded, countable or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Decoded {
    /// Parameter `tid`, the project's key; empty when absent.
    pub tracking_id: String,
    /// Parameter `cid`, or `uid` where `cid` is absent.
    pub install: Option<InstallId>,
    /// Parameter `an`.
    pub app: Option<String>,
    /// Parameter `av`.
    pub app_version: Option<String>,
    /// Parameter `ua`: stands instead of the request's header.
    pub user_agent: Option<String>,
    /// A few words that say what came, for the live page.
    pub name: String,
    /// The event, or why the hit does not count.
    pub outcome: Result<Event, Refusal>,
    /// What was dropped from a hit that counts.
    pub notes: Vec<Note>,
}

/// One payload of a request, refused where it is beyond the request's limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The payload as sent, without its line end.
    pub payload: Cow<'a, [u8]>,
    /// Why it is not even decoded.
    pub refused: Option<Refusal>,
}

/// The payloads of a request: one for each line of the body, or the query string where the body is
/// empty. A body of one line is completed by the query string; the body's parameters win.
///
/// There is always at least one. Hits beyond [`MAX_HITS`], payloads over [`MAX_PAYLOAD_BYTES`] and
/// what lies beyond [`MAX_REQUEST_BYTES`] are returned with their refusal.
#[must_use]
pub fn lines<'a>(query: Option<&'a str>, body: &'a [u8]) -> Vec<Line<'a>> {
    let query = query.unwrap_or_default().as_bytes();
    let mut payloads = body.split(|b| matches!(b, b'\n' | b'\r')).filter(|line| {
        // A line of white space holds no hit: trailing line ends are common.
        !line.iter().all(u8::is_ascii_whitespace)
    });
    let (first, second) = (payloads.next(), payloads.next());
    let Some(first) = first else {
        return vec![limited(Cow::Borrowed(query), 0, query.len())];
    };
    let Some(second) = second else {
        let payload = if query.is_empty() {
            Cow::Borrowed(first)
        } else {
            Cow::Owned([query, b"&", first].concat())
        };
        let bytes = payload.len();
        return vec![limited(payload, 0, bytes)];
    };
    let mut lines = Vec::new();
    let mut untold = 0_usize;
    let mut bytes = 0;
    for (index, payload) in [first, second].into_iter().chain(payloads).enumerate() {
        if index >= MAX_TOLD {
            untold += 1;
            continue;
        }
        bytes += payload.len() + usize::from(index > 0);
        lines.push(limited(Cow::Borrowed(payload), index, bytes));
    }
    if untold > 0 {
        let message = format!("{untold} more hits of a request that may hold 20");
        let refused = Some(Refusal::new(RefusalCode::TooMany, "", message));
        lines.push(Line {
            payload: Cow::Borrowed(b""),
            refused,
        });
    }
    lines
}

/// Hits beyond this number are refused as one: a body could hold tens of thousands.
const MAX_TOLD: usize = 5 * MAX_HITS;

fn limited(payload: Cow<'_, [u8]>, index: usize, bytes_so_far: usize) -> Line<'_> {
    let refused = if index >= MAX_HITS {
        Some((
            RefusalCode::TooMany,
            format!("hit {} of a request that may hold 20", index + 1),
        ))
    } else if payload.len() > MAX_PAYLOAD_BYTES {
        let message = format!(
            "a payload of {} bytes, at most 8192 are taken",
            payload.len()
        );
        Some((RefusalCode::TooLarge, message))
    } else if bytes_so_far > MAX_REQUEST_BYTES {
        Some((
            RefusalCode::TooLarge,
            "beyond the 16384 bytes of a request".to_owned(),
        ))
    } else {
        None
    };
    let refused = refused.map(|(code, message)| Refusal::new(code, "", message));
    Line { payload, refused }
}
