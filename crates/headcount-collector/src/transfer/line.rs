//! One event as a line: what stands in it, how it becomes a row of CSV, how it is read back.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::store::{Row, RowBody, Store, Sym, Wire};

/// An event with its texts. Fields that its kind does not have, or that were not told, are left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Line {
    pub(super) install: String,
    /// UUID, where the event came with one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    /// Place in the order of arrival at the collector it was taken from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seq: Option<i64>,
    /// RFC 3339, to the millisecond; so is the next.
    pub(super) at: String,
    pub(super) received_at: String,
    /// `v1`, `ga4` or `native`.
    pub(super) wire: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) version: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) deployment: String,
    /// JSON object of other facts, as text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) runtime: String,
    /// `stats`, `task`, `stat` or `page`.
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) namespace: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) task: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) result: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) label: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) count: Option<u32>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) path: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) title: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) locale: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) browser: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) os: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) users: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) addons: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) apps: Vec<App>,
}

/// An installed app; the version is empty where it was not told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct App {
    pub(super) name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) version: String,
}

/// First line of CSV.
pub(super) const COLUMNS: &str = "install,id,seq,at,received_at,wire,version,deployment,runtime,type,\
    namespace,task,result,label,value,count,path,title,locale,browser,os,users,tokens,addons,apps\r\n";

/// Words of the wires.
pub(super) const WIRES: [(Wire, &str); 3] = [
    (Wire::Universal, "v1"),
    (Wire::Ga4, "ga4"),
    (Wire::Native, "native"),
];

impl Line {
    /// A row under the name of its install.
    pub(super) fn of(row: &Row, install: &str, store: &Store) -> Self {
        let text = |sym: Sym| store.text(sym).to_string();
        let wire = WIRES.iter().find(|(wire, _)| *wire == row.wire);
        let mut line = Self {
            install: install.to_owned(),
            id: row
                .event_id
                .map(|id| uuid::Uuid::from_bytes(id).to_string()),
            seq: Some(row.seq),
            at: moment(row.at_ms),
            received_at: moment(row.received_ms),
            wire: wire.map_or_else(String::new, |(_, word)| (*word).to_owned()),
            version: text(row.version),
            deployment: text(row.deployment),
            runtime: text(row.runtime),
            ..Self::default()
        };
        line.tell(&row.body, text);
        line
    }

    fn tell(&mut self, body: &RowBody, text: impl Fn(Sym) -> String) {
        match body {
            RowBody::Stats {
                users,
                tokens,
                addons,
                apps,
            } => {
                "stats".clone_into(&mut self.kind);
                (self.users, self.tokens, self.addons) = (*users, *tokens, *addons);
                let app = |&(name, version): &(Sym, Sym)| App {
                    name: text(name),
                    version: text(version),
                };
                self.apps = apps.iter().map(app).collect();
            }
            RowBody::Task {
                namespace,
                task,
                result,
                label,
                value,
                count,
            } => {
                "task".clone_into(&mut self.kind);
                (self.namespace, self.task) = (text(*namespace), text(*task));
                (self.result, self.label) = (text(*result), text(*label));
                (self.value, self.count) = (*value, Some(*count));
            }
            RowBody::Stat {
                namespace,
                task,
                label,
                value,
            } => {
                "stat".clone_into(&mut self.kind);
                (self.namespace, self.task) = (text(*namespace), text(*task));
                (self.label, self.value) = (text(*label), Some(*value));
            }
            RowBody::Page {
                path,
                title,
                locale,
                browser,
                os,
            } => {
                "page".clone_into(&mut self.kind);
                (self.path, self.title) = (text(*path), text(*title));
                (self.locale, self.browser, self.os) = (text(*locale), text(*browser), text(*os));
            }
        }
    }

    /// Appends the line as JSON.
    pub(super) fn write_json(&self, out: &mut Vec<u8>) {
        // Texts and finite numbers can always be written; others become null.
        let _ = serde_json::to_writer(&mut *out, self);
        out.push(b'\n');
    }

    /// Appends the line as CSV; apps stand as JSON in one cell.
    pub(super) fn write_csv(&self, out: &mut Vec<u8>) {
        let number = |number: Option<u64>| number.map(|number| number.to_string());
        let apps = if self.apps.is_empty() {
            String::new()
        } else {
            serde_json::to_string(&self.apps).unwrap_or_default()
        };
        let texts = [
            Some(self.install.clone()),
            self.id.clone(),
            self.seq.map(|seq| seq.to_string()),
            Some(self.at.clone()),
            Some(self.received_at.clone()),
            Some(self.wire.clone()),
            Some(self.version.clone()),
            Some(self.deployment.clone()),
            Some(self.runtime.clone()),
            Some(self.kind.clone()),
            Some(self.namespace.clone()),
            Some(self.task.clone()),
            Some(self.result.clone()),
            Some(self.label.clone()),
            self.value.map(|value| value.to_string()),
            self.count.map(|count| count.to_string()),
            Some(self.path.clone()),
            Some(self.title.clone()),
            Some(self.locale.clone()),
            Some(self.browser.clone()),
            Some(self.os.clone()),
            number(self.users),
            number(self.tokens),
            number(self.addons),
            Some(apps),
        ];
        for (at, text) in texts.into_iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            write_cell(&text.unwrap_or_default(), out);
        }
        out.extend_from_slice(b"\r\n");
    }
}

fn write_cell(text: &str, out: &mut Vec<u8>) {
    if text.contains(['"', ',', '\r', '\n']) {
        out.push(b'"');
        out.extend_from_slice(text.replace('"', "\"\"").as_bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(text.as_bytes());
    }
}

/// Empty for a moment that no calendar knows.
fn moment(ms: i64) -> String {
    Timestamp::from_millisecond(ms).map_or_else(|_| String::new(), |at| at.to_string())
}
