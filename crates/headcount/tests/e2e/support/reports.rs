//! Reads the reports API of a running server.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;

use serde_json::Value;

use super::http;
use super::process;

/// A project's reports at one server.
pub(crate) struct Reports {
    pub(crate) project: String,
    token: String,
}

impl Reports {
    /// Makes a report token on the data folder.
    pub(crate) fn of(data: &Path, project: &str) -> Self {
        let made = process::json(data, &["token", "create", "--project", project]);
        Self {
            project: project.to_owned(),
            token: made["token"].as_str().unwrap().to_owned(),
        }
    }

    /// The answer of one report, with its status.
    pub(crate) fn ask(&self, address: SocketAddr, report: &str, query: &str) -> http::Response {
        let target = format!("/api/v1/projects/{}/reports/{report}?{query}", self.project);
        let bearer = format!("Bearer {}", self.token);
        http::get(address, &target, &[("Authorization", &bearer)])
    }

    /// The rows of a report, each a map from column to value.
    pub(crate) fn rows(&self, address: SocketAddr, report: &str, query: &str) -> Vec<Row> {
        let response = self.ask(address, report, query);
        assert_eq!(response.status, 200, "{report}: {}", response.text());
        let answer = response.json();
        let columns: Vec<&str> = list(&answer["columns"])
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let row = |cells: &Value| {
            let cells = list(cells).iter().cloned();
            Row(columns
                .iter()
                .map(|column| (*column).to_owned())
                .zip(cells)
                .collect())
        };
        list(&answer["rows"]).iter().map(row).collect()
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row(BTreeMap<String, Value>);

impl Row {
    pub(crate) fn text(&self, column: &str) -> String {
        match self.cell(column) {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        }
    }

    pub(crate) fn count(&self, column: &str) -> u64 {
        let cell = self.cell(column);
        let whole = cell.as_u64().or_else(|| {
            let number = cell.as_f64().filter(|number| number.fract() == 0.0)?;
            Some(number as u64)
        });
        whole.unwrap_or_else(|| panic!("{column} is {cell} in {self:?}"))
    }

    pub(crate) fn number(&self, column: &str) -> Option<f64> {
        self.cell(column).as_f64()
    }

    fn cell(&self, column: &str) -> &Value {
        self.0
            .get(column)
            .unwrap_or_else(|| panic!("no column {column} in {self:?}"))
    }
}
