//! Who this install is: a random id and a secret, made once and shared by every process of it.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use headcount_protocol::InstallId;
use serde::{Deserialize, Serialize};

use crate::error::{Error, OnPath, Result};
use crate::mirror::Identity;
use crate::settings::{Token, TokenKind};

/// File name in the state folder.
const FILE: &str = "install.json";

/// The identity of an install. Its secret never leaves the state folder.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Install {
    /// A random UUID (version 4).
    pub install: uuid::Uuid,
    secret: String,
    /// What Google types call the install, where its host was counted there before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    known_as: Option<String>,
}

impl std::fmt::Debug for Install {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Neither the id nor the secret belongs in a log.
        out.write_str("Install(..)")
    }
}

impl Install {
    /// Reads the identity; `None` when none was made yet.
    ///
    /// # Errors
    /// When the file is there but cannot be read or understood.
    pub(crate) fn read(dir: &Path) -> Result<Option<Self>> {
        let path = dir.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).on("reading", &path),
        };
        let install: Self = serde_json::from_str(&text).map_err(|error| Error::Damaged {
            path: path.clone(),
            reason: error.to_string(),
        })?;
        let known_as = install.known_as.as_deref();
        let reason = if install.key().is_none() {
            "the secret is not 64 hexadecimal digits"
        } else if known_as.is_some_and(|name| InstallId::parse(name).is_none()) {
            "`known_as` is no install id"
        } else {
            return Ok(Some(install));
        };
        Err(Error::Damaged {
            path,
            reason: reason.into(),
        })
    }

    /// Reads the identity, making it first if there is none; of two makers the first wins.
    pub(crate) fn read_or_make(dir: &Path) -> Result<Self> {
        if let Some(install) = Self::read(dir)? {
            return Ok(install);
        }
        let path = dir.join(FILE);
        let unready = Self::random().write_beside(dir)?;
        // A hard link, unlike a rename, fails when the name is taken: nobody's id is replaced.
        let linked = fs::hard_link(&unready, &path);
        fs::remove_file(&unready).on("removing", &unready)?;
        match linked {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(error).on("making", &path);
            }
            Ok(()) | Err(_) => {}
        }
        Self::read(dir)?.ok_or_else(|| Error::Damaged {
            path,
            reason: "it vanished while it was made".into(),
        })
    }

    /// Puts a new identity in the place of the old one.
    pub(crate) fn replace(dir: &Path) -> Result<Self> {
        Self::random().put(dir)
    }

    /// Keeps identity and secret, and has Google types call the install by this name from now on.
    pub(crate) fn know_as(dir: &Path, name: &str) -> Result<()> {
        let mut install = Self::read_or_make(dir)?;
        if install.known_as.as_deref() != Some(name) {
            install.known_as = Some(name.to_owned());
            install.put(dir)?;
        }
        Ok(())
    }

    fn put(self, dir: &Path) -> Result<Self> {
        let unready = self.write_beside(dir)?;
        let path = dir.join(FILE);
        fs::rename(&unready, &path).on("replacing", &path)?;
        Ok(self)
    }

    /// Whether this is what the host says it is.
    pub(crate) fn is(&self, identity: &Identity) -> bool {
        let secret = identity.secret.as_ref();
        let known_as = identity.known_as.as_ref();
        self.install == identity.install
            && secret.is_none_or(|secret| *secret == self.secret)
            && known_as.is_none_or(|name| self.known_as.as_ref() == Some(name))
    }

    /// Puts the host's identity in the place of what there is. Call with the state folder locked.
    pub(crate) fn follow(dir: &Path, identity: &Identity) -> Result<()> {
        let refused = |field, reason: &str| {
            Err(Error::Setting {
                field,
                reason: reason.to_owned(),
            })
        };
        let mut install = Self::read(dir)?.unwrap_or_else(Self::random);
        if install.install != identity.install {
            install.install = identity.install;
            install.known_as = None;
        }
        if let Some(secret) = &identity.secret {
            install.secret.clone_from(secret);
        }
        if identity.known_as.is_some() {
            install.known_as.clone_from(&identity.known_as);
        }
        if install.key().is_none() {
            return refused("secret", "of an identity: must be 64 hexadecimal digits");
        }
        let known_as = install.known_as.as_deref();
        if known_as.is_some_and(|name| InstallId::parse(name).is_none()) {
            return refused("known_as", "is no install id");
        }
        install.put(dir).map(drop)
    }

    fn random() -> Self {
        // Three random UUIDs hold 366 random bits; hashing spreads them over the 256 of the secret.
        let mut hasher = blake3::Hasher::new();
        for _ in 0..3 {
            hasher.update(uuid::Uuid::new_v4().as_bytes());
        }
        Self {
            install: uuid::Uuid::new_v4(),
            secret: hasher.finalize().to_hex().to_string(),
            known_as: None,
        }
    }

    fn write_beside(&self, dir: &Path) -> Result<std::path::PathBuf> {
        let unready = dir.join(format!(".install-{}", self.install.simple()));
        let text = serde_json::to_string_pretty(self).map_err(|error| Error::Damaged {
            path: unready.clone(),
            reason: error.to_string(),
        })?;
        let mut options = crate::ring::private_options();
        let file = options.create_new(true).open(&unready);
        let written = file.and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
        written.on("writing", &unready)?;
        Ok(unready)
    }

    fn key(&self) -> Option<[u8; 32]> {
        let mut key = [0; 32];
        let digits = self.secret.as_bytes();
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).ok()?;
            *byte = u8::from_str_radix(pair, 16).ok()?;
        }
        Some(key)
    }

    /// Derives 32 bytes for one purpose; nothing about the secret can be told from them.
    fn derive(&self, purpose: &str, audience: &str) -> [u8; 32] {
        let key = self.key().unwrap_or_default();
        let mut hasher = blake3::Hasher::new_keyed(&key);
        hasher.update(purpose.as_bytes());
        hasher.update(&[0]);
        hasher.update(self.install.as_bytes());
        hasher.update(audience.as_bytes());
        *hasher.finalize().as_bytes()
    }

    /// What proves to a native destination that it is this install that asks to be forgotten.
    pub(crate) fn proof(&self, token: &Token) -> [u8; 32] {
        self.derive("headcount pseudonym proof 1", &token.audience)
    }

    /// The name this install goes by at a destination.
    #[must_use]
    pub fn name_at(&self, token: &Token) -> String {
        match token.kind {
            TokenKind::Ga4 | TokenKind::Universal => match &self.known_as {
                Some(name) => name.clone(),
                None => self.install.to_string(),
            },
            TokenKind::Headcount => pseudonym(&self.proof(token)).to_string(),
        }
    }

    /// The minute of the UTC day at which this install reports: random, but the same after a restart.
    #[must_use]
    pub fn daily_minute(&self) -> i64 {
        let bytes = self.derive("headcount daily minute 1", "");
        i64::from(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) % 1440)
    }
}

