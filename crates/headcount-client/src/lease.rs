//! The lock that says which process sends to a destination now. It dies with its process, so nobody waits for the dead.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::Path;

use crate::ring::private_options;

/// The lock of one destination, held until dropped. Taken and replaced only with the state folder locked.
#[derive(Debug)]
pub(crate) struct Lease {
    file: File,
}

impl Lease {
    /// Takes the lock; `None` while another sender, of this process or any other, holds it.
    pub(crate) fn take(path: &Path) -> io::Result<Option<Self>> {
        let file = private_options().create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Begins a new lock in the place of one that outlived its sender: a child that was forked while its
    /// parent was sending has a copy of the parent's lock, whatever becomes of the parent.
    pub(crate) fn replace(path: &Path) -> io::Result<Option<Self>> {
        fs::remove_file(path)?;
        Self::take(path)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Unlocked by name, not by closing: a forked child may hold a copy of the descriptor.
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_at_a_time_and_a_new_one_is_free() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lease-1");
        let first = Lease::take(&path).unwrap().unwrap();
        assert!(Lease::take(&path).unwrap().is_none());
        drop(first);
        let copied = Lease::take(&path).unwrap().unwrap();
        let second = Lease::replace(&path).unwrap().unwrap();
        drop(copied);
        assert!(
            Lease::take(&path).unwrap().is_none(),
            "the old lock's end does not free the new one"
        );
        drop(second);
        assert!(Lease::take(&path).unwrap().is_some());
    }
}
