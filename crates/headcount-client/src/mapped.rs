//! Memory shared with the kernel: mapped files as atomic words, and the mark that a fork wipes. All unsafe code but the coarse clock.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use memmap2::{MmapOptions, MmapRaw};

/// A file mapped for reading and writing, seen as atomic words so that no store can tear.
pub(crate) struct SharedWords {
    map: MmapRaw,
}

impl SharedWords {
    /// Maps the whole file; its blocks must be allocated already, or a full disk would kill the host.
    pub(crate) fn map(file: &File) -> io::Result<Self> {
        let map = MmapOptions::new().populate().map_raw(file)?;
        Ok(Self { map })
    }

    #[expect(unsafe_code, reason = "a mapped file has no safe view as atomics")]
    pub(crate) fn words(&self) -> &[AtomicU64] {
        let start = self.map.as_mut_ptr().cast::<AtomicU64>();
        // SAFETY: the map is page-aligned, lives as long as `self` and is only ever touched through
        // atomics, here and in other processes; a length that is no multiple of 8 is rounded down.
        unsafe { std::slice::from_raw_parts(start, self.map.len() / 8) }
    }
}

/// A file mapped for reading only: words can be loaded, never stored.
pub(crate) struct ReadWords {
    map: MmapRaw,
}

impl ReadWords {
    pub(crate) fn map(file: &File) -> io::Result<Self> {
        let map = MmapOptions::new().map_raw_read_only(file)?;
        Ok(Self { map })
    }

    pub(crate) fn len(&self) -> usize {
        self.map.len() / 8
    }

    #[expect(unsafe_code, reason = "a mapped file has no safe view as atomics")]
    pub(crate) fn load(&self, index: usize) -> u64 {
        assert!(index < self.len(), "word outside the map");
        // SAFETY: the index is inside the page-aligned map, and a plain load never writes.
        let word = unsafe { &*self.map.as_mut_ptr().cast::<AtomicU64>().add(index) };
        word.load(Ordering::Acquire)
    }
}

/// Tells in about a nanosecond whether the process that made it is still the one that asks.
pub(crate) struct ForkMark {
    kind: MarkKind,
}

enum MarkKind {
    /// A page that the kernel zeroes in a forked child.
    Wiped(SharedWords),
    /// Where the kernel cannot do that: the maker's process id, asked for again each time.
    Pid(u32),
}

const ALIVE: u64 = 1;

impl ForkMark {
    pub(crate) fn new() -> Self {
        let kind = wiped_page().unwrap_or_else(|| MarkKind::Pid(std::process::id()));
        Self { kind }
    }

    #[inline]
    pub(crate) fn holds(&self) -> bool {
        match &self.kind {
            MarkKind::Wiped(page) => page.words()[0].load(Ordering::Relaxed) == ALIVE,
            MarkKind::Pid(pid) => *pid == std::process::id(),
        }
    }
}

#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "memmap2 does not offer MADV_WIPEONFORK")]
fn wiped_page() -> Option<MarkKind> {
    const PAGE_BYTES: usize = 4096;
    let map = MmapRaw::from(MmapOptions::new().len(PAGE_BYTES).map_anon().ok()?);
    // SAFETY: the range is exactly the private anonymous map just made.
    let told = unsafe { libc::madvise(map.as_mut_ptr().cast(), PAGE_BYTES, libc::MADV_WIPEONFORK) };
    if told != 0 {
        return None;
    }
    let page = SharedWords { map };
    page.words()[0].store(ALIVE, Ordering::Release);
    Some(MarkKind::Wiped(page))
}

#[cfg(not(target_os = "linux"))]
fn wiped_page() -> Option<MarkKind> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_written_through_one_map_are_read_through_another() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(64).unwrap();
        let writer = SharedWords::map(&file).unwrap();
        let reader = ReadWords::map(&file).unwrap();
        writer.words()[7].store(42, Ordering::Release);
        assert_eq!((reader.len(), reader.load(7)), (8, 42));
    }
}
