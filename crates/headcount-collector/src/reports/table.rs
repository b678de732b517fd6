//! What every report hands back: named columns, rows of cells, and the base they were counted from.

use serde_json::{Value, json};

use super::{Earlier, calendar};
use crate::store::Day;

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing to tell, for example a median without values.
    Null,
    /// A text as it was reported.
    Text(String),
    /// A whole number.
    Count(u64),
    /// A share, median or sum.
    Number(f64),
    /// A day in UTC.
    Day(Day),
    /// A moment, Unix milliseconds.
    Moment(i64),
}

impl Cell {
    /// A number or nothing.
    pub fn maybe(number: Option<f64>) -> Self {
        number.map_or(Self::Null, Self::Number)
    }

    /// The day of a cell that is one.
    pub(crate) fn day(&self) -> Option<Day> {
        match self {
            Self::Day(day) => Some(*day),
            Self::Null | Self::Text(_) | Self::Count(_) | Self::Number(_) | Self::Moment(_) => None,
        }
    }

    /// The cell as plain text, as in CSV: a point for decimals, ISO days, nothing for nothing.
    pub fn plain(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Text(text) => text.clone(),
            Self::Count(count) => count.to_string(),
            Self::Number(number) => rounded(*number).to_string(),
            Self::Day(day) => calendar::iso(*day),
            Self::Moment(ms) => calendar::iso_moment(*ms),
        }
    }

    pub(crate) fn json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Text(text) => json!(text),
            Self::Count(count) => json!(count),
            Self::Number(number) => json!(rounded(*number)),
            Self::Day(_) | Self::Moment(_) => json!(self.plain()),
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// Six decimals: more is noise of the arithmetic, never information.
fn rounded(number: f64) -> f64 {
    const SCALE: f64 = 1e6;
    if number.abs() < 1e9 {
        (number * SCALE).round() / SCALE
    } else {
        number
    }
}

/// One report's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Name of the report.
    pub report: &'static str,
    /// Slug of the project.
    pub project: String,
    /// First day counted.
    pub from: Day,
    /// Last day counted.
    pub to: Day,
    /// When the question was answered, Unix milliseconds.
    pub as_of_ms: i64,
    /// Distinct installs active in the range that match the filter.
    pub base_installs: u64,
    /// The earlier time that the columns named `previous_...` tell of; `None` without them.
    pub earlier: Option<Earlier>,
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Rows, each as wide as `columns`.
    pub rows: Vec<Vec<Cell>>,
    /// Rows there were before `limit` cut them.
    pub rows_total: usize,
}

impl Table {
    /// The same without what tells of earlier days.
    pub(crate) fn alone(mut self) -> Self {
        let kept: Vec<bool> = self.columns.iter().map(|c| !is_of_before(c)).collect();
        for row in &mut self.rows {
            let mut at = kept.iter();
            row.retain(|_| at.next() == Some(&true));
        }
        self.columns.retain(|column| !is_of_before(column));
        self.earlier = None;
        self
    }

    /// The answer of the API as JSON.
    pub fn json(&self) -> Value {
        let rows = self
            .rows
            .iter()
            .map(|row| row.iter().map(Cell::json).collect::<Vec<_>>());
        let mut answer = json!({
            "report": self.report,
            "project": self.project,
            "from": calendar::iso(self.from),
            "to": calendar::iso(self.to),
            "as_of": calendar::iso_moment(self.as_of_ms),
            "base": {"installs": self.base_installs},
            "columns": self.columns,
            "rows": rows.collect::<Vec<_>>(),
            "rows_total": self.rows_total,
        });
        if let Some(earlier) = &self.earlier {
            answer["previous"] = json!({
                "from": calendar::iso(earlier.range.from),
                "to": calendar::iso(earlier.range.to),
                "base": {"installs": earlier.base_installs},
                "left_out": earlier.left_out,
            });
        }
        answer
    }

    /// The answer of the API as CSV with a header line (RFC 4180, lines end in CRLF).
    pub fn csv(&self) -> String {
        let mut out = self.columns.join(",");
        out.push_str("\r\n");
        for row in &self.rows {
            out.push_str(&csv_line(row));
        }
        out
    }
}

fn is_of_before(column: &str) -> bool {
    column.starts_with("previous")
}

/// A row as a line of CSV, with its end.
pub(crate) fn csv_line(row: &[Cell]) -> String {
    let cells: Vec<String> = row.iter().map(csv_cell).collect();
    cells.join(",") + "\r\n"
}

/// Quotes where needed. Texts come from the field, so one that a spreadsheet would run as a formula
/// gets an apostrophe in front.
fn csv_cell(cell: &Cell) -> String {
    let mut text = cell.plain();
    if let Cell::Text(_) = cell {
        let shown = text.trim_start_matches([' ', '\u{feff}', '\u{a0}']);
        if shown.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']) {
            text.insert(0, '\'');
        }
    }
    if text.contains(['"', ',', '\r', '\n']) || text.trim() != text {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        Table {
            report: "apps",
            project: "demo".to_owned(),
            from: Day(0),
            to: Day(1),
            as_of_ms: 1_500,
            base_installs: 2,
            earlier: None,
            columns: ["app", "installs", "share", "previous_share"]
                .map(str::to_owned)
                .into(),
            rows: vec![vec![
                "a,b".into(),
                Cell::Count(1),
                Cell::Number(0.1 + 0.2),
                Cell::Null,
            ]],
            rows_total: 1,
        }
    }

    #[test]
    fn csv_cells_are_quoted_and_defused() {
        for (text, expected) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            (" padded", "\" padded\""),
            ("=1+1", "'=1+1"),
            (" =1+1", "' =1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("-2", "'-2"),
            ("\tx", "'\tx"),
            ("＝1", "'＝1"),
            ("", ""),
        ] {
            assert_eq!(csv_cell(&text.into()), expected, "{text:?}");
        }
        assert_eq!(csv_cell(&Cell::Number(-2.5)), "-2.5");
        assert_eq!(csv_cell(&Cell::Day(Day(0))), "1970-01-01");
        assert_eq!(csv_cell(&Cell::Null), "");
    }

    #[test]
    fn a_table_alone_tells_nothing_of_the_days_before() {
        assert_eq!(
            table().alone().csv(),
            "app,installs,share\r\n\"a,b\",1,0.3\r\n"
        );
    }

    #[test]
    fn a_table_as_csv_and_json() {
        assert_eq!(
            table().csv(),
            "app,installs,share,previous_share\r\n\"a,b\",1,0.3,\r\n"
        );
        assert_eq!(
            table().json(),
            json!({
                "report": "apps", "project": "demo", "from": "1970-01-01", "to": "1970-01-02",
                "as_of": "1970-01-01T00:00:01.500Z", "base": {"installs": 2},
                "columns": ["app", "installs", "share", "previous_share"],
                "rows": [["a,b", 1, 0.3, null]], "rows_total": 1,
            })
        );
    }
}
