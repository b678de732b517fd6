//! The ledger: every request that left, byte for byte, chained by hashes. Holds no secret but what is in a body.

use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde::Serialize;

use crate::error::Result;
use crate::spool::Spool;

/// Requests older than this are removed.
const KEEP_MS: i64 = 24 * 3_600_000;
/// Bodies beyond this many bytes are removed, the oldest first.
const KEEP_BYTES: i64 = 5_000_000;
const FIRST: [u8; 32] = [0; 32];

/// One request that left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Number, without gaps as long as nothing was removed from the middle.
    pub seq: i64,
    /// Moment it left, Unix milliseconds.
    pub at_ms: i64,
    /// The token it went to.
    pub destination: u32,
    /// Request line and headers; the token's secret is left out.
    pub head: String,
    /// The body as it left; compressed where the head says so.
    pub body: Vec<u8>,
    /// Events in it.
    pub events: u32,
    /// Which try it was, from 1.
    pub attempt: u32,
    /// Hash of the entry before.
    pub previous: [u8; 32],
    /// Hash of this entry: of the one before, and of everything above.
    pub hash: [u8; 32],
    /// HTTP status of the answer; `None` when none came.
    pub status: Option<u16>,
    /// Outcome in words; `None` while no answer came.
    pub note: Option<String>,
}

/// An entry as JSON shows it: the body readable.
#[derive(Clone, Debug, Serialize)]
pub struct ReadableEntry {
    /// Number.
    pub seq: i64,
    /// Moment it left, RFC 3339.
    pub at: String,
    /// The token it went to.
    pub token: u32,
    /// Request line and headers.
    pub head: String,
    /// The body, decompressed.
    pub body: String,
    /// Size of the body as it left, in bytes.
    pub sent_bytes: usize,
    /// Events in it.
    pub events: u32,
    /// Which try it was, from 1.
    pub attempt: u32,
    /// HTTP status of the answer.
    pub status: Option<u16>,
    /// Outcome in words.
    pub note: Option<String>,
    /// Hash of this entry, hexadecimal.
    pub hash: String,
}

impl Entry {
    fn expected_hash(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.previous);
        for number in [
            self.at_ms,
            self.destination.into(),
            self.events.into(),
            self.attempt.into(),
        ] {
            hasher.update(&number.to_le_bytes());
        }
        hasher.update(&(self.head.len() as u64).to_le_bytes());
        hasher.update(self.head.as_bytes());
        hasher.update(&self.body);
        *hasher.finalize().as_bytes()
    }

    /// The body as text, decompressed where it was compressed.
    #[must_use]
    pub fn text(&self) -> String {
        let gzip = self
            .head
            .lines()
            .any(|line| line.eq_ignore_ascii_case("content-encoding: gzip"));
        let plain = if gzip {
            crate::encode::unpack(&self.body)
        } else {
            self.body.clone()
        };
        String::from_utf8_lossy(&plain).into_owned()
    }

    /// The entry as JSON shows it.
    #[must_use]
    pub fn readable(&self) -> ReadableEntry {
        ReadableEntry {
            seq: self.seq,
            at: crate::clock::rfc3339(self.at_ms),
            token: self.destination,
            head: self.head.clone(),
            body: self.text(),
            sent_bytes: self.body.len(),
            events: self.events,
            attempt: self.attempt,
            status: self.status,
            note: self.note.clone(),
            hash: self.hash.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}

/// The first entry whose hash does not follow from what is kept: someone changed the ledger there.
#[must_use]
pub fn first_broken(entries: &[Entry]) -> Option<i64> {
    let mut previous = entries.first().map(|entry| entry.previous);
    for entry in entries {
        if previous != Some(entry.previous) || entry.hash != entry.expected_hash() {
            return Some(entry.seq);
        }
        previous = Some(entry.hash);
    }
    None
}

/// A request about to leave.
pub(crate) struct Leaving<'a> {
    pub(crate) at_ms: i64,
    pub(crate) destination: u32,
    pub(crate) head: String,
    pub(crate) body: &'a [u8],
    pub(crate) events: usize,
    pub(crate) attempt: u32,
}

