//! Whether a project has a public page, how coarse it is, and who may embed it.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use serde::Deserialize;

use super::{Change, Frame, Manager, Section, answer, mendable};
use crate::meta::publications::Publishing;
use crate::privacy::{LEAST_K, MOST_K};
use crate::web::error::PageError;
use crate::web::shell::Shell;
use crate::web::{Web, now};

#[derive(Template)]
#[template(path = "settings_public.html")]
struct PublicSettings {
    shell: Shell,
    frame: Frame,
    at: String,
    slug: String,
    on: bool,
    how: Publishing,
    least: u64,
    most: u64,
}

#[derive(Deserialize)]
pub(in crate::web) struct How {
    /// `off` takes the page away.
    #[serde(default)]
    on: String,
    #[serde(default)]
    k: String,
    #[serde(default)]
    licence: String,
    #[serde(default)]
    embedders: String,
}

/// `GET /projects/{project}/settings/public`.
pub(in crate::web) async fn show(
    manager: Manager,
    State(web): State<Web>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let number = manager.number();
    let now = web.meta(move |meta| meta.publishing(number)).await?;
    let frame = manager.frame(Section::Public).after(query.as_deref());
    settings(&manager, frame, now.is_some(), now.unwrap_or_default())
}

/// `POST /projects/{project}/settings/public`.
pub(in crate::web) async fn change(
    State(web): State<Web>,
    Change { manager, form }: Change<How>,
) -> Result<Response, PageError> {
    let (number, actor) = (manager.number(), manager.actor());
    if form.on == "off" {
        let off = web.meta(move |meta| meta.publish(number, None, &actor, now()));
        off.await?;
        return Ok(manager.back(Section::Public, "public-off"));
    }
    let how = Publishing {
        k: form.k.trim().parse().unwrap_or(0),
        licence: form.licence,
        embedders: form
            .embedders
            .split_whitespace()
            .map(str::to_owned)
            .collect(),
    };
    let wanted = how.clone();
    let made = web.meta(move |meta| mendable(meta.publish(number, Some(&wanted), &actor, now())));
    match made.await? {
        Ok(()) => Ok(manager.back(Section::Public, "public")),
        Err(problem) => {
            let mut frame = manager.frame(Section::Public);
            frame.problem = Some(problem);
            settings(&manager, frame, false, how)
        }
    }
}

fn settings(
    manager: &Manager,
    frame: Frame,
    on: bool,
    how: Publishing,
) -> Result<Response, PageError> {
    let failed = frame.problem.is_some();
    let page = PublicSettings {
        shell: manager.shell()?,
        frame,
        at: Section::Public.href(manager.slug()),
        slug: manager.slug().to_owned(),
        on,
        how,
        least: LEAST_K,
        most: MOST_K,
    };
    Ok(answer(&page, failed))
}
