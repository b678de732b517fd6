//! The data folder: made with private permissions, owned by one process at a time through `lock`.

use std::fs::{self, File, TryLockError};
use std::path::Path;

use anyhow::{Context as _, bail};

const LOCK_FILE: &str = "lock";

/// Holds the lock while it lives; the kernel frees it however the process ends.
#[derive(Debug)]
pub(crate) struct Owner {
    _lock: File,
}

/// Makes the folder if it is missing and takes its lock.
pub(crate) fn own(folder: &Path) -> anyhow::Result<Owner> {
    make(folder).with_context(|| format!("making the data folder {}", folder.display()))?;
    lock(folder)
}

/// Takes the lock of a folder that must be there already.
pub(crate) fn own_existing(folder: &Path) -> anyhow::Result<Owner> {
    if !folder.is_dir() {
        bail!(
            "there is no data folder {}: name it with --data, or make one with `headcount serve`",
            folder.display()
        );
    }
    lock(folder)
}

fn lock(folder: &Path) -> anyhow::Result<Owner> {
    own_if_free(folder)?.with_context(|| {
        format!(
            "the data folder {} is in use by a running `headcount serve`: stop it first, or name \
             another folder with --data",
            folder.display()
        )
    })
}

/// Takes the lock of a folder that is there, unless another process holds it.
pub(crate) fn own_if_free(folder: &Path) -> anyhow::Result<Option<Owner>> {
    let path = folder.join(LOCK_FILE);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .with_context(|| format!("opening {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Owner { _lock: file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("locking {}", path.display()))
        }
    }
}

/// Makes the folder if it is missing, readable for its owner only.
pub(crate) fn make(folder: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        // Keys and password hashes lie inside.
        builder.mode(0o700);
    }
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_owner_at_a_time() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("a/b");
        assert!(own_existing(&folder).is_err());
        let owner = own(&folder).unwrap();
        let message = own_existing(&folder).unwrap_err().to_string();
        assert!(message.contains("in use"), "{message}");
        drop(owner);
        own(&folder).unwrap();
    }
}
