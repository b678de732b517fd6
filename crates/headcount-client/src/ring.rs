//! The ring of one process: events in a mapped file, so that what a call has returned from survives kill -9.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::loss::LossReason;
use crate::mapped::SharedWords;
use crate::record::{self, Decoded, Draft};

/// `HCRING` and the version of this layout.
const MAGIC: u64 = u64::from_le_bytes(*b"HCRING01");
/// Words before the records: magic, capacity, id, tail, head and the loss counters, apart by cache line.
const HEADER_WORDS: usize = 64;
const CAPACITY: usize = 1;
const ID: usize = 2;
const TAIL: usize = 8;
const HEAD: usize = 16;
const LOSSES: usize = 24;
/// Default size of a ring's records: about 10,000 task events.
pub(crate) const DEFAULT_RING_BYTES: usize = 1 << 20;
/// Smallest ring: below that a daily report of an install with many apps does not fit.
const MIN_RING_BYTES: usize = 1 << 16;

/// Names one ring for ever.
pub(crate) type RingId = [u8; 16];

/// What `push` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// Held.
    Held(Need),
    /// Not held, and counted.
    Lost(LossReason),
}

/// The worker is asked to hurry when this share of the ring is in use: what is left must last until it is given a
/// processor and the disk.
const CROWDED_SHARE: u64 = 4;

/// What a held event asks of the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: one looks after the ring.
    None,
    /// To begin: nobody looks after the ring.
    Worker,
    /// Not to sleep on: the ring is filling up.
    Hurry,
}

/// A ring open in this process, as its maker or as the one who adopts it.
pub(crate) struct Ring {
    path: PathBuf,
    /// Holds the lock that says "in use"; let go when the process dies.
    file: File,
    shared: SharedWords,
    mask: u64,
    /// Position after the last record; its lock keeps this process's threads apart.
    tail: Mutex<u64>,
    crowd_told: AtomicBool,
    /// A worker looks after the ring. Read with `tail` locked, so that no event is left without one.
    watched: AtomicBool,
}

impl Ring {
    /// Makes a ring in `dir`, its blocks allocated and its file locked.
    pub(crate) fn create(dir: &Path, bytes: usize, id: RingId) -> io::Result<Self> {
        let words = (bytes.max(MIN_RING_BYTES) / 8).next_power_of_two();
        let name = uuid::Uuid::from_bytes(id).simple();
        let path = dir.join(format!("{name}.ring"));
        let unready = dir.join(format!("{name}.new"));
        let mut file = private_options().create_new(true).open(&unready)?;
        let built = (|| {
            file.lock()?;
            write_zeros(&mut file, (HEADER_WORDS + words) * 8)?;
            let ring = Self::over(path, file)?;
            let header = ring.shared.words();
            header[CAPACITY].store(words as u64, Ordering::Relaxed);
            let (low, high) = halves(id);
            header[ID].store(low, Ordering::Relaxed);
            header[ID + 1].store(high, Ordering::Relaxed);
            header[0].store(MAGIC, Ordering::Release);
            std::fs::rename(&unready, &ring.path)?;
            Ok(Self {
                mask: words as u64 - 1,
                ..ring
            })
        })();
        if built.is_err() {
            // The half-made file is of no use to anyone; that it cannot be removed changes nothing.
            let _ = std::fs::remove_file(&unready);
        }
        built
    }

