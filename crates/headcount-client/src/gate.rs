//! The one gate: every off switch in one place, the first that says "off" wins. Never writes anything when off.

use std::env;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::mapped::{ReadWords, SharedWords};
use crate::ring::private_options;
use crate::settings::{Feed, Settings};

/// File in the state folder that every process of the install has mapped.
const FILE: &str = "gate";
/// `HCGATE` and the version of this layout.
const MAGIC: u64 = u64::from_le_bytes(*b"HCGATE01");
const WORDS: usize = 8;
/// The word with the wanted feeds in its low byte and a change counter above.
const WANTED: usize = 1;
/// A state folder that is not there yet is looked for this often, in milliseconds.
const LOOK_EVERY_MS: u64 = 1000;

/// What can switch everything off, in the order in which it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Switch {
    /// `ANALYTICS_DISABLED` in the environment.
    AnalyticsDisabled,
    /// `DO_NOT_TRACK` in the environment.
    DoNotTrack,
    /// The host's own setting, for example `ANALYTICS_DISABLED = True` of Django.
    Host,
    /// `off` in the state folder.
    Off,
    /// There is no token.
    NoToken,
    /// Every feed of every token is off.
    FeedsOff,
}

impl Switch {
    /// All switches, in the order in which they are asked.
    pub const ALL: [Self; 6] = [
        Self::AnalyticsDisabled,
        Self::DoNotTrack,
        Self::Host,
        Self::Off,
        Self::NoToken,
        Self::FeedsOff,
    ];

    /// The stable name, for JSON answers.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::AnalyticsDisabled => "analytics_disabled",
            Self::DoNotTrack => "do_not_track",
            Self::Host => "host_setting",
            Self::Off => "off",
            Self::NoToken => "no_token",
            Self::FeedsOff => "feeds_off",
        }
    }

    /// One line for the operator: what is set, and where.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::AnalyticsDisabled => "ANALYTICS_DISABLED is set in the environment",
            Self::DoNotTrack => "DO_NOT_TRACK is set in the environment",
            Self::Host => "the program's own setting switches analytics off",
            Self::Off => "switched off in the state folder",
            Self::NoToken => "there is no token: nowhere to send to",
            Self::FeedsOff => "every feed of every token is off",
        }
    }

    /// The first switch of the environment that is on.
    #[must_use]
    pub fn of_environment() -> Option<Self> {
        [Self::AnalyticsDisabled, Self::DoNotTrack]
            .into_iter()
            .find(|switch| switch.is_set())
    }

    fn is_set(self) -> bool {
        let name = match self {
            Self::AnalyticsDisabled => "ANALYTICS_DISABLED",
            Self::DoNotTrack => "DO_NOT_TRACK",
            Self::Host | Self::Off | Self::NoToken | Self::FeedsOff => return false,
        };
        env::var_os(name).is_some_and(|value| is_truthy(&value.to_string_lossy()))
    }

    fn in_settings(self, settings: Option<&Settings>) -> bool {
        match self {
            Self::Off => settings.is_some_and(Settings::is_off),
            Self::NoToken => settings.is_none_or(|settings| settings.tokens.is_empty()),
            Self::FeedsOff => settings
                .is_none_or(|settings| settings.tokens.iter().all(|token| token.feeds.mask() == 0)),
            Self::AnalyticsDisabled | Self::DoNotTrack | Self::Host => false,
        }
    }
}

/// Anything but an empty word or a plain "no": who sets the variable means it.
fn is_truthy(value: &str) -> bool {
    let value = value.trim().to_ascii_lowercase();
    !matches!(value.as_str(), "" | "0" | "false" | "no" | "off")
}

/// Every switch that is on, first the one that wins. Empty when the gate is open.
#[must_use]
pub fn switches_on(host_disabled: Option<Switch>, settings: Option<&Settings>) -> Vec<Switch> {
    let is_on = |switch: &Switch| {
        switch.is_set() || host_disabled == Some(*switch) || switch.in_settings(settings)
    };
    Switch::ALL.into_iter().filter(is_on).collect()
}

/// Answers on the host's thread whether a feed is wanted: one load from a mapped file.
pub(crate) struct Gate {
    path: PathBuf,
    /// Fixed for the life of the process: the environment or the host said no.
    shut: Option<Switch>,
    map: OnceLock<ReadWords>,
    opened_at: Instant,
    look_at_ms: AtomicU64,
}

impl Gate {
    pub(crate) fn new(dir: &Path, shut: Option<Switch>) -> Self {
        let gate = Self {
            path: dir.join(FILE),
            shut,
            map: OnceLock::new(),
            opened_at: Instant::now(),
            look_at_ms: AtomicU64::new(LOOK_EVERY_MS),
        };
        if shut.is_none() {
            gate.map_file();
        }
        gate
    }

