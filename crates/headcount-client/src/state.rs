//! The state folder of an install: its files, the lock that its processes share, and changes to the settings.

use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use headcount_protocol::InstallId;

use crate::error::{Error, OnPath, Result};
use crate::gate;
use crate::install::Install;
use crate::ring::private_options;
use crate::settings::Settings;
use crate::spool::Spool;

const SETTINGS: &str = "settings.json";
const LOCK: &str = "lock";
/// Others hold the lock for one transaction, a few milliseconds; this long means something is wrong.
pub(crate) const LOCK_WAIT: Duration = Duration::from_secs(10);
/// Longest pause between two tries for the lock.
const LOCK_PAUSE: Duration = Duration::from_millis(8);

/// A state folder, shared safely by any number of processes.
#[derive(Clone, Debug)]
pub struct State {
    dir: PathBuf,
}

impl State {
    /// Names a state folder; touches nothing.
    #[must_use]
    pub fn at(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn rings_dir(&self) -> PathBuf {
        self.dir.join("rings")
    }

    /// The lock of the one who sends to this destination.
    pub(crate) fn lease_path(&self, destination: u32) -> PathBuf {
        self.dir.join(format!("lease-{destination}"))
    }

    pub(crate) fn spool_path(&self) -> PathBuf {
        self.dir.join("spool.sqlite")
    }

    /// Makes the folder, readable for its owner alone.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn make(&self) -> Result<()> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        let rings = self.rings_dir();
        builder.create(&rings).on("making", &rings)
    }

    /// Takes the lock that keeps the processes of this install apart; never held over the network.
    pub(crate) fn lock(&self, wait: Duration) -> Result<Lock> {
        let path = self.dir.join(LOCK);
        let file = private_options()
            .create(true)
            .truncate(false)
            .open(&path)
            .on("opening", &path)?;
        let until = Instant::now() + wait;
        let mut pause = Duration::from_micros(200);
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Lock { file }),
                Err(TryLockError::WouldBlock) if Instant::now() < until => {
                    std::thread::sleep(pause);
                    pause = (pause * 2).min(LOCK_PAUSE);
                }
                Err(TryLockError::WouldBlock) => return Err(Error::Busy),
                Err(TryLockError::Error(error)) => return Err(error).on("locking", &path),
            }
        }
    }

    /// The operator's settings; `None` when there are none yet.
    ///
    /// # Errors
    /// When the file is there but cannot be read or understood.
    pub fn settings(&self) -> Result<Option<Settings>> {
        let path = self.dir.join(SETTINGS);
        match fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text)
                .map(Some)
                .map_err(|error| Error::Damaged {
                    path,
                    reason: error.to_string(),
                }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).on("reading", &path),
        }
    }

    /// Changes the settings, tells every process, and deletes what waits for what is now off.
    ///
    /// # Errors
    /// When the change is refused or a file cannot be written; then nothing has changed.
    pub fn change<T>(&self, change: impl FnOnce(&mut Settings) -> Result<T>) -> Result<T> {
        self.make()?;
        let lock = self.lock(LOCK_WAIT)?;
        let before = self.settings()?.unwrap_or_default();
        let mut after = before.clone();
        let answer = change(&mut after)?;
        let mask = after.mask();
        // What is switched off stops before anything else happens; what is switched on starts last.
        gate::publish(&self.dir, before.mask() & mask).on("writing the gate in", &self.dir)?;
        self.write_settings(&after)?;
        let spool_exists = self.spool_path().exists();
        if spool_exists {
            Spool::open_locked(self, &lock)?.drop_unwanted(&lock, &after)?;
        }
        for gone in before
            .tokens
            .iter()
            .filter(|token| after.token(token.id).is_err())
        {
            // There is none when nothing was ever sent there, and an empty file left behind harms nobody.
            let _ = fs::remove_file(self.lease_path(gone.id));
        }
        gate::publish(&self.dir, mask).on("writing the gate in", &self.dir)?;
        Ok(answer)
    }

    fn write_settings(&self, settings: &Settings) -> Result<()> {
        let path = self.dir.join(SETTINGS);
        let unready = self.dir.join(".settings");
        let text = serde_json::to_string_pretty(settings).map_err(|error| Error::Damaged {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        let written = private_options()
            .create(true)
            .truncate(true)
            .open(&unready)
            .and_then(|mut file| {
                file.write_all(text.as_bytes())?;
                file.sync_all()?;
                fs::rename(&unready, &path)
            });
        written.on("writing", &path)
    }

    /// Publishes the settings again if a crash came between writing them and telling it.
    pub(crate) fn mend_gate(&self) -> Result<()> {
        let mask = self.settings()?.map(|settings| settings.mask());
        if mask.is_none() || gate::published(&self.dir) == mask {
            return Ok(());
        }
        let _lock = self.lock(LOCK_WAIT)?;
        let mask = self.settings()?.map_or(0, |settings| settings.mask());
        gate::publish(&self.dir, mask).on("writing the gate in", &self.dir)
    }

    /// The identity; `None` when none was made yet.
    ///
    /// # Errors
    /// When the file is there but cannot be read or understood.
    pub fn install(&self) -> Result<Option<Install>> {
        Install::read(&self.dir)
    }

    /// The identity, made if there is none.
    ///
    /// # Errors
    /// When it cannot be made or read.
    pub fn make_install(&self) -> Result<Install> {
        self.make()?;
        Install::read_or_make(&self.dir)
    }

    /// Goes on with the name that Google types know the install by, for hosts that were counted there before
    /// the module came. Native destinations keep their pseudonym. Forgetting ends it.
    ///
    /// # Errors
    /// When the name is no install id (1 to 128 bytes, no control characters) or the folder cannot be written.
    pub fn know_as(&self, name: &str) -> Result<()> {
        let name = InstallId::parse(name).ok_or_else(|| Error::Setting {
            field: "install",
            reason: "must have 1 to 128 bytes and no control characters".to_owned(),
        })?;
        self.make()?;
        let _lock = self.lock(LOCK_WAIT)?;
        Install::know_as(&self.dir, name.as_str())
    }

    /// Opens the spool, making it if there is none.
    ///
    /// # Errors
    /// When it cannot be opened, or is of a newer version.
    pub fn spool(&self) -> Result<Spool> {
        self.make()?;
        let lock = self.lock(LOCK_WAIT)?;
        Spool::open_locked(self, &lock)
    }
}

/// The lock of a state folder, held until dropped.
pub(crate) struct Lock {
    file: File,
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Unlocked by name, not by closing: a forked child may hold a copy of the descriptor.
        let _ = self.file.unlock();
    }
}