    /// Opens a ring whose process is gone; `None` while that process lives or when it is no ring.
    pub(crate) fn adopt(path: &Path) -> io::Result<Option<Self>> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        // Between opening and locking another process may have adopted and removed it.
        if !path.exists() || file.metadata()?.len() < (HEADER_WORDS * 8) as u64 {
            return Ok(None);
        }
        let mut ring = Self::over(path.to_owned(), file)?;
        let words = ring.shared.words();
        let capacity = words[CAPACITY].load(Ordering::Relaxed);
        let whole = capacity.is_power_of_two()
            && capacity.checked_add(HEADER_WORDS as u64) == Some(words.len() as u64)
            && words[0].load(Ordering::Acquire) == MAGIC;
        ring.mask = capacity.wrapping_sub(1);
        Ok(whole.then_some(ring))
    }

    fn over(path: PathBuf, file: File) -> io::Result<Self> {
        let shared = SharedWords::map(&file)?;
        Ok(Self {
            path,
            file,
            shared,
            mask: 0,
            tail: Mutex::new(0),
            crowd_told: AtomicBool::new(false),
            watched: AtomicBool::new(false),
        })
    }

    pub(crate) fn id(&self) -> RingId {
        let words = self.shared.words();
        let mut id = [0; 16];
        id[..8].copy_from_slice(&words[ID].load(Ordering::Relaxed).to_le_bytes());
        id[8..].copy_from_slice(&words[ID + 1].load(Ordering::Relaxed).to_le_bytes());
        id
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Copies an event in; no system call, no allocation, the lock is held for the copy alone.
    #[inline]
    pub(crate) fn push(&self, draft: &Draft<'_>) -> Pushed {
        let words = self.shared.words();
        let (header, data) = words.split_at(HEADER_WORDS);
        let capacity = self.mask + 1;
        let length = draft.len() as u64 + 1;
        if length > capacity / 4 {
            return self.lose(LossReason::TooLarge);
        }
        let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        let start = *tail;
        let used = start - header[HEAD].load(Ordering::Acquire);
        if used + length > capacity {
            drop(tail);
            return self.lose(LossReason::QueueFull);
        }
        let mut at = start + 1;
        let mut check = Check::new(start);
        draft.write(|word| {
            check.take(word);
            data[(at & self.mask) as usize].store(word, Ordering::Relaxed);
            at += 1;
        });
        data[(start & self.mask) as usize].store(length | check.end() << 32, Ordering::Relaxed);
        header[TAIL].store(at, Ordering::Release);
        *tail = at;
        let watched = self.watched.load(Ordering::Relaxed);
        drop(tail);
        let is_crowded = used + length > capacity / CROWDED_SHARE;
        Pushed::Held(if !watched {
            Need::Worker
        } else if is_crowded && !self.crowd_told.swap(true, Ordering::Relaxed) {
            Need::Hurry
        } else {
            Need::None
        })
    }

    /// Says that a worker looks after the ring from now on; false when one did already.
    pub(crate) fn watch(&self) -> bool {
        !self.watched.swap(true, Ordering::SeqCst)
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.watched.load(Ordering::SeqCst)
    }

    /// Says that nobody looks after the ring any more. Every event that was told the contrary is in it now.
    pub(crate) fn unwatch(&self) {
        let _tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        self.watched.store(false, Ordering::SeqCst);
    }

    /// Counts one event that did not get in.
    pub(crate) fn lose(&self, reason: LossReason) -> Pushed {
        self.shared.words()[LOSSES + reason.index()].fetch_add(1, Ordering::Relaxed);
        Pushed::Lost(reason)
    }

    /// Losses counted so far, in the order of `LossReason::ALL`.
    pub(crate) fn losses(&self) -> [u64; LossReason::ALL.len()] {
        let words = self.shared.words();
        std::array::from_fn(|index| words[LOSSES + index].load(Ordering::Relaxed))
    }

    pub(crate) fn is_empty(&self) -> bool {
        let words = self.shared.words();
        words[HEAD].load(Ordering::SeqCst) == words[TAIL].load(Ordering::SeqCst)
    }

    /// Whether it filled up beyond that share since the last release.
    pub(crate) fn is_crowded(&self) -> bool {
        self.crowd_told.load(Ordering::Relaxed)
    }

    /// Reads up to `limit` records from position `from` (or the head, if that is further on).
    pub(crate) fn read(&self, from: u64, limit: usize) -> Chunk {
        let (header, data) = self.shared.words().split_at(HEADER_WORDS);
        let tail = header[TAIL].load(Ordering::Acquire);
        let mut at = from.max(header[HEAD].load(Ordering::Acquire));
        let mut chunk = Chunk {
            end: at,
            records: Vec::new(),
            damaged: false,
        };
        let mut words = Vec::new();
        while at < tail && chunk.records.len() < limit {
            let shape = data[(at & self.mask) as usize].load(Ordering::Relaxed);
            let length = shape & 0xffff_ffff;
            if length < 2 || at + length > tail || length > self.mask {
                chunk.damaged = true;
                break;
            }
            let mut check = Check::new(at);
            words.clear();
            for position in at + 1..at + length {
                let word = data[(position & self.mask) as usize].load(Ordering::Relaxed);
                check.take(word);
                words.push(word);
            }
            match record::decode(&words).filter(|_| check.end() == shape >> 32) {
                Some(record) => chunk.records.push(Read {
                    position: at,
                    record,
                }),
                None => {
                    chunk.damaged = true;
                    break;
                }
            }
            at += length;
        }
        chunk.end = if chunk.damaged { tail } else { at };
        chunk
    }

    /// Frees the space before `position`; call when what was read is committed elsewhere.
    pub(crate) fn release(&self, position: u64) {
        self.shared.words()[HEAD].store(position, Ordering::Release);
        self.crowd_told.store(false, Ordering::Relaxed);
    }

    /// Removes the file; what is still in it is gone.
    pub(crate) fn remove(&self) -> io::Result<()> {
        std::fs::remove_file(&self.path)?;
        self.file.unlock()
    }
}

/// Some records of a ring, oldest first.
pub(crate) struct Chunk {
    pub(crate) records: Vec<Read>,
    /// Position after them.
    pub(crate) end: u64,
    /// The rest of the ring is unreadable and skipped: the machine stopped before it was written out.
    pub(crate) damaged: bool,
}

/// One record and where it was.
pub(crate) struct Read {
    pub(crate) position: u64,
    pub(crate) record: Decoded,
}

/// A checksum that catches what a machine crash leaves: zeros, or words of an earlier lap. The products do
/// not wait for each other, so it costs about a cycle or two a word.
struct Check(u64);

