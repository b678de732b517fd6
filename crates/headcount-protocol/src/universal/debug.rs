//! The answer of the v1 validation endpoint: one result for each payload, in the documented texts.

use std::borrow::Cow;
use std::net::Ipv4Addr;

use super::parameters::{self, HitType, PARAMETERS};
use super::values::{self, Fault};
use super::{lines, payload};
use crate::answer::{self, Answer, Fields};
use crate::text;

/// Above four hours a late hit may not be processed by Google.
const MAX_QUEUE_MS: i64 = 14_400_000;

/// The JSON answer to a request at `path` (`/debug/collect`). Nothing of it is to be stored.
#[must_use]
pub fn debug(path: &str, query: Option<&str>, body: &[u8]) -> String {
    let lines = lines(query, body);
    let posted = !body.trim_ascii().is_empty();
    let results: Vec<Fields> = lines
        .iter()
        .map(|line| {
            let messages = match &line.refused {
                Some(refusal) => vec![Message {
                    kind: "ERROR",
                    description: format!("The request is over its limits: {}.", refusal.message),
                    code: Some("VALUE_OUT_OF_BOUNDS"),
                    parameter: None,
                }],
                None => messages(&line.payload),
            };
            let valid = messages.iter().all(|message| message.kind != "ERROR");
            vec![
                ("valid", Answer::Bool(valid)),
                (
                    "parserMessage",
                    Answer::List(messages.into_iter().map(fields).collect()),
                ),
                ("hit", Answer::Text(hit(path, &line.payload, posted))),
            ]
        })
        .collect();
    let (count, noun) = (
        results.len(),
        if results.len() == 1 { "hit" } else { "hits" },
    );
    let found = Message {
        kind: "INFO",
        description: format!("Found {count} {noun} in the request."),
        code: None,
        parameter: None,
    };
    answer::print(&vec![
        ("hitParsingResult", Answer::List(results)),
        ("parserMessage", Answer::List(vec![fields(found)])),
    ])
}

/// Path and payload; a posted payload is shown decoded, a query string as it came.
fn hit(path: &str, payload: &[u8], posted: bool) -> String {
    let text = if posted {
        text::form_decode(payload)
    } else {
        String::from_utf8_lossy(payload)
    };
    format!("{path}?{text}")
}

struct Message {
    kind: &'static str,
    description: String,
    code: Option<&'static str>,
    parameter: Option<String>,
}

fn fields(message: Message) -> Fields {
    let mut fields = vec![
        ("messageType", Answer::Text(message.kind.to_owned())),
        ("description", Answer::Text(message.description)),
    ];
    if let Some(code) = message.code {
        fields.push(("messageCode", Answer::Text(code.to_owned())));
    }
    if let Some(parameter) = message.parameter {
        fields.push(("parameter", Answer::Text(parameter)));
    }
    fields
}

fn about(kind: &'static str, code: &'static str, parameter: &str) -> Message {
    let sentence = match code {
        "VALUE_REQUIRED" => format!("A value is required for parameter '{parameter}'."),
        "VALUE_OUT_OF_BOUNDS" => {
            format!("The value provided for parameter '{parameter}' is out of bounds.")
        }
        "DEFAULT_VALUE_USED" => {
            format!("A default value was used for the parameter '{parameter}'.")
        }
        _ => format!("The value provided for parameter '{parameter}' is invalid."),
    };
    Message {
        kind,
        description: format!("{sentence} Please see http://goo.gl/a8d4RP#{parameter} for details."),
        code: Some(code),
        parameter: Some(parameter.to_owned()),
    }
}

/// The parameters of a payload; of one that comes twice only the last.
struct Given<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Given<'a> {
    fn read(payload: &'a [u8]) -> Self {
        let mut given: Vec<(Cow<'a, str>, Cow<'a, str>)> = Vec::new();
        for pair in payload::pairs(payload) {
            let Some(value) = pair.value else { continue };
            match given.iter_mut().find(|(name, _)| *name == pair.name) {
                Some(known) => known.1 = value,
                None => given.push((pair.name, value)),
            }
        }
        Self(given)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.trim())
    }

    fn lacks(&self, name: &str) -> bool {
        self.get(name).is_none_or(str::is_empty)
    }
}

fn messages(payload: &[u8]) -> Vec<Message> {
    let given = Given::read(payload);
    let mut messages = Vec::new();
    if let Some(address) = given.get("uip").and_then(|ip| ip.parse::<Ipv4Addr>().ok()) {
        let [a, b, c, _] = address.octets();
        messages.push(Message {
            kind: "INFO",
            description: format!("IP Address from this hit was anonymized to {a}.{b}.{c}.0."),
            code: Some("VALUE_MODIFIED"),
            parameter: None,
        });
    }
    let hit = given.get("t").and_then(HitType::parse);
    require(&given, hit, &mut messages);
    for (name, value) in &given.0 {
        let Some(row) = parameters::find(name) else {
            continue;
        };
        if value.trim().is_empty() {
            continue;
        }
        let fault = match (row.pattern, value.trim()) {
            ("v", "1") => None,
            ("v", _) => Some(Fault::Invalid),
            ("tid", id) => (!is_tracking_id(id)).then_some(Fault::Invalid),
            ("t", _) => hit.is_none().then_some(Fault::Invalid),
            ("qt", number) if values::lenient_integer(number) > Some(MAX_QUEUE_MS) => {
                Some(Fault::OutOfBounds)
            }
            _ => values::check(row, value).err(),
        };
        messages.extend(fault.map(|fault| match fault {
            Fault::Invalid | Fault::Word => about("ERROR", "VALUE_INVALID", name),
            Fault::OutOfBounds => about("ERROR", "VALUE_OUT_OF_BOUNDS", name),
            // The live endpoint cuts such a text and counts the hit.
            Fault::Long(_) => about("WARN", "VALUE_OUT_OF_BOUNDS", name),
        }));
    }
    messages
}

fn require(given: &Given<'_>, hit: Option<HitType>, messages: &mut Vec<Message>) {
    const FIRST: [&str; 4] = ["v", "tid", "cid", "t"];
    let rest = PARAMETERS
        .iter()
        .filter(|row| !FIRST.contains(&row.pattern));
    let first = FIRST.iter().filter_map(|name| parameters::find(name));
    for row in first.chain(rest) {
        let always = row.required == parameters::ALL;
        let asked = always || hit.is_some_and(|hit| row.required.has(hit));
        let excused = !row.unless.is_empty() && !given.lacks(row.unless);
        if !asked || excused || !given.lacks(row.pattern) {
            continue;
        }
        if given.get(row.pattern).is_some() {
            messages.push(about("INFO", "DEFAULT_VALUE_USED", row.pattern));
        }
        messages.push(about("ERROR", "VALUE_REQUIRED", row.pattern));
    }
}

/// `UA-`, digits, `-`, digits.
fn is_tracking_id(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.strip_prefix("UA-")
        .and_then(|rest| rest.split_once('-'))
        .is_some_and(|(account, property)| digits(account) && digits(property))
}
