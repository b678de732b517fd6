//! Where people reach the collector: noted by the server, used by commands that print links.

use rusqlite::OptionalExtension;

use super::{Meta, MetaError};

impl Meta {
    /// Notes the address under which people reach the running server.
    ///
    /// # Errors
    /// When the database fails.
    pub fn note_address(&self, url: &str) -> Result<(), MetaError> {
        self.db().execute(
            "INSERT INTO address (id, url)
             VALUES (1, ?1)
             ON CONFLICT (id) DO UPDATE
             SET url = excluded.url",
            [url.trim_end_matches('/')],
        )?;
        Ok(())
    }

    /// The address the server noted last, without a slash at its end.
    ///
    /// # Errors
    /// When the database fails.
    pub fn address(&self) -> Result<Option<String>, MetaError> {
        Ok(self
            .db()
            .query_row(
                "SELECT url
                 FROM address",
                [],
                |row| row.get(0),
            )
            .optional()?)
    }
}

/// The page of a one-time link.
pub fn link_page(base: &str, token: &str) -> String {
    format!("{}/login/link/{token}", base.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::tests::temporary;

    #[test]
    fn the_last_noted_address_is_kept() {
        let (_dir, meta) = temporary();
        assert_eq!(meta.address().unwrap(), None);
        for url in ["http://127.0.0.1:8787", "https://stats.example/"] {
            meta.note_address(url).unwrap();
        }
        let kept = meta.address().unwrap().unwrap();
        assert_eq!(link_page(&kept, "x"), "https://stats.example/login/link/x");
    }
}
