//! Published weeks as files: CSV and JSON, with schema and licence.

use serde_json::{Value, json};

use super::Public;
use crate::privacy::{Group, Parts};
use crate::publication::{Figures, Point};
use crate::reports::calendar;
use crate::reports::table::{Cell, csv_line};

/// A file's name without its ending, and what its rows are.
pub(super) const FILES: [(&str, &str); 5] = [
    ("installs", "active installs by week"),
    ("versions", "installs by version and week"),
    ("deployments", "installs by kind of deployment and week"),
    ("sizes", "installs by number of users and week"),
    (
        "apps",
        "installs by app and week; an install may have several apps",
    ),
];

/// Stands for groups that are too small to be shown alone.
const OTHERS: &str = "(others)";
/// Stands for installs that did not tell.
const UNTOLD: &str = "(not told)";

/// Content type and text of a file, `None` for an unknown name.
pub(super) fn file(public: &Public, file: &str) -> Option<(&'static str, String)> {
    let (name, ending) = file.rsplit_once('.')?;
    let (name, about) = FILES.into_iter().find(|(known, _)| *known == name)?;
    let schema = schema(name);
    let rows = rows(public, name);
    match ending {
        "csv" => Some((
            "text/csv; charset=utf-8",
            csv(public, about, &schema, &rows),
        )),
        "json" => Some((
            "application/json",
            json_text(public, (name, about), &schema, &rows),
        )),
        _ => None,
    }
}

/// Columns: name, type, meaning.
type Schema = Vec<(&'static str, &'static str, &'static str)>;

fn schema(name: &'static str) -> Schema {
    let week = (
        "week_ending",
        "date",
        "Sunday, UTC; the week has the 7 days up to it",
    );
    let installs = (
        "installs",
        "integer",
        "installs with an event in the week, rounded to a multiple of k",
    );
    let value = match name {
        "installs" => return vec![week, installs],
        "versions" => (
            "version",
            "text",
            "the last one an install told in the week",
        ),
        "deployments" => (
            "deployment",
            "text",
            "the last one an install told in the week",
        ),
        "sizes" => (
            "users",
            "text",
            "range of users per install, as last told in the week",
        ),
        _ => ("app", "text", "an app the install has"),
    };
    vec![week, value, installs]
}

fn rows(public: &Public, name: &str) -> Vec<Vec<Cell>> {
    let mut rows = Vec::new();
    for week in &public.weeks {
        let day = Cell::Day(week.last_day);
        for (label, installs) in cells(&week.figures, name) {
            let label = label.map(Cell::Text);
            let row = [Some(day.clone()), label, Some(Cell::Count(installs))];
            rows.push(row.into_iter().flatten().collect());
        }
    }
    rows
}

fn cells(figures: &Figures, name: &str) -> Vec<(Option<String>, u64)> {
    let group = |group: &Group| {
        let untold = group.label.is_empty();
        let label = if untold {
            UNTOLD.to_owned()
        } else {
            group.label.clone()
        };
        (Some(label), group.installs)
    };
    let parts = |parts: &Parts| {
        let others = (parts.others > 0).then(|| (Some(OTHERS.to_owned()), parts.others));
        parts.groups.iter().map(group).chain(others).collect()
    };
    match name {
        "installs" => vec![(None, figures.installs)],
        "versions" => parts(&figures.versions),
        "deployments" => parts(&figures.deployments),
        "sizes" => parts(&figures.sizes),
        _ => figures.apps.iter().map(group).collect(),
    }
}

/// Published weeks whose numbers are known to be wrong.
fn gaps(public: &Public) -> Vec<String> {
    let wrong = |point: &&Point| point.gap.is_some() && point.installs.is_some();
    let weeks = public.line.iter().filter(wrong);
    weeks.map(|point| calendar::iso(point.last_day)).collect()
}

fn newest(public: &Public) -> Option<String> {
    public.latest().map(|week| calendar::iso(week.last_day))
}

fn csv(public: &Public, about: &str, schema: &Schema, rows: &[Vec<Cell>]) -> String {
    let mut out = String::new();
    let mut note = |text: String| out.push_str(&format!("# {text}\r\n"));
    note(format!(
        "{}: {about}, up to {}",
        public.name,
        newest(public).unwrap_or_default()
    ));
    note(format!("licence: {}", public.publishing.licence));
    for (name, kind, meaning) in schema {
        note(format!("{name} ({kind}): {meaning}"));
    }
    note(format!("k: {}", public.publishing.k));
    let gaps = gaps(public);
    if !gaps.is_empty() {
        note(format!("weeks that are no measure: {}", gaps.join(", ")));
    }
    let names: Vec<&str> = schema.iter().map(|column| column.0).collect();
    out.push_str(&names.join(","));
    out.push_str("\r\n");
    for row in rows {
        out.push_str(&csv_line(row));
    }
    out
}

fn json_text(
    public: &Public,
    (name, about): (&str, &str),
    schema: &Schema,
    rows: &[Vec<Cell>],
) -> String {
    let column = |(name, kind, meaning): &(&str, &str, &str)| json!({ "name": name, "type": kind, "description": meaning });
    let rows: Vec<Vec<Value>> = rows
        .iter()
        .map(|row| row.iter().map(Cell::json).collect())
        .collect();
    json!({
        "project": public.slug,
        "data": name,
        "about": about,
        "licence": public.publishing.licence,
        "k": public.publishing.k,
        "up_to": newest(public),
        "gaps": gaps(public),
        "schema": schema.iter().map(column).collect::<Vec<_>>(),
        "rows": rows,
    })
    .to_string()
}
