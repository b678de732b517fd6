//! The panel of pages: the most viewed paths, each once whatever its titles. Pure.

use rustc_hash::FxHashMap;

use crate::chart::number;
use crate::chart::small::bar;
use crate::query::{AnswerRow, Dimension};
use crate::reports::count;

use super::data::Views;
use super::panels::{only, part};
use super::state::State;
use super::words;

const TABLE_ROWS: usize = 10;

/// A row of the table of pages.
pub(crate) struct PageRow {
    pub(crate) path: String,
    pub(crate) title: String,
    pub(crate) href: String,
    pub(crate) views: String,
    pub(crate) share: String,
    /// HTML.
    pub(crate) bar: String,
}

/// The table of pages.
pub(crate) struct PagePanel {
    pub(crate) rows: Vec<PageRow>,
    pub(crate) about: String,
    pub(crate) all: String,
    pub(crate) href: String,
}

/// The panel.
pub(crate) fn panel(state: &State, views: &Views) -> PagePanel {
    let paths = by_path(&views.rows);
    let most = paths.first().map_or(1.0, |page| page.amount);
    let row = |page: &Page<'_>| PageRow {
        href: state.filtered(only(Dimension::Path, page.path)),
        path: words::name(page.path),
        title: page.title.to_owned(),
        views: number::count(count(page.amount)),
        share: number::percent(part(page.amount, views.views)),
        bar: bar(part(page.amount, most), "f4"),
    };
    PagePanel {
        rows: paths.iter().take(TABLE_ROWS).map(row).collect(),
        about: format!(
            "{} from {}",
            number::counted(count(views.views), "view"),
            number::counted(views.installs, "install")
        ),
        all: format!("All {}", number::counted(paths.len() as u64, "page")),
        href: state.showing("pages"),
    }
}

/// A path with the title that most of its views had: pages have one title a language.
struct Page<'a> {
    path: &'a str,
    title: &'a str,
    amount: f64,
}

/// Rows by path and title, the most viewed first, summed by path.
fn by_path(rows: &[AnswerRow]) -> Vec<Page<'_>> {
    let mut places: FxHashMap<&str, usize> = FxHashMap::default();
    let mut pages: Vec<Page<'_>> = Vec::new();
    for row in rows {
        let path = row.key[0].as_str();
        let place = *places.entry(path).or_insert(pages.len());
        match pages.get_mut(place) {
            Some(page) => page.amount += row.amount,
            None => pages.push(Page {
                path,
                title: &row.key[1],
                amount: row.amount,
            }),
        }
    }
    pages.sort_by(|a, b| {
        b.amount
            .total_cmp(&a.amount)
            .then_with(|| a.path.cmp(b.path))
    });
    pages
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Day;

    #[test]
    fn a_page_has_one_row_whatever_its_titles() {
        let row = |path: &str, title: &str, amount| AnswerRow {
            key: vec![path.to_owned(), title.to_owned()],
            amount,
            bucket: Day(0),
            installs: 1,
            failures: 0,
            median: None,
            p90: None,
        };
        let rows = [
            row("/a/", "Groups", 9.0),
            row("/b/", "Dashboard", 8.0),
            row("/b/", "\u{dc}bersicht", 3.0),
        ];
        let pages = by_path(&rows);
        let told: Vec<_> = pages.iter().map(|p| (p.path, p.title, p.amount)).collect();
        assert_eq!(told, [("/b/", "Dashboard", 11.0), ("/a/", "Groups", 9.0)]);
    }
}
