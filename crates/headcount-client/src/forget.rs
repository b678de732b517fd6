//! Asks native destinations to erase this install, until each has acknowledged it; then nobody knows the old id.

use headcount_protocol::retry::parse_retry_after;
use rusqlite::{Transaction, params};

use crate::delivery::{Pace, Round};
use crate::encode;
use crate::error::Result;
use crate::install::Install;
use crate::ledger::{self, Leaving};
use crate::mirror::Identity;
use crate::retry::{self, Reply, Step};
use crate::settings::{Settings, TokenKind};
use crate::spool::{Spool, erase_waiting};
use crate::state::{LOCK_WAIT, State};
use crate::transport::{NoAnswer, Request, Transport};

/// Where a collector takes requests to forget an install.
const PATH: &str = "/api/v1/forget";

/// A request that was not acknowledged yet.
struct Asked {
    seq: i64,
    destination: u32,
    name: String,
    endpoint: String,
    token: String,
    install: String,
    proof: [u8; 32],
    attempts: u32,
}

impl State {
    /// Makes a new identity and notes, for every native destination, that the old one is to be erased there.
    /// What waits is deleted: it was recorded under the old id. Answers how many destinations are asked.
    ///
    /// # Errors
    /// When the state folder cannot be written.
    pub fn forget(&self) -> Result<usize> {
        self.forget_as(None)
    }

    /// The same, where the host made the new identity itself.
    ///
    /// # Errors
    /// When the state folder cannot be written.
    pub fn forget_as(&self, new: Option<&Identity>) -> Result<usize> {
        let Some(install) = self.install()? else {
            return Ok(0);
        };
        let settings = self.settings()?.unwrap_or_default();
        let mut spool = self.spool()?;
        let lock = self.lock(LOCK_WAIT)?;
        let now_ms = crate::clock::now_ms();
        let asked = spool.transact_locked(&lock, |tx| {
            erase_waiting(tx)?;
            note(tx, &install, &settings, now_ms)
        })?;
        // Last: a crash before this line asks for an id that is still in use, and only repeats the request.
        match new {
            Some(identity) => Install::follow(self.dir(), identity)?,
            None => {
                Install::replace(self.dir())?;
            }
        }
        Ok(asked)
    }
}

fn note(
    tx: &Transaction<'_>,
    install: &Install,
    settings: &Settings,
    now_ms: i64,
) -> rusqlite::Result<usize> {
    let native = settings
        .tokens
        .iter()
        .filter(|token| token.kind == TokenKind::Headcount);
    let mut asked = 0;
    for token in native {
        tx.execute(
            "INSERT INTO forgets (destination, name, endpoint, token, install, proof, asked_at_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                token.id,
                token.name,
                token.endpoint,
                token.token,
                install.name_at(token),
                install.proof(token),
                now_ms
            ],
        )?;
        asked += 1;
    }
    Ok(asked)
}

/// Sends the requests that are due. They leave even when everything is off: the operator asked for them.
pub(crate) fn run(
    spool: &mut Spool,
    transport: &dyn Transport,
    now_ms: i64,
    pace: Pace,
    round: &mut Round,
) -> Result<()> {
    let due = spool.transact(|tx| due(tx, now_ms, pace))?;
    for asked in due {
        let request = request(&asked);
        let entry = spool.transact(|tx| {
            let head = encode::head(&request, &asked.token);
            ledger::note(
                tx,
                &Leaving {
                    at_ms: now_ms,
                    destination: asked.destination,
                    head,
                    body: &request.body,
                    events: 0,
                    attempt: asked.attempts + 1,
                },
            )
        })?;
        round.requests += 1;
        let answer = transport.send(&request);
        let (status, step) = match &answer {
            Ok(answer) => {
                let reply = Reply::Status {
                    status: answer.status,
                    retry_after: answer
                        .retry_after
                        .as_deref()
                        .and_then(|value| parse_retry_after(value, now_ms)),
                    receipt: true,
                };
                (
                    Some(answer.status),
                    retry::decide(&reply, asked.attempts, encode::random_fraction()),
                )
            }
            Err(_) => (
                None,
                retry::decide(&Reply::Nothing, asked.attempts, encode::random_fraction()),
            ),
        };
        let text = match (&answer, status) {
            (Err(NoAnswer(reason)), _) => format!("no answer ({reason}), asked again later"),
            (Ok(_), Some(status)) if step == Step::Settle => format!("{status} erased"),
            (Ok(_), status) => format!("{} not erased", status.unwrap_or_default()),
        };
        if step != Step::Settle {
            round
                .troubles
                .push(format!("{}: forget: {text}", asked.name));
        }
        spool.transact(|tx| {
            ledger::answer(tx, entry, status, &text)?;
            settle(tx, &asked, step, now_ms, &text)
        })?;
    }
    Ok(())
}

fn due(tx: &Transaction<'_>, now_ms: i64, pace: Pace) -> rusqlite::Result<Vec<Asked>> {
    let until_ms = match pace {
        Pace::Due => now_ms,
        Pace::Now => i64::MAX,
    };
    tx.prepare_cached(
        "SELECT seq, destination, name, endpoint, token, install, proof, attempts
         FROM forgets
         WHERE next_at_ms <= ?1
         ORDER BY seq",
    )?
    .query_map([until_ms], |row| {
        Ok(Asked {
            seq: row.get(0)?,
            destination: row.get(1)?,
            name: row.get(2)?,
            endpoint: row.get(3)?,
            token: row.get(4)?,
            install: row.get(5)?,
            proof: row.get(6)?,
            attempts: row.get(7)?,
        })
    })?
    .collect()
}

fn request(asked: &Asked) -> Request {
    let proof: String = asked
        .proof
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let body = serde_json::json!({ "install": asked.install, "proof": proof });
    Request {
        url: encode::address(&asked.endpoint, PATH),
        headers: vec![
            ("Authorization", format!("Bearer {}", asked.token)),
            ("Content-Type", "application/json".to_owned()),
        ],
        body: body.to_string().into_bytes(),
    }
}

fn settle(
    tx: &Transaction<'_>,
    asked: &Asked,
    step: Step,
    now_ms: i64,
    text: &str,
) -> rusqlite::Result<()> {
    let pause = match step {
        Step::Settle => {
            tx.execute("DELETE FROM forgets WHERE seq = ?1", [asked.seq])?;
            return Ok(());
        }
        Step::Later(pause) => pause,
        // Refused for good, or the key is refused: what was promised to the operator is asked again each day.
        Step::GiveUp(_) | Step::Stop | Step::Split => std::time::Duration::from_secs(24 * 3600),
    };
    let next_at_ms = now_ms + i64::try_from(pause.as_millis()).unwrap_or(i64::MAX / 2);
    tx.execute(
        "UPDATE forgets
         SET attempts = attempts + 1, next_at_ms = ?2, last_note = ?3
         WHERE seq = ?1",
        params![asked.seq, next_at_ms, text],
    )?;
    Ok(())
}
