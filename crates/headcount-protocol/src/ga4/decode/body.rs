//! Maps an event's name and parameters to what happened, as Alliance Auth means it.

use super::params::Params;
use super::plain;
use crate::event::{AppStat, EventBody, Page, Task};
use crate::native::{MAX_USER_AGENT_BYTES, MAX_WORD_BYTES};
use crate::notes::{NoteCode, Notes, Refusal};
use crate::{text, vocabulary};

pub(super) fn of(
    name: &str,
    params: &Params<'_, '_>,
    notes: &mut Notes,
) -> Result<EventBody, Refusal> {
    let named = params.namespace.is_some() || params.task.is_some();
    match name {
        "page_view" => page(params),
        "screen_view" => screen(params),
        "exception" | "app_exception" if !named => Ok(exception(params)),
        _ => Ok(event(name, params, notes)),
    }
}

fn page(params: &Params<'_, '_>) -> Result<EventBody, Refusal> {
    let location = params
        .page_location
        .as_deref()
        .or(params.page_path.as_deref());
    let path = text::path_of(location.unwrap_or_default());
    if path.is_empty() {
        return Err(Refusal::missing("page_location"));
    }
    let path = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    };
    Ok(EventBody::Page(Page {
        path: text::collapse(&path),
        ..view(params)
    }))
}

fn screen(params: &Params<'_, '_>) -> Result<EventBody, Refusal> {
    let name = plain(params.screen_name.as_ref());
    if name.is_empty() {
        return page(params).map_err(|_| Refusal::missing("screen_name"));
    }
    Ok(EventBody::Page(Page {
        path: name,
        ..view(params)
    }))
}

fn view(params: &Params<'_, '_>) -> Page {
    let user_agent = plain(params.user_agent.as_ref());
    Page {
        path: String::new(),
        title: plain(params.page_title.as_ref()),
        locale: params
            .language
            .as_deref()
            .and_then(text::locale)
            .unwrap_or_default(),
        user_agent: text::cut(&user_agent, MAX_USER_AGENT_BYTES).to_owned(),
    }
}

fn exception(params: &Params<'_, '_>) -> EventBody {
    let result = plain(params.description.as_ref());
    EventBody::Task(Task {
        namespace: vocabulary::GA4_NAMESPACE.to_owned(),
        task: "exception".to_owned(),
        result: if result.is_empty() {
            "Exception".to_owned()
        } else {
            result
        },
        label: String::new(),
        value: params.value,
        count: 1,
    })
}

fn event(name: &str, params: &Params<'_, '_>, notes: &mut Notes) -> EventBody {
    let namespace = plain(params.namespace.as_ref());
    let task = plain(params.task.as_ref());
    let label = plain(params.label.as_ref());
    let result = plain(params.result.as_ref());
    match vocabulary::part_of_stats(&namespace, &task, &label, params.value) {
        Some(Ok(stats)) => return EventBody::Stats(stats),
        Some(Err(stats)) => {
            notes.add(NoteCode::Missing, "value", "a statistic without its number");
            return EventBody::Stats(stats);
        }
        None => {}
    }
    let name = text::cut(name, MAX_WORD_BYTES);
    let is_stat =
        result.is_empty() && !namespace.is_empty() && namespace != vocabulary::STATS_NAMESPACE;
    let task = if task.is_empty() {
        name.to_owned()
    } else {
        task
    };
    match params.value {
        Some(value) if is_stat => {
            return EventBody::Stat(AppStat {
                namespace,
                task,
                label,
                value,
            });
        }
        None if is_stat => {
            notes.add(
                NoteCode::Missing,
                "value",
                "no number, counted as a task event",
            );
        }
        _ => {}
    }
    let own = !namespace.is_empty();
    EventBody::Task(Task {
        namespace: if own {
            namespace
        } else {
            vocabulary::GA4_NAMESPACE.to_owned()
        },
        task,
        result,
        label,
        value: params.value,
        count: params.count.unwrap_or(1),
    })
}
