//! Saved views: pages of a project with their choices, kept by a user under a name.

use jiff::Timestamp;
use rusqlite::params;

use super::people::UserId;
use super::{Meta, MetaError};
use crate::store::ProjectNumber;

const NAME_CHARACTERS: usize = 60;

/// Views of one user in one project: a menu that is longer helps nobody.
const MOST: u32 = 30;

/// A view in the list of its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedView {
    pub id: i64,
    pub project: ProjectNumber,
    pub name: String,
    /// Path and query string of the page.
    pub address: String,
}

impl Meta {
    /// Keeps a page under a name, in place of an older one of that name.
    ///
    /// # Errors
    /// `Invalid` for an unusable name, or when there are too many.
    pub fn save_view(
        &self,
        user: UserId,
        view: (ProjectNumber, &str, &str),
        now: Timestamp,
    ) -> Result<(), MetaError> {
        let (project, name, address) = view;
        let name = name.trim();
        let long = name.is_empty() || name.chars().count() > NAME_CHARACTERS;
        if long || name.chars().any(char::is_control) {
            return Err(MetaError::Invalid(format!(
                "the name of a view has 1 to {NAME_CHARACTERS} characters on one line"
            )));
        }
        self.write(|tx| {
            tx.execute(
                "INSERT INTO saved_views (user, project, name, address, created_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (user, project, name) DO UPDATE
                 SET address = excluded.address",
                params![user.0, project.0, name, address, now.as_millisecond()],
            )?;
            let kept: u32 = tx.query_row(
                "SELECT count(*)
                 FROM saved_views
                 WHERE user = ?1
                 AND project = ?2",
                params![user.0, project.0],
                |row| row.get(0),
            )?;
            if kept > MOST {
                let text = format!("there are {MOST} views already: remove one first");
                return Err(MetaError::Invalid(text));
            }
            Ok(())
        })
    }

    /// The views of a user in all projects, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub fn views_of(&self, user: UserId) -> Result<Vec<SavedView>, MetaError> {
        let db = self.db();
        let mut statement = db.prepare_cached(
            "SELECT id, project, name, address
             FROM saved_views
             WHERE user = ?1
             ORDER BY name COLLATE NOCASE, id",
        )?;
        let views = statement.query_map([user.0], |row| {
            Ok(SavedView {
                id: row.get(0)?,
                project: ProjectNumber(row.get(1)?),
                name: row.get(2)?,
                address: row.get(3)?,
            })
        })?;
        Ok(views.collect::<Result<_, _>>()?)
    }

    /// Removes a view of a user; of nobody else.
    ///
    /// # Errors
    /// When the database fails.
    pub fn remove_view(&self, user: UserId, id: i64) -> Result<(), MetaError> {
        self.write(|tx| {
            tx.execute(
                "DELETE FROM saved_views
                 WHERE user = ?1
                 AND id = ?2",
                params![user.0, id],
            )?;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meta::people::Role;
    use crate::meta::people::tests::member;
    use crate::meta::tests::{at, project, temporary};

    #[test]
    fn views_are_kept_replaced_and_removed_by_their_user() {
        let (_dir, meta) = temporary();
        let one = project(&meta, "One").number;
        let mara = member(&meta, "mara@a.example", "one", Role::Viewer).id;
        let eve = member(&meta, "eve@a.example", "one", Role::Viewer).id;
        let save = |name: &str, address| meta.save_view(mara, (one, name, address), at(1));
        save(" Docker ", "/projects/one?filter=deployment:docker").unwrap();
        save("Docker", "/projects/one?range=7d").unwrap();
        assert!(save(" ", "/projects/one").is_err());
        let kept = meta.views_of(mara).unwrap();
        assert_eq!(
            (kept.len(), kept[0].address.as_str()),
            (1, "/projects/one?range=7d")
        );
        meta.remove_view(eve, kept[0].id).unwrap();
        assert_eq!(meta.views_of(mara).unwrap(), kept);
        assert!(meta.views_of(eve).unwrap().is_empty());
        meta.remove_view(mara, kept[0].id).unwrap();
        assert!(meta.views_of(mara).unwrap().is_empty());
        for n in 0..MOST {
            save(&n.to_string(), "/projects/one").unwrap();
        }
        assert!(save("more", "/projects/one").is_err());
        assert_eq!(meta.views_of(mara).unwrap().len(), MOST as usize);
    }
}
