//! What captured hits say, read anew from their text: shares no code with the collector.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// One hit in the words of the analytics module.
#[derive(Debug)]
pub(crate) struct Told {
    install: String,
    version: String,
    what: What,
}

#[derive(Debug)]
enum What {
    /// Namespace, task, result, label, value; the first four as sent.
    Event([String; 4], String),
    /// Path, title, locale, user agent.
    Page([String; 4]),
}

#[derive(Debug, Default)]
pub(crate) struct TaskRuns {
    pub(crate) runs: u64,
    pub(crate) exceptions: BTreeMap<String, u64>,
    values: Vec<f64>,
}

impl TaskRuns {
    pub(crate) fn failures(&self) -> u64 {
        self.exceptions.values().sum()
    }

    /// The lower one of two in the middle.
    pub(crate) fn median(&self) -> Option<f64> {
        let mut values = self.values.clone();
        values.sort_by(f64::total_cmp);
        values.get(values.len().saturating_sub(1) / 2).copied()
    }
}

/// What reports must show.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    pub(crate) installs: BTreeSet<String>,
    pub(crate) users: BTreeMap<String, u64>,
    pub(crate) tokens: BTreeMap<String, u64>,
    /// Namespace and task.
    pub(crate) tasks: BTreeMap<(String, String), TaskRuns>,
    /// Path and title to views.
    pub(crate) pages: BTreeMap<(String, String), u64>,
    pub(crate) locales: BTreeMap<String, u64>,
    pub(crate) browsers: BTreeMap<String, u64>,
    last_version: BTreeMap<String, String>,
    last_deployment: BTreeMap<String, String>,
    installed: BTreeSet<(String, String)>,
    last_stats: BTreeMap<(String, [String; 3]), u64>,
}

impl Expected {
    pub(crate) fn add(&mut self, told: &Told) {
        let install = told.install.clone();
        self.installs.insert(install.clone());
        self.last_version
            .insert(install.clone(), told.version.clone());
        match &told.what {
            What::Page([path, title, locale, user_agent]) => {
                let page = (path.clone(), title.trim().to_owned());
                *self.pages.entry(page).or_default() += 1;
                *self.locales.entry(locale.clone()).or_default() += 1;
                *self
                    .browsers
                    .entry(browser(user_agent).to_owned())
                    .or_default() += 1;
            }
            What::Event([namespace, task, result, label], value) => {
                let number = match value.as_str() {
                    "True" => 1.0,
                    "False" => 0.0,
                    digits => digits.parse().unwrap(),
                };
                let own = namespace == "allianceauth.analytics";
                match (own, task.as_str(), label.as_str()) {
                    (true, "send_install_stats", label) => self.statistic(install, label, number),
                    (true, "send_extension_stats", app) => {
                        self.installed.insert((app.to_owned(), install));
                    }
                    (true, other, _) => panic!("unknown statistic {other}"),
                    (false, ..) if result.is_empty() => {
                        let key = [namespace.clone(), task.clone(), label.clone()];
                        self.last_stats.insert((install, key), number as u64);
                    }
                    (false, ..) => {
                        let runs = self
                            .tasks
                            .entry((namespace.clone(), task.clone()))
                            .or_default();
                        runs.runs += 1;
                        runs.values.push(number);
                        if result != "Success" {
                            *runs.exceptions.entry(result.clone()).or_default() += 1;
                        }
                    }
                }
            }
        }
    }

    fn statistic(&mut self, install: String, label: &str, number: f64) {
        match label {
            "users" => drop(self.users.insert(install, number as u64)),
            "tokens" => drop(self.tokens.insert(install, number as u64)),
            "existence_docker" | "existence_baremetal" => {
                let kind = label.trim_start_matches("existence_").to_owned();
                self.last_deployment.insert(install, kind);
            }
            "existence" | "addons" => {}
            other => panic!("unknown statistic {other}"),
        }
    }

    pub(crate) fn versions(&self) -> BTreeMap<String, u64> {
        counted(self.last_version.values())
    }

    pub(crate) fn deployments(&self) -> BTreeMap<String, u64> {
        counted(self.last_deployment.values())
    }

    pub(crate) fn apps(&self) -> BTreeMap<String, u64> {
        counted(self.installed.iter().map(|(app, _)| app))
    }

    /// Namespace, task and label to the sum over installs.
    pub(crate) fn stats(&self) -> BTreeMap<(String, String, String), u64> {
        let mut sums = BTreeMap::new();
        for ((_, [namespace, task, label]), number) in &self.last_stats {
            let key = (namespace.clone(), task.clone(), label.clone());
            *sums.entry(key).or_default() += number;
        }
        sums
    }
}

fn counted<'a>(names: impl Iterator<Item = &'a String>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for name in names {
        *counts.entry(name.clone()).or_default() += 1;
    }
    counts
}

/// Family of the two browsers that the captures were made with.
fn browser(user_agent: &str) -> &'static str {
    match user_agent {
        "ProbeBrowser/1.0 (loopback)" => "ProbeBrowser",
        chrome if chrome.contains("Chrome/") => "Chrome",
        other => panic!("unknown browser {other}"),
    }
}

/// Tracking id and meaning of the body of one v1 hit.
pub(crate) fn universal_hit(body: &str) -> (String, Told) {
    let fields: BTreeMap<String, String> = body
        .split('&')
        .map(|field| field.split_once('=').unwrap())
        .map(|(name, value)| (unescaped(name), unescaped(value)))
        .collect();
    let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
    let what = match field("t").as_str() {
        "pageview" => What::Page(["dp", "dt", "ul", "ua"].map(field)),
        "event" => {
            let own = field("ec") == "allianceauth.analytics";
            let (result, label) = if own { ("", "el") } else { ("el", "") };
            What::Event(
                [field("ec"), field("ea"), field(result), field(label)],
                field("ev"),
            )
        }
        other => panic!("unknown hit type {other}"),
    };
    let told = Told {
        install: field("cid"),
        version: field("av"),
        what,
    };
    (field("tid"), told)
}

/// Meaning of the events of one GA4 body.
pub(crate) fn ga4_hits(body: &str) -> Vec<Told> {
    let body: Value = serde_json::from_str(body).unwrap();
    let events = body["events"].as_array().unwrap();
    let told = events.iter().map(|event| {
        let param = |name: &str| event["params"][name].as_str().unwrap().to_owned();
        Told {
            install: body["client_id"].as_str().unwrap().to_owned(),
            version: body["user_properties"]["allianceauth_version"]["value"]
                .as_str()
                .unwrap()
                .to_owned(),
            what: What::Event(
                ["namespace", "task", "result", "label"].map(param),
                event["params"]["value"].to_string(),
            ),
        }
    });
    told.collect()
}

/// Percent escapes and plus signs undone.
fn unescaped(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut plain = Vec::new();
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    String::from_utf8(plain).unwrap()
}
