//! Who may do what in a project: one table. Pure; knows no sessions and no pages.

pub mod fixed;
pub mod scope;

use crate::meta::people::Role;

/// Something one can do in a project.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Read every report and page of the project.
    ReadEverything,
    /// Read what concerns the namespaces of own apps.
    ReadOwnNamespaces,
    /// Ask for apps to read about.
    AskForApps,
    /// Read single hits as they came.
    ReadHits,
    /// Take raw events out.
    Export,
    /// Change settings, keys and tokens.
    ChangeSettings,
    /// Let people in and out, change their roles.
    ChangeMembers,
    /// Read who changed what.
    ReadAudit,
    /// Erase an install or the project.
    Erase,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 9] = [
        Self::ReadEverything,
        Self::ReadOwnNamespaces,
        Self::AskForApps,
        Self::ReadHits,
        Self::Export,
        Self::ChangeSettings,
        Self::ChangeMembers,
        Self::ReadAudit,
        Self::Erase,
    ];
}

/// Whether a member with that role may do that.
pub fn can(role: Role, action: Action) -> bool {
    match action {
        Action::ReadOwnNamespaces => true,
        // Everybody else reads about all apps already.
        Action::AskForApps => role == Role::Author,
        Action::ReadEverything | Action::ReadHits => match role {
            Role::Manager | Role::Viewer => true,
            Role::Author => false,
        },
        Action::Export
        | Action::ChangeSettings
        | Action::ChangeMembers
        | Action::ReadAudit
        | Action::Erase => match role {
            Role::Manager => true,
            Role::Viewer | Role::Author => false,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_as_agreed() {
        // Columns: manager, viewer, author.
        let table = [
            (Action::ReadEverything, [true, true, false]),
            (Action::ReadOwnNamespaces, [true, true, true]),
            (Action::AskForApps, [false, false, true]),
            (Action::ReadHits, [true, true, false]),
            (Action::Export, [true, false, false]),
            (Action::ChangeSettings, [true, false, false]),
            (Action::ChangeMembers, [true, false, false]),
            (Action::ReadAudit, [true, false, false]),
            (Action::Erase, [true, false, false]),
        ];
        assert_eq!(table.map(|(action, _)| action), Action::ALL);
        for (action, allowed) in table {
            let found = Role::ALL.map(|role| can(role, action));
            assert_eq!(found, allowed, "{action:?}");
        }
    }
}
