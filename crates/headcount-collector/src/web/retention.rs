//! The retention page: cohorts, survival, time to upgrade, and who stays behind.

pub(crate) mod data;
pub(crate) mod panels;

use askama::Template;
use axum::extract::{RawQuery, State as Extract};
use axum::response::Response;

use super::asked::Asked;
use super::desk::Desk;
use super::error::{PageError, redirect};
use super::overview::data_until;
use super::overview::state::State;
use super::overview::tools::Tools;
use super::shell::{Shell, Tab, page};
use super::viewer::Viewer;
use super::{Web, blocking};
use crate::chart::number;
use crate::reports::calendar;

use data::Data;
use panels::{BehindPanel, Heat, LagPanel, Stat};

/// `GET /projects/{project}/retention`.
pub(super) async fn show(
    viewer: Viewer,
    Extract(web): Extract<Web>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let state = State::parse(query.as_deref().unwrap_or_default())?;
    let slug = viewer.project.slug.clone();
    let own = Tab::Retention.href(&slug);
    if state.added {
        return Ok(redirect(&format!("{own}{}", state.link())));
    }
    let desk = Desk::new(web.collector(), viewer.project.number, &slug);
    let shell = viewer.shell("Retention", Tab::Retention)?;
    let found = blocking(move || Asked::gather(&desk, state, data::gather)).await?;
    Ok(match found {
        Some(found) => page(&RetentionPage::new(shell, &slug, *found)),
        None => redirect(&Tab::Overview.href(&slug)),
    })
}

#[derive(Template)]
#[template(path = "retention.html")]
struct RetentionPage {
    shell: Shell,
    tools: Tools,
    stats: Vec<Stat>,
    heat: Heat,
    survival: String,
    upgrade: String,
    lag: LagPanel,
    behind: BehindPanel,
}

impl RetentionPage {
    fn new(shell: Shell, slug: &str, found: Asked<Data>) -> Self {
        let Asked {
            state,
            span,
            data,
            offers,
        } = found;
        let mut tools = Tools::new("Retention", &state, span, offers);
        // Lives are looked at as a whole: there are no ranges to choose.
        tools.ranges.clear();
        tools.compares.clear();
        tools.matches = format!(
            "{} first seen since {}",
            number::counted(data.installs, "install"),
            calendar::long(data.range.from)
        );
        Self {
            shell: shell.data_until(data_until(span.last, span.today)),
            tools,
            stats: panels::stats(&data),
            heat: panels::heat(&state, slug, &data),
            survival: panels::survival(&state, slug, &data),
            upgrade: panels::upgrade(&state, slug, &data),
            lag: panels::lag(&state, slug, &data),
            behind: panels::behind(&state, slug, &data),
        }
    }
}