/// The pseudonym that a proof opens: whoever knows the proof is the install of that name.
#[must_use]
pub fn pseudonym(proof: &[u8; 32]) -> uuid::Uuid {
    let hash = blake3::hash(proof);
    let mut id = [0; 16];
    id.copy_from_slice(&hash.as_bytes()[..16]);
    uuid::Builder::from_custom_bytes(id).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Feeds, NewToken, Settings};

    fn tokens() -> Settings {
        let mut settings = Settings::default();
        for (kind, endpoint, token) in [
            (TokenKind::Headcount, "https://a.example", "hc_1"),
            (TokenKind::Headcount, "https://a.example", "hc_2"),
            (TokenKind::Headcount, "https://b.example", "hc_1"),
            (TokenKind::Universal, "https://b.example", "UA-1-1"),
        ] {
            let new = NewToken {
                name: "n".into(),
                kind,
                endpoint: endpoint.into(),
                token: token.into(),
                secret: None,
                feeds: Feeds::ALL,
            };
            settings.add(new).unwrap();
        }
        settings
    }

    #[test]
    fn an_id_is_made_once_however_many_ask() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Install::read(dir.path()).unwrap().is_none());
        let asked: Vec<_> = std::thread::scope(|scope| {
            let ask = || Install::read_or_make(dir.path()).unwrap().install;
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(asked.iter().all(|id| *id == asked[0]), "{asked:?}");
        assert_eq!(asked[0].get_version_num(), 4);
        let files = fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(files, 1, "no half-made file stays");
    }

    #[test]
    fn each_native_destination_knows_another_name() {
        let dir = tempfile::tempdir().unwrap();
        let install = Install::read_or_make(dir.path()).unwrap();
        let tokens = tokens().tokens;
        let names: Vec<_> = tokens.iter().map(|token| install.name_at(token)).collect();
        let plain = install.install.to_string();
        assert_eq!(names[3], plain);
        let mut native = names[..3].to_vec();
        native.push(plain);
        native.sort();
        native.dedup();
        assert_eq!(native.len(), 4, "all differ");
        assert_eq!(pseudonym(&install.proof(&tokens[0])).to_string(), names[0]);
    }

    #[test]
    fn google_types_go_on_with_the_name_they_know() {
        let dir = tempfile::tempdir().unwrap();
        let before = Install::read_or_make(dir.path()).unwrap();
        Install::know_as(dir.path(), "d09f994513004f73a7f26409dbb44a14").unwrap();
        let install = Install::read(dir.path()).unwrap().unwrap();
        let tokens = tokens().tokens;
        assert_eq!(
            install.name_at(&tokens[3]),
            "d09f994513004f73a7f26409dbb44a14"
        );
        assert_eq!(install.name_at(&tokens[0]), before.name_at(&tokens[0]));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_new_identity_shares_nothing_with_the_old() {
        let dir = tempfile::tempdir().unwrap();
        Install::know_as(dir.path(), "d09f994513004f73a7f26409dbb44a14").unwrap();
        let old = Install::read(dir.path()).unwrap().unwrap();
        let new = Install::replace(dir.path()).unwrap();
        assert_eq!(
            Install::read(dir.path()).unwrap().unwrap().install,
            new.install
        );
        for token in &tokens().tokens {
            assert_ne!(old.name_at(token), new.name_at(token));
        }
    }

    #[test]
    fn a_damaged_file_is_reported_and_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), "{").unwrap();
        let error = Install::read_or_make(dir.path()).unwrap_err();
        assert!(
            error.to_string().contains("install.json is damaged"),
            "{error}"
        );
    }
}
