//! One event of a native batch: valid as a whole or rejected with the field to blame.

use std::borrow::Cow;

use super::batch::DEPLOYMENT_FORM;
use super::{Item, RawEvent, parse_id, parse_moment};
use crate::event::{
    AppStat, Deployment, Event, EventBody, EventId, InstalledApp, Page, Stats, Task,
};
use crate::json::Json;
use crate::native::{
    MAX_APPS, MAX_COUNT, MAX_NAMESPACE_BYTES, MAX_PATH_BYTES, MAX_TEXT_BYTES, MAX_TITLE_BYTES,
    MAX_USER_AGENT_BYTES, MAX_WORD_BYTES, Rejected,
};
use crate::notes::RefusalCode;
use crate::{text, vocabulary};

/// What is wrong with one event, before its index is known.
struct Fault {
    field: Cow<'static, str>,
    code: RefusalCode,
    message: String,
}

type Part<T> = Result<T, Box<Fault>>;

fn fault(
    field: impl Into<Cow<'static, str>>,
    code: RefusalCode,
    message: impl Into<String>,
) -> Box<Fault> {
    Box::new(Fault {
        field: field.into(),
        code,
        message: message.into(),
    })
}

pub(super) fn missing(index: usize, field: &'static str) -> Box<Rejected> {
    Box::new(Rejected {
        index,
        field: field.to_owned(),
        code: RefusalCode::Missing,
        message: format!("{field} is missing"),
    })
}

pub(super) fn event(index: usize, raw: &RawEvent<'_>) -> Item {
    judged(raw).map_err(|fault| {
        Box::new(Rejected {
            index,
            field: fault.field.into_owned(),
            code: fault.code,
            message: fault.message,
        })
    })
}

fn judged(raw: &RawEvent<'_>) -> Part<Event> {
    if let Some(kind) = raw.wrong {
        return Err(fault(
            "",
            RefusalCode::BadValue,
            format!("an event must be an object, not {kind}"),
        ));
    }
    let kind = required(raw.kind.as_ref(), "type", MAX_WORD_BYTES)?;
    let id = id(raw.id.as_ref())?;
    let at_ms = match present(raw.at.as_ref()) {
        None => None,
        Some(value) => Some(parse_moment(value).ok_or_else(|| {
            fault(
                "at",
                RefusalCode::BadValue,
                "at must be an RFC 3339 time with its offset",
            )
        })?),
    };
    let body = match &*kind {
        "stats" => EventBody::Stats(stats(raw)?),
        "task" => EventBody::Task(task(raw)?),
        "stat" => EventBody::Stat(stat(raw)?),
        "page" => EventBody::Page(page(raw)?),
        _ => {
            return Err(fault(
                "type",
                RefusalCode::UnknownKind,
                "type must be stats, task, stat or page",
            ));
        }
    };
    Ok(Event { id, at_ms, body })
}

fn present<'a, 'j>(value: Option<&'a Json<'j>>) -> Option<&'a Json<'j>> {
    value.filter(|v| !matches!(v, Json::Null))
}

fn id(value: Option<&Json<'_>>) -> Part<Option<EventId>> {
    let Some(value) = present(value) else {
        return Ok(None);
    };
    parse_id(value)
        .map(Some)
        .ok_or_else(|| fault("id", RefusalCode::BadValue, "id must be a UUID"))
}

fn optional(value: Option<&Json<'_>>, field: &'static str, max_bytes: usize) -> Part<String> {
    let Some(value) = present(value) else {
        return Ok(String::new());
    };
    let Json::Text(text) = value else {
        return Err(fault(
            field,
            RefusalCode::BadValue,
            format!("{field} must be text, not {}", value.kind()),
        ));
    };
    let text = text.trim();
    if text.len() > max_bytes {
        return Err(fault(
            field,
            RefusalCode::TooLong,
            format!(
                "{field} has {} bytes, at most {max_bytes} are taken",
                text.len()
            ),
        ));
    }
    if text.contains(char::is_control) {
        return Ok(text::collapse(text));
    }
    Ok(text.to_owned())
}

fn required(value: Option<&Json<'_>>, field: &'static str, max_bytes: usize) -> Part<String> {
    let text = optional(value, field, max_bytes)?;
    if text.is_empty() {
        return Err(fault(
            field,
            RefusalCode::Missing,
            format!("{field} is missing"),
        ));
    }
    Ok(text)
}

/// A number that may also come as a boolean (1 or 0), as tasks that return one have it.
fn number(value: Option<&Json<'_>>) -> Part<Option<f64>> {
    match present(value) {
        None => Ok(None),
        Some(Json::Int(value)) => Ok(Some(*value as f64)),
        Some(Json::Float(value)) => Ok(Some(*value)),
        Some(Json::Bool(value)) => Ok(Some(f64::from(u8::from(*value)))),
        Some(other) => Err(fault(
            "value",
            RefusalCode::BadValue,
            format!("value must be a number, not {}", other.kind()),
        )),
    }
}

