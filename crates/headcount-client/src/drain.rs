//! Empties rings into the spool: this process's own, and those of processes that are gone.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use headcount_protocol::Event;
use rusqlite::Transaction;

use crate::error::{Error, OnPath, Result};
use crate::gate::Gate;
use crate::intake::Intake;
use crate::loss::LossReason;
use crate::record::Decoded;
use crate::ring::{Chunk, Ring};
use crate::settings::Feed;
use crate::spool::{self, Caps, Source, Spool};
use crate::state::{LOCK_WAIT, State};

/// Records of one transaction: some tens of milliseconds of work.
const CHUNK_RECORDS: usize = 4000;
/// A half-made ring of this age belongs to a process that was killed while it made it.
const HALF_MADE_AGE: Duration = Duration::from_secs(60);

/// Takes events from rings over into the spool.
pub(crate) struct Drain {
    state: State,
    spool: Spool,
    caps: Caps,
    intake: Intake,
    /// The gate's word when `intake` was made: settings changed since then if it differs.
    seen: u64,
}

impl State {
    /// Takes over what processes left that are gone: killed, or ended before their worker was done.
    /// Answers the number of events.
    ///
    /// # Errors
    /// When the state folder cannot be read or written.
    pub fn adopt_orphans(&self, caps: &Caps) -> Result<usize> {
        Drain::open(self, *caps, 0)?.orphans(None)
    }
}

impl Drain {
    pub(crate) fn open(state: &State, caps: Caps, gate_word: u64) -> Result<Self> {
        Ok(Self {
            state: state.clone(),
            spool: state.spool()?,
            caps,
            intake: Intake::of(&state.settings()?.unwrap_or_default()),
            seen: gate_word,
        })
    }

    pub(crate) fn spool(&mut self) -> &mut Spool {
        &mut self.spool
    }

    /// Takes the settings anew if they changed.
    pub(crate) fn refresh(&mut self, gate_word: u64) -> Result<()> {
        if gate_word != self.seen {
            self.intake = Intake::of(&self.state.settings()?.unwrap_or_default());
            self.seen = gate_word;
        }
        Ok(())
    }

    /// Takes over what the ring of this process holds; answers the number of records.
    pub(crate) fn own(&mut self, ring: &Ring, gate: &Gate, wait: Duration) -> Result<usize> {
        let mut records = 0;
        loop {
            self.refresh(gate.word())?;
            let chunk = ring.read(0, CHUNK_RECORDS);
            if chunk.records.is_empty() && !chunk.damaged {
                return Ok(records);
            }
            records += chunk.records.len();
            self.take_over(ring, &chunk, wait)?;
            // What came during the commit waits for the next look: else a host whose events come faster than commits
            // end would keep this going without a pause.
            if chunk.records.len() < CHUNK_RECORDS {
                return Ok(records);
            }
        }
    }

    /// Takes over every ring whose process is gone; answers the number of records.
    pub(crate) fn orphans(&mut self, own: Option<&Path>) -> Result<usize> {
        let mut records = 0;
        for path in ring_files(&self.state.rings_dir())? {
            if own == Some(&path) {
                continue;
            }
            // A ring that vanishes meanwhile was adopted by another process.
            let Ok(Some(ring)) = Ring::adopt(&path) else {
                continue;
            };
            records += self.orphan(&ring)?;
        }
        Ok(records)
    }

    fn orphan(&mut self, ring: &Ring) -> Result<usize> {
        let id = ring.id();
        let mut records = 0;
        let mut from = self.spool.transact(|tx| spool::drained(tx, id))?;
        loop {
            let chunk = ring.read(from, CHUNK_RECORDS);
            if chunk.records.is_empty() && !chunk.damaged && from != 0 {
                break;
            }
            records += chunk.records.len();
            self.take_over(ring, &chunk, LOCK_WAIT)?;
            if chunk.records.is_empty() && !chunk.damaged {
                break;
            }
            from = chunk.end;
        }
        ring.remove().on("removing", ring.path())?;
        self.spool.transact(|tx| spool::forget_ring(tx, id))?;
        Ok(records)
    }

    /// Puts one event into the spool at once, if `unless` says so in the same transaction.
    pub(crate) fn direct(
        &mut self,
        feed: Feed,
        event: Event,
        unless: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<bool>,
    ) -> Result<bool> {
        let incoming = self
            .intake
            .take(crate::encode::random_id(), feed, &event, "");
        let incoming = incoming.map_err(|reason| Error::Invalid(reason.code().to_owned()))?;
        let caps = self.caps;
        self.spool.transact(|tx| {
            let go = unless(tx)?;
            if go {
                spool::append(tx, &[incoming], &Source::Direct, &caps)?;
            }
            Ok(go)
        })
    }

    fn take_over(&mut self, ring: &Ring, chunk: &Chunk, wait: Duration) -> Result<()> {
        let id = ring.id();
        let mut losses = ring.losses();
        let mut incoming = Vec::with_capacity(chunk.records.len());
        for read in &chunk.records {
            let Decoded {
                feed,
                event,
                opened,
            } = &read.record;
            let number = crate::intake::event_id(&id, read.position, event);
            match self.intake.take(number, *feed, event, opened) {
                Ok(one) => incoming.push(one),
                Err(reason) => {
                    ring.lose(reason);
                    losses[reason.index()] += 1;
                }
            }
        }
        if chunk.damaged {
            ring.lose(LossReason::Storage);
            losses[LossReason::Storage.index()] += 1;
        }
        let source = Source::Ring {
            id,
            end: chunk.end,
            losses: &losses,
        };
        let caps = self.caps;
        self.spool
            .transact_within(wait, |tx| spool::append(tx, &incoming, &source, &caps))?;
        ring.release(chunk.end);
        Ok(())
    }
}

fn ring_files(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut rings = Vec::new();
    for entry in fs::read_dir(dir).on("reading", dir)? {
        let path = entry.on("reading", dir)?.path();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("ring") => rings.push(path),
            Some("new") if is_old(&path) => {
                // Another process may have removed it first.
                let _ = fs::remove_file(&path);
            }
            _ => {}
        }
    }
    Ok(rings)
}

fn is_old(path: &Path) -> bool {
    let made = fs::metadata(path).and_then(|data| data.modified());
    let age = made
        .ok()
        .and_then(|made| SystemTime::now().duration_since(made).ok());
    age.is_some_and(|age| age > HALF_MADE_AGE)
}
