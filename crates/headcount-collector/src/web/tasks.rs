//! The tasks page: all tasks by runs or failures, and one of them in detail.

pub(crate) mod data;
pub(crate) mod detail;
pub(crate) mod list;

use askama::Template;
use axum::extract::{RawQuery, State as Extract};
use axum::response::Response;

use super::asked::Asked;
use super::desk::Desk;
use super::error::{PageError, redirect};
use super::overview::data_until;
use super::overview::flags::Flags;
use super::overview::state::State;
use super::overview::tools::Tools;
use super::shell::{Shell, Tab, page};
use super::viewer::Member;
use super::{Web, blocking};
use crate::chart::number;
use crate::meta::findings::KeptFinding;
use crate::reports::ReportError;

use data::Data;
use detail::Detail;
use list::List;

/// `GET /projects/{project}/tasks`.
pub(super) async fn show(
    Member(viewer): Member,
    Extract(web): Extract<Web>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let state = State::parse(query.as_deref().unwrap_or_default())?;
    let slug = viewer.project.slug.clone();
    if state.added {
        let own = Tab::Tasks.href(&slug);
        return Ok(redirect(&format!("{own}{}", state.link())));
    }
    let desk = Desk::of(web.collector(), &viewer.project);
    let shell = viewer.shell("Tasks", Tab::Tasks)?;
    let work = move || {
        let standing = desk.standing_findings()?;
        Ok::<_, ReportError>((Asked::gather(&desk, state, data::gather)?, standing))
    };
    let (found, standing) = blocking(work).await?;
    Ok(match found {
        Some(found) => page(&TasksPage::new(shell, &slug, (*found, &standing))),
        None => redirect(&Tab::Overview.href(&slug)),
    })
}

#[derive(Template)]
#[template(path = "tasks.html")]
struct TasksPage {
    shell: Shell,
    tools: Tools,
    list: List,
    detail: Option<Detail>,
}

impl TasksPage {
    fn new(shell: Shell, slug: &str, (found, standing): (Asked<Data>, &[KeptFinding])) -> Self {
        let flags = Flags::of(standing, found.data.range);
        let Asked {
            state,
            span,
            data,
            offers,
        } = found;
        let mut tools = Tools::new("Tasks", &state, span, offers);
        let sends = if data.installs == 1 { "sends" } else { "send" };
        tools.matches = format!(
            "{} {sends} task events",
            number::counted(data.installs, "install")
        );
        Self {
            shell: shell.data_until(data_until(data.range.to, span.today)),
            tools: tools.spoilt(data.spoilt.as_deref()),
            list: list::list(&state, slug, (&data, &flags)),
            detail: data
                .detail
                .as_ref()
                .map(|found| detail::detail(&state, slug, (&data, found, &flags))),
        }
    }
}
