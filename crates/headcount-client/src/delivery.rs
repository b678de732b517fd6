//! Sends what waits: claim, encode, note in the ledger, send, settle. `run_once` is the primitive all callers share.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use headcount_protocol::retry::parse_retry_after;
use rusqlite::Transaction;

use crate::encode::{self, Encoded};
use crate::error::{Error, OnPath, Result};
use crate::forget;
use crate::gate::Switch;
use crate::install::Install;
use crate::lease::Lease;
use crate::ledger::{self, Leaving};
use crate::retry::{self, Reply, Step};
use crate::settings::{Feed, Settings, Token, TokenKind};
use crate::spool::{self, Batch, Caps, Claim, Claimed, Outcome, Spool};
use crate::state::{LOCK_WAIT, State};
use crate::transport::{Answer, NoAnswer, Transport};

/// Requests to one destination in one round, so that no destination keeps the others waiting.
const REQUESTS_A_ROUND: usize = 50;
/// How often events are looked through for those that are too old.
const EXPIRE_EVERY_MS: i64 = 3_600_000;
const EXPIRED_AT: &str = "expired_at_ms";

/// When a waiting event may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// When its batch is full or the interval is over, and no back-off forbids it.
    Due,
    /// Now, whatever the interval and the back-off say.
    Now,
}

/// What a round did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Round {
    /// Requests that were sent.
    pub requests: usize,
    /// Events that were taken.
    pub delivered: usize,
    /// One line for each destination that did not take what waits for it.
    pub troubles: Vec<String>,
}

/// Sends to the destinations of one state folder.
pub struct Sender {
    state: State,
    spool: Spool,
    transport: Arc<dyn Transport>,
    owner: [u8; 16],
    caps: Caps,
    interval: Duration,
    clock: Arc<dyn Fn() -> i64 + Send + Sync>,
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Sender")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// The next thing to do at a destination.
enum Turn {
    Sent {
        delivered: usize,
        trouble: Option<String>,
    },
    Nothing(Option<String>),
}

/// A batch that is noted in the ledger and may leave.
struct Prepared {
    claim: Claim,
    batch: Batch,
    encoded: Encoded,
    entry: i64,
    /// Held until the batch is settled.
    lease: Lease,
}

impl Sender {
    /// Opens the spool of a state folder for sending.
    ///
    /// # Errors
    /// When the spool cannot be opened.
    pub fn open(
        state: &State,
        transport: Arc<dyn Transport>,
        interval: Duration,
        caps: Caps,
    ) -> Result<Self> {
        Ok(Self {
            state: state.clone(),
            spool: state.spool()?,
            transport,
            owner: encode::random_id(),
            caps,
            interval,
            clock: Arc::new(crate::clock::now_ms),
        })
    }

    /// Takes its moments, in Unix milliseconds, from here and not from the machine's clock: for simulations
    /// and for tests that go through days of back-off.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Sends what may leave, destination by destination, and asks again for what is to be forgotten.
    ///
    /// # Errors
    /// When the spool or the settings cannot be read; what destinations answer is in the `Round`.
    pub fn run_once(&mut self, pace: Pace) -> Result<Round> {
        let mut round = Round::default();
        if Switch::of_environment().is_some() {
            return Ok(round);
        }
        forget::run(
            &mut self.spool,
            self.transport.as_ref(),
            (self.clock)(),
            pace,
            &mut round,
        )?;
        let Some(install) = self.state.install()? else {
            return Ok(round);
        };
        self.expire()?;
        let tokens = self
            .state
            .settings()?
            .map(|settings| settings.tokens)
            .unwrap_or_default();
        for token in tokens {
            for _ in 0..REQUESTS_A_ROUND {
                // Read anew for each request: a switch that was turned counts from the next request on.
                let Some(settings) = self.state.settings()?.filter(|settings| !settings.is_off())
                else {
                    return Ok(round);
                };
                let Ok(token) = settings.token(token.id) else {
                    break;
                };
                match self.turn(&install, &settings, token, pace)? {
                    Turn::Sent { delivered, trouble } => {
                        round.requests += 1;
                        round.delivered += delivered;
                        if let Some(trouble) = trouble {
                            round.troubles.push(trouble);
                            break;
                        }
                    }
                    Turn::Nothing(trouble) => {
                        round.troubles.extend(trouble);
                        break;
                    }
                }
            }
        }
        Ok(round)
    }

