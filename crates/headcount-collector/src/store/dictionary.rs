//! The dictionary in memory: every text of the store by symbol and back. Grows only after a commit.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use rusqlite::Connection;
use rustc_hash::FxHashMap;

use super::Sym;
use crate::error::Error;

pub(super) struct Dictionary {
    texts: RwLock<Texts>,
}

struct Texts {
    by_sym: Vec<Arc<str>>,
    by_text: FxHashMap<Arc<str>, Sym>,
}

impl Texts {
    fn put(&mut self, sym: Sym, text: Arc<str>) {
        let index = sym.0 as usize;
        if self.by_sym.len() <= index {
            self.by_sym.resize(index + 1, Arc::from(""));
        }
        self.by_sym[index] = Arc::clone(&text);
        self.by_text.insert(text, sym);
    }
}

impl Dictionary {
    pub(super) fn load(connection: &Connection) -> Result<Self, Error> {
        let dictionary = Self {
            texts: RwLock::new(Texts {
                by_sym: Vec::new(),
                by_text: FxHashMap::default(),
            }),
        };
        dictionary.catch_up(connection)?;
        Ok(dictionary)
    }

    /// Takes in what was committed beyond what is known: by another process, or just now by this one's writer.
    pub(super) fn catch_up(&self, connection: &Connection) -> Result<(), Error> {
        let reading = "reading the dictionary";
        let mut statement = connection
            .prepare_cached("SELECT sym, text FROM texts WHERE sym >= ?1 ORDER BY sym")
            .map_err(Error::at(reading))?;
        let mut rows = statement
            .query([self.next().0])
            .map_err(Error::at(reading))?;
        let mut committed: Vec<(Arc<str>, Sym)> = Vec::new();
        while let Some(row) = rows.next().map_err(Error::at(reading))? {
            let sym = row.get(0).map_err(Error::at(reading))?;
            let text = row.get_ref(1).map_err(Error::at(reading))?;
            let text = text
                .as_str()
                .map_err(|error| Error::Damaged(error.to_string()))?;
            committed.push((Arc::from(text), Sym(sym)));
        }
        self.publish(committed);
        Ok(())
    }

    fn read(&self) -> RwLockReadGuard<'_, Texts> {
        self.texts.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn text(&self, sym: Sym) -> Arc<str> {
        let texts = self.read();
        match texts.by_sym.get(sym.0 as usize) {
            Some(text) => Arc::clone(text),
            None => Arc::from(""),
        }
    }

    pub(super) fn sym(&self, text: &str) -> Option<Sym> {
        self.read().by_text.get(text).copied()
    }

    /// The same text as an entry of the dictionary shares it.
    pub(super) fn entry(&self, text: &str) -> Option<(Arc<str>, Sym)> {
        let texts = self.read();
        let (text, sym) = texts.by_text.get_key_value(text)?;
        Some((Arc::clone(text), *sym))
    }

    /// The symbol the next new text gets.
    pub(super) fn next(&self) -> Sym {
        Sym(u32::try_from(self.read().by_sym.len()).unwrap_or(u32::MAX))
    }

    /// Takes in texts that are committed.
    pub(super) fn publish(&self, committed: impl IntoIterator<Item = (Arc<str>, Sym)>) {
        let mut texts = self.texts.write().unwrap_or_else(PoisonError::into_inner);
        for (text, sym) in committed {
            texts.put(sym, text);
        }
    }
}