/// Notes a request before it leaves; answers its number.
pub(crate) fn note(tx: &Transaction<'_>, leaving: &Leaving<'_>) -> rusqlite::Result<i64> {
    let previous: [u8; 32] = tx
        .prepare_cached("SELECT hash FROM ledger ORDER BY seq DESC LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?
        .unwrap_or(FIRST);
    let mut entry = Entry {
        seq: 0,
        at_ms: leaving.at_ms,
        destination: leaving.destination,
        head: leaving.head.clone(),
        body: leaving.body.to_vec(),
        events: u32::try_from(leaving.events).unwrap_or(u32::MAX),
        attempt: leaving.attempt,
        previous,
        hash: FIRST,
        status: None,
        note: None,
    };
    entry.hash = entry.expected_hash();
    let seq = tx
        .prepare_cached(
            "INSERT INTO ledger (at_ms, destination, head, body, events, try, previous, hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .insert(params![
            entry.at_ms,
            entry.destination,
            entry.head,
            entry.body,
            entry.events,
            entry.attempt,
            entry.previous,
            entry.hash
        ])?;
    prune(tx, leaving.at_ms)?;
    Ok(seq)
}

/// Notes how a request ended.
pub(crate) fn answer(
    tx: &Transaction<'_>,
    seq: i64,
    status: Option<u16>,
    note: &str,
) -> rusqlite::Result<()> {
    tx.prepare_cached("UPDATE ledger SET status = ?2, note = ?3 WHERE seq = ?1")?
        .execute(params![seq, status, note])?;
    Ok(())
}

/// Removes what is older than the ledger keeps; the newest entry stays, it is the anchor of the chain.
pub(crate) fn prune(tx: &Transaction<'_>, now_ms: i64) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "DELETE FROM ledger WHERE at_ms < ?1 AND seq < (SELECT max(seq) FROM ledger)",
    )?
    .execute([now_ms - KEEP_MS])?;
    let bytes: i64 = tx
        .prepare_cached("SELECT coalesce(sum(length(body) + length(head)), 0) FROM ledger")?
        .query_row([], |row| row.get(0))?;
    if bytes <= KEEP_BYTES {
        return Ok(());
    }
    let mut statement =
        tx.prepare_cached("SELECT seq, length(body) + length(head) FROM ledger ORDER BY seq")?;
    let mut rows = statement.query([])?;
    let (mut left, mut through) = (bytes, None);
    while left > KEEP_BYTES
        && let Some(row) = rows.next()?
    {
        through = Some(row.get::<_, i64>(0)?);
        left -= row.get::<_, i64>(1)?;
    }
    drop(rows);
    tx.prepare_cached(
        "DELETE FROM ledger WHERE seq <= ?1 AND seq < (SELECT max(seq) FROM ledger)",
    )?
    .execute([through])?;
    Ok(())
}

impl Spool {
    /// What left, oldest first; of one token or of all.
    ///
    /// # Errors
    /// When the spool cannot be read.
    pub fn ledger(&mut self, token: Option<u32>) -> Result<Vec<Entry>> {
        self.transact(|tx| {
            tx.prepare_cached(
                "SELECT seq, at_ms, destination, head, body, events, try, previous, hash, status, note
                 FROM ledger
                 WHERE ?1 IS NULL OR destination = ?1
                 ORDER BY seq",
            )?
            .query_map([token], entry)?
            .collect()
        })
    }
}

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        seq: row.get(0)?,
        at_ms: row.get(1)?,
        destination: row.get(2)?,
        head: row.get(3)?,
        body: row.get(4)?,
        events: row.get(5)?,
        attempt: row.get(6)?,
        previous: row.get(7)?,
        hash: row.get(8)?,
        status: row.get(9)?,
        note: row.get(10)?,
    })
}