impl Check {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;

    fn new(position: u64) -> Self {
        Self(position.wrapping_add(1).wrapping_mul(Self::FACTOR))
    }

    #[inline]
    fn take(&mut self, word: u64) {
        self.0 = self
            .0
            .rotate_left(23)
            .wrapping_add(word.wrapping_mul(Self::FACTOR));
    }

    #[inline]
    fn end(&self) -> u64 {
        (self.0 ^ self.0 >> 29).wrapping_mul(Self::FACTOR) >> 32
    }
}

pub(crate) fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn write_zeros(file: &mut File, bytes: usize) -> io::Result<()> {
    // A sparse file would raise SIGBUS in the host when the disk is full; written zeros cannot.
    let block = vec![0; 1 << 16];
    let mut left = bytes;
    while left > 0 {
        let step = left.min(block.len());
        file.write_all(&block[..step])?;
        left -= step;
    }
    Ok(())
}

fn halves(id: RingId) -> (u64, u64) {
    let word = |part: &[u8]| {
        part.iter()
            .rev()
            .fold(0, |word, byte| word << 8 | u64::from(*byte))
    };
    (word(&id[..8]), word(&id[8..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::TaskParts;
    use crate::settings::Feed;

    fn draft(label: &str) -> Draft<'_> {
        let parts = TaskParts {
            namespace: "n",
            task: "t",
            result: "Success",
            label,
            value: None,
            count: 1,
        };
        Draft::task(7, Feed::Tasks, &parts)
    }

    fn labels(chunk: &Chunk) -> Vec<String> {
        let label = |read: &Read| match &read.record.event.body {
            headcount_protocol::EventBody::Task(task) => task.label.clone(),
            other => panic!("unexpected {other:?}"),
        };
        chunk.records.iter().map(label).collect()
    }

    #[test]
    fn records_come_out_in_order_over_many_laps() {
        let dir = tempfile::tempdir().unwrap();
        let ring = Ring::create(dir.path(), 0, [1; 16]).unwrap();
        let mut from = 0;
        for lap in 0..500 {
            let sent: Vec<String> = (0..20)
                .map(|n| format!("{lap}-{}", "x".repeat(n)))
                .collect();
            for label in &sent {
                assert!(matches!(ring.push(&draft(label)), Pushed::Held(_)));
            }
            let chunk = ring.read(from, 100);
            assert_eq!(labels(&chunk), sent);
            from = chunk.end;
            ring.release(from);
        }
        assert!(ring.is_empty());
    }

    #[test]
    fn a_full_ring_counts_what_it_cannot_hold_and_asks_once_to_hurry() {
        let dir = tempfile::tempdir().unwrap();
        let ring = Ring::create(dir.path(), 0, [1; 16]).unwrap();
        let (mut held, mut woken) = (0, 0);
        assert!(ring.watch() && !ring.watch());
        while let Pushed::Held(need) = ring.push(&draft("x")) {
            held += 1;
            woken += u32::from(need == Need::Hurry);
        }
        assert_eq!(ring.push(&draft("x")), Pushed::Lost(LossReason::QueueFull));
        assert_eq!(ring.losses()[LossReason::QueueFull.index()], 2);
        assert_eq!(woken, 1);
        assert!(ring.is_crowded());
        assert_eq!(ring.read(0, usize::MAX).records.len(), held);
    }

    #[test]
    fn an_event_asks_for_a_worker_when_there_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let ring = Ring::create(dir.path(), 0, [2; 16]).unwrap();
        assert_eq!(ring.push(&draft("x")), Pushed::Held(Need::Worker));
        ring.watch();
        assert_eq!(ring.push(&draft("x")), Pushed::Held(Need::None));
        ring.unwatch();
        assert_eq!(ring.push(&draft("x")), Pushed::Held(Need::Worker));
    }

    #[test]
    fn a_ring_is_adopted_only_when_its_maker_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let ring = Ring::create(dir.path(), 0, [3; 16]).unwrap();
        ring.push(&draft("left behind"));
        let path = ring.path().to_owned();
        assert!(Ring::adopt(&path).unwrap().is_none());
        drop(ring);
        let adopted = Ring::adopt(&path).unwrap().unwrap();
        assert_eq!(adopted.id(), [3; 16]);
        assert_eq!(labels(&adopted.read(0, 10)), ["left behind"]);
    }

    #[test]
    fn words_lost_in_a_machine_crash_are_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let ring = Ring::create(dir.path(), 0, [3; 16]).unwrap();
        for label in ["first", "second", "third"] {
            ring.push(&draft(label));
        }
        let second = ring.read(0, 10).records[1].position;
        ring.shared.words()[HEADER_WORDS + second as usize + 3].store(0, Ordering::Relaxed);
        let chunk = ring.read(0, 10);
        assert_eq!(labels(&chunk), ["first"]);
        assert!(chunk.damaged && !ring.is_empty());
        ring.release(chunk.end);
        assert!(ring.is_empty());
    }
}