fn amount(value: Option<&Json<'_>>, field: &'static str) -> Part<Option<u64>> {
    match present(value) {
        None => Ok(None),
        Some(Json::Int(value)) if *value >= 0 => Ok(Some(value.unsigned_abs())),
        Some(_) => Err(fault(
            field,
            RefusalCode::BadValue,
            format!("{field} must be an integer from 0 on"),
        )),
    }
}

fn stats(raw: &RawEvent<'_>) -> Part<Stats> {
    Ok(Stats {
        users: amount(raw.users.as_ref(), "users")?,
        tokens: amount(raw.tokens.as_ref(), "tokens")?,
        addons: amount(raw.addons.as_ref(), "addons")?,
        deployment: deployment(raw.deployment.as_ref())?,
        apps: apps(raw.apps.as_ref())?,
    })
}

fn deployment(value: Option<&Json<'_>>) -> Part<Option<Deployment>> {
    let word = optional(value, "deployment", MAX_WORD_BYTES)?;
    if word.is_empty() {
        return Ok(None);
    }
    vocabulary::deployment(&word)
        .map(Some)
        .ok_or_else(|| fault("deployment", RefusalCode::BadValue, DEPLOYMENT_FORM))
}

fn apps(value: Option<&Json<'_>>) -> Part<Vec<InstalledApp>> {
    let Some(value) = present(value) else {
        return Ok(Vec::new());
    };
    let Json::List(list) = value else {
        return Err(fault("apps", RefusalCode::BadValue, "apps must be a list"));
    };
    if list.len() > MAX_APPS {
        return Err(fault(
            "apps",
            RefusalCode::TooMany,
            format!("{} apps, at most {MAX_APPS} are taken", list.len()),
        ));
    }
    list.iter()
        .enumerate()
        .map(|(index, app)| installed(index, app))
        .collect()
}

fn installed(index: usize, app: &Json<'_>) -> Part<InstalledApp> {
    let place = |mut fault: Box<Fault>| {
        fault.field = Cow::Owned(format!("apps[{index}].{}", fault.field));
        fault
    };
    if !matches!(app, Json::Object(_)) {
        return Err(fault(
            format!("apps[{index}]"),
            RefusalCode::BadValue,
            format!("an app must be an object, not {}", app.kind()),
        ));
    }
    let name = required(app.get("name"), "name", MAX_NAMESPACE_BYTES).map_err(place)?;
    let version = optional(app.get("version"), "version", MAX_WORD_BYTES).map_err(place)?;
    Ok(InstalledApp {
        name,
        version: (!version.is_empty()).then_some(version),
    })
}

fn task(raw: &RawEvent<'_>) -> Part<Task> {
    let count = match present(raw.count.as_ref()) {
        None => 1,
        Some(Json::Int(count)) if (1..=i64::from(MAX_COUNT)).contains(count) => *count as u32,
        Some(_) => {
            return Err(fault(
                "count",
                RefusalCode::BadValue,
                format!("count must be an integer from 1 to {MAX_COUNT}"),
            ));
        }
    };
    Ok(Task {
        namespace: required(raw.namespace.as_ref(), "namespace", MAX_NAMESPACE_BYTES)?,
        task: required(raw.task.as_ref(), "task", MAX_TEXT_BYTES)?,
        result: optional(raw.result.as_ref(), "result", MAX_TEXT_BYTES)?,
        label: optional(raw.label.as_ref(), "label", MAX_TEXT_BYTES)?,
        value: number(raw.value.as_ref())?,
        count,
    })
}

fn stat(raw: &RawEvent<'_>) -> Part<AppStat> {
    let namespace = required(raw.namespace.as_ref(), "namespace", MAX_NAMESPACE_BYTES)?;
    let task = required(raw.task.as_ref(), "task", MAX_TEXT_BYTES)?;
    let label = optional(raw.label.as_ref(), "label", MAX_TEXT_BYTES)?;
    let value = number(raw.value.as_ref())?
        .ok_or_else(|| fault("value", RefusalCode::Missing, "value is missing"))?;
    Ok(AppStat {
        namespace,
        task,
        label,
        value,
    })
}

fn page(raw: &RawEvent<'_>) -> Part<Page> {
    let path = required(raw.path.as_ref(), "path", MAX_PATH_BYTES)?;
    let locale = optional(raw.locale.as_ref(), "locale", MAX_WORD_BYTES)?;
    let locale = text::locale(&locale).ok_or_else(|| {
        fault(
            "locale",
            RefusalCode::BadValue,
            "locale must be letters, digits and dashes",
        )
    })?;
    Ok(Page {
        path: text::path_of(&path).to_owned(),
        title: text::collapse(&optional(raw.title.as_ref(), "title", MAX_TITLE_BYTES)?),
        locale,
        user_agent: optional(raw.user_agent.as_ref(), "user_agent", MAX_USER_AGENT_BYTES)?,
    })
}