    pub(crate) fn shut_by(&self) -> Option<Switch> {
        self.shut
    }

    #[inline]
    pub(crate) fn wants(&self, feed: Feed) -> bool {
        self.wanted() & feed.bit() != 0
    }

    #[inline]
    pub(crate) fn wanted(&self) -> u64 {
        self.word() & 0xff
    }

    /// Changes whenever any setting changes.
    #[inline]
    pub(crate) fn word(&self) -> u64 {
        if self.shut.is_some() {
            return 0;
        }
        match self.map.get() {
            Some(map) => map.load(WANTED),
            None => self.look_again(),
        }
    }

    /// A state folder may be made later, by the command line: then this install begins to count.
    #[cold]
    fn look_again(&self) -> u64 {
        let now = u64::try_from(self.opened_at.elapsed().as_millis()).unwrap_or(u64::MAX);
        let due = self.look_at_ms.load(Ordering::Relaxed);
        let mine = now >= due
            && self
                .look_at_ms
                .compare_exchange(
                    due,
                    now + LOOK_EVERY_MS,
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                )
                .is_ok();
        if mine {
            self.map_file();
        }
        self.map.get().map_or(0, |map| map.load(WANTED))
    }

    /// Looks for a state folder now, for those who know that they have just made it.
    pub(crate) fn look_now(&self) {
        if self.shut.is_none() && self.map.get().is_none() {
            self.map_file();
        }
    }

    fn map_file(&self) {
        let Ok(file) = File::open(&self.path) else {
            return;
        };
        // A file of another size or layout is not ours: it stays unmapped, which means off.
        if file.metadata().map_or(0, |data| data.len()) < (WORDS * 8) as u64 {
            return;
        }
        if let Ok(map) = ReadWords::map(&file)
            && map.load(0) == MAGIC
        {
            // Another thread may have been first; its map is of the same file.
            let _ = self.map.set(map);
        }
    }
}

/// Tells every process what is wanted from now on. Call with the state folder locked.
pub(crate) fn publish(dir: &Path, mask: u64) -> std::io::Result<()> {
    let path = dir.join(FILE);
    let unready = dir.join(".gate");
    if !path.exists() {
        let file = private_options()
            .create(true)
            .truncate(true)
            .open(&unready)?;
        std::io::Write::write_all(&mut &file, &[0; WORDS * 8])?;
        SharedWords::map(&file)?.words()[0].store(MAGIC, Ordering::Release);
        std::fs::rename(&unready, &path)?;
    }
    let file = private_options().open(&path)?;
    let shared = SharedWords::map(&file)?;
    let word = &shared.words()[WANTED];
    let counter = (word.load(Ordering::Acquire) >> 8) + 1;
    word.store(counter << 8 | mask, Ordering::Release);
    Ok(())
}

/// The published feeds; `None` when nothing was published yet.
pub(crate) fn published(dir: &Path) -> Option<u64> {
    let gate = Gate::new(dir, None);
    gate.map.get().map(|map| map.load(WANTED) & 0xff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turned_switch_is_seen_at_once_by_a_gate_that_was_open_before() {
        let dir = tempfile::tempdir().unwrap();
        publish(dir.path(), 0b010).unwrap();
        let gate = Gate::new(dir.path(), None);
        assert!(gate.wants(Feed::Tasks) && !gate.wants(Feed::Pages));
        let word = gate.word();
        publish(dir.path(), 0).unwrap();
        assert!(!gate.wants(Feed::Tasks));
        publish(dir.path(), 0b010).unwrap();
        assert_ne!(
            gate.word(),
            word,
            "every change is seen, even one that was taken back"
        );
        assert_eq!(published(dir.path()), Some(0b010));
    }

    #[test]
    fn a_folder_without_a_gate_wants_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let gate = Gate::new(dir.path(), None);
        assert!(!gate.wants(Feed::Stats));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_shut_gate_does_not_look_at_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        publish(dir.path(), 0b111).unwrap();
        let gate = Gate::new(dir.path(), Some(Switch::DoNotTrack));
        assert!(Feed::ALL.iter().all(|feed| !gate.wants(*feed)));
        assert!(gate.map.get().is_none());
    }

    #[test]
    fn only_a_plain_no_leaves_a_variable_without_effect() {
        for (value, on) in [
            ("1", true),
            ("true", true),
            ("yes please", true),
            ("", false),
            ("0", false),
            (" False ", false),
            ("off", false),
        ] {
            assert_eq!(is_truthy(value), on, "{value:?}");
        }
    }

    #[test]
    fn the_first_switch_wins_and_all_are_named() {
        let settings = Settings {
            off: true,
            ..Settings::default()
        };
        assert_eq!(
            switches_on(Some(Switch::Host), Some(&settings)),
            [Switch::Host, Switch::Off, Switch::NoToken, Switch::FeedsOff]
        );
    }
}
