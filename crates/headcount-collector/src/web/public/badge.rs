//! Badges for READMEs: a figure of the latest published week, with the installs it is of.

use super::Public;
use crate::chart::badge::svg;
use crate::chart::number;
use crate::reports::{calendar, share};

/// The badge of a file name, `None` for one that is unknown or too small to be shown.
pub(super) fn draw(public: &Public, file: &str) -> Option<String> {
    let name = file.strip_suffix(".svg")?;
    let Some(week) = public.latest() else {
        let value = "none yet";
        return (name == "installs")
            .then(|| svg(name, value, "installs: no week was published yet"));
    };
    let installs = week.figures.installs;
    let base = number::count(installs);
    let (label, value) = match name.strip_prefix("app-") {
        Some(app) => {
            let found = week.figures.apps.iter().find(|group| group.label == app)?;
            (
                app.to_owned(),
                format!("{} of {base} installs", number::count(found.installs)),
            )
        }
        None if name == "installs" => ("installs".to_owned(), format!("{base} active")),
        None if name == "version" => {
            let first = week
                .figures
                .versions
                .groups
                .iter()
                .find(|group| !group.label.is_empty())?;
            let part = number::percent_whole(share(first.installs, installs).min(1.0));
            (first.label.clone(), format!("{part} of {base} installs"))
        }
        None => return None,
    };
    let title = format!(
        "{label}: {value}, week up to {}",
        calendar::long(week.last_day)
    );
    Some(svg(&label, &value, &title))
}