    /// Sends until nothing waits or every destination that is left has trouble.
    ///
    /// # Errors
    /// As `run_once`.
    pub fn flush(&mut self) -> Result<Round> {
        let mut all = Round::default();
        loop {
            let round = self.run_once(Pace::Now)?;
            all.requests += round.requests;
            all.delivered += round.delivered;
            let stuck = round.delivered == 0 || !round.troubles.is_empty();
            all.troubles = round.troubles;
            if stuck {
                return Ok(all);
            }
        }
    }

    fn expire(&mut self) -> Result<()> {
        let (now_ms, caps) = ((self.clock)(), self.caps);
        self.spool.transact(|tx| {
            let last = spool::fact(tx, EXPIRED_AT)?.unwrap_or(0);
            if (0..EXPIRE_EVERY_MS).contains(&(now_ms - last)) {
                return Ok(());
            }
            spool::expire(tx, &caps, now_ms)?;
            ledger::prune(tx, now_ms)?;
            spool::set_fact(tx, EXPIRED_AT, now_ms)
        })
    }

    fn turn(
        &mut self,
        install: &Install,
        settings: &Settings,
        token: &Token,
        pace: Pace,
    ) -> Result<Turn> {
        let prepared = match self.prepare(install, settings, token, pace)? {
            Ok(prepared) => prepared,
            Err(turn) => return Ok(turn),
        };
        let answer = self.transport.send(&prepared.encoded.request);
        self.settle(token, prepared, answer)
    }

    fn prepare(
        &mut self,
        install: &Install,
        settings: &Settings,
        token: &Token,
        pace: Pace,
    ) -> Result<std::result::Result<Prepared, Turn>> {
        let lock = self.state.lock(LOCK_WAIT)?;
        let lease_path = self.state.lease_path(token.id);
        let lease = Lease::take(&lease_path).on("locking", &lease_path)?;
        let claim = Claim {
            destination: token.id,
            locked: lease.is_some(),
            kind: token.kind,
            owner: self.owner,
            now_ms: (self.clock)(),
            limit: encode::event_limit(token.kind),
            interval_ms: i64::try_from(self.interval.as_millis()).unwrap_or(i64::MAX),
            force: pace == Pace::Now,
        };
        let name = &token.name;
        let noted = self.spool.transact_locked(&lock, |tx| {
            let mut batch = match claim_wanted(tx, &claim, token)? {
                Claimed::Batch(batch) => batch,
                Claimed::Nothing | Claimed::Later => return Ok(Err(Turn::Nothing(None))),
                Claimed::Busy => {
                    let trouble = format!("{name}: another process is sending there now");
                    return Ok(Err(Turn::Nothing(Some(trouble))));
                }
                Claimed::Stopped => {
                    let trouble = format!(
                        "{name}: stopped, the token was refused; check it and save it again"
                    );
                    return Ok(Err(Turn::Nothing(Some(trouble))));
                }
            };
            let encoded = encode::encode(install, settings, token, &batch, claim.now_ms);
            spool::trim(tx, token.id, &mut batch, encoded.taken)?;
            let leaving = Leaving {
                at_ms: claim.now_ms,
                destination: token.id,
                head: encoded.head(token),
                body: &encoded.request.body,
                events: batch.events.len(),
                attempt: batch.attempts + 1,
            };
            let entry = ledger::note(tx, &leaving)?;
            Ok(Ok((batch, encoded, entry)))
        })?;
        let (batch, encoded, entry) = match noted {
            Ok(noted) => noted,
            Err(turn) => return Ok(Err(turn)),
        };
        let lease = match lease {
            Some(lease) => Some(lease),
            None => Lease::replace(&lease_path).on("replacing", &lease_path)?,
        };
        // Only with the folder locked is the lock taken, so a new one is free.
        let lease = lease.ok_or(Error::Busy)?;
        Ok(Ok(Prepared {
            claim,
            batch,
            encoded,
            entry,
            lease,
        }))
    }

