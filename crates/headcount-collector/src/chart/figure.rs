//! What stands around a chart: title, what is counted, key, read-out and the table of its data. Pure.

use std::fmt::Write as _;

use super::escape;
use super::small::icon;

/// One chart with everything that belongs to it.
pub(crate) struct Figure {
    pub(crate) title: String,
    /// One line that says what is counted.
    pub(crate) about: String,
    /// HTML of the key, may be empty.
    pub(crate) key: String,
    /// HTML at the end of the title line, such as a link; may be empty.
    pub(crate) end: String,
    /// HTML of one or more plots.
    pub(crate) plot: String,
    pub(crate) table: DataTable,
}

/// The numbers of a chart, in the order of its points.
pub(crate) struct DataTable {
    pub(crate) caption: String,
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Vec<String>>,
}

impl Figure {
    /// The figure as HTML.
    pub(crate) fn html(&self) -> String {
        let key = if self.key.is_empty() {
            String::new()
        } else {
            format!(r#"<p class="key">{}</p>"#, self.key)
        };
        format!(
            r#"<figure class="fig"><figcaption class="hd"><h2>{}</h2>{key}{}<div class="swap"><p>{}</p><output class="read"></output></div></figcaption>{}{}</figure>"#,
            escape(&self.title),
            self.end,
            escape(&self.about),
            self.plot,
            self.table.html()
        )
    }
}

impl DataTable {
    fn html(&self) -> String {
        let mut out = format!(
            r#"<details class="data"><summary>{}Data table</summary><div class="tw" tabindex="0" role="region" aria-label="{}"><table><thead><tr>"#,
            icon("tbl"),
            escape(&self.caption)
        );
        for head in &self.head {
            let _ = write!(out, "<th scope=col>{}", escape(head));
        }
        out.push_str("<tbody>");
        for row in &self.rows {
            for (k, cell) in row.iter().enumerate() {
                let open = if k == 0 { "<tr><th scope=row>" } else { "<td>" };
                let _ = write!(out, "{open}{}", escape(cell));
            }
        }
        out.push_str("</table></div></details>");
        out
    }
}

/// A square of a fill class with a word, for a key.
pub(crate) fn square(class: &str, word: &str) -> String {
    format!(
        r#"<span><svg class="sq" aria-hidden="true"><rect class="{class}" width="10" height="10"/></svg>{}</span>"#,
        escape(word)
    )
}

/// A piece of line with a word, for a key.
pub(crate) fn stroke(class: &str, word: &str) -> String {
    format!(
        r#"<span><svg aria-hidden="true" viewBox="0 0 20 10"><path class="ln{class}" d="M0 5H20"/></svg>{}</span>"#,
        escape(word)
    )
}