    fn settle(
        &mut self,
        token: &Token,
        prepared: Prepared,
        answer: std::result::Result<Answer, NoAnswer>,
    ) -> Result<Turn> {
        let Prepared {
            mut claim,
            batch,
            encoded,
            entry,
            lease,
        } = prepared;
        claim.now_ms = (self.clock)();
        let (outcome, note) = judge(token, &batch, &encoded, &answer, claim.now_ms);
        let held = self.spool.transact(|tx| {
            ledger::answer(tx, entry, note.status, &note.text)?;
            spool::settle(tx, &claim, &batch, &outcome, &note)
        })?;
        drop(lease);
        let delivered = match &outcome {
            Outcome::Delivered { rejected } if held => batch.events.len() - rejected.len(),
            _ => 0,
        };
        let trouble = match &outcome {
            Outcome::Delivered { .. }
            | Outcome::Progress { .. }
            | Outcome::Split { .. }
            | Outcome::GiveUp(_) => None,
            Outcome::Later { .. } | Outcome::Stop => Some(format!("{}: {}", token.name, note.text)),
        };
        Ok(Turn::Sent { delivered, trouble })
    }
}

/// Claims what the token still wants. A crash while a feed was switched off may have left events of it.
fn claim_wanted(tx: &Transaction<'_>, claim: &Claim, token: &Token) -> rusqlite::Result<Claimed> {
    loop {
        let claimed = spool::claim(tx, claim, encode::random_id())?;
        let Claimed::Batch(batch) = &claimed else {
            return Ok(claimed);
        };
        let is_off = |feed: &Feed| {
            !token.feeds.has(*feed) && batch.events.iter().any(|event| event.feed == *feed as u8)
        };
        let Some(off) = Feed::ALL.into_iter().find(is_off) else {
            return Ok(claimed);
        };
        spool::drop_feed(tx, token.id, off)?;
    }
}

/// Turns what came back into an outcome and words for the operator.
fn judge(
    token: &Token,
    batch: &Batch,
    encoded: &Encoded,
    answer: &std::result::Result<Answer, NoAnswer>,
    now_ms: i64,
) -> (Outcome, spool::Note) {
    let receipt = match (token.kind, answer) {
        (TokenKind::Headcount, Ok(answer)) => answer.body.as_deref().and_then(encode::receipt),
        _ => None,
    };
    let reply = match answer {
        Ok(answer) => Reply::Status {
            status: answer.status,
            retry_after: answer
                .retry_after
                .as_deref()
                .and_then(|value| parse_retry_after(value, now_ms)),
            receipt: token.kind != TokenKind::Headcount || receipt.is_some(),
        },
        Err(_) => Reply::Nothing,
    };
    let status = answer.as_ref().ok().map(|answer| answer.status);
    let step = retry::decide(&reply, batch.attempts, encode::random_fraction());
    let rejected: BTreeSet<usize> = receipt
        .iter()
        .flat_map(|receipt| &receipt.rejected)
        .filter_map(|index| encoded.members.get(*index))
        .flatten()
        .copied()
        .collect();
    let text = match (step, answer) {
        (Step::Settle, Ok(answer)) if rejected.is_empty() => format!("{} accepted", answer.status),
        (Step::Settle, Ok(answer)) => {
            format!("{} accepted, {} rejected", answer.status, rejected.len())
        }
        (Step::Stop, Ok(answer)) => format!(
            "{} the token was refused; nothing more is sent there",
            answer.status
        ),
        (Step::GiveUp(_), Ok(answer)) => format!("{} refused for good", answer.status),
        (Step::Split, Ok(answer)) => format!("{} too large, sent again in halves", answer.status),
        (Step::Later(_), Ok(answer)) => format!("{} kept, sent again later", answer.status),
        (_, Err(NoAnswer(reason))) => format!("no answer ({reason}), kept"),
    };
    let next_at =
        |pause: Duration| now_ms + i64::try_from(pause.as_millis()).unwrap_or(i64::MAX / 2);
    let outcome = match step {
        Step::Settle if encoded.is_last => Outcome::Delivered { rejected },
        Step::Settle => Outcome::Progress {
            units: encoded.units,
        },
        Step::Later(pause) => Outcome::Later {
            next_at_ms: next_at(pause),
        },
        Step::Split => Outcome::Split { next_at_ms: 0 },
        Step::GiveUp(reason) => Outcome::GiveUp(reason),
        Step::Stop => Outcome::Stop,
    };
    (outcome, spool::Note { status, text })
}
