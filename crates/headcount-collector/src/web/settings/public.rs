//! Whether a project has a public page, how coarse it is, and who may embed it.

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use serde::Deserialize;

use super::{Change, Frame, Manager, Section, answer, mendable};
use crate::meta::publications::Publishing;
use crate::privacy::{LEAST_K, MOST_K};
use crate::web::error::PageError;
use crate::web::login::Nothing;
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

/// `GET /projects/{project}/settings/public/off`.
pub(in crate::web) async fn ask_off(
    manager: Manager,
    State(web): State<Web>,
) -> Result<Response, PageError> {
    let number = manager.number();
    let on = web.meta(move |meta| meta.publishing(number)).await?;
    on.ok_or(PageError::NotFound)?;
    let texts = vec![
            "Its address, data and badges are not found any more; pages that link to them or show them break."
                .to_owned(),
            "The weeks that were published stay, and are shown again when it is switched on again."
                .to_owned(),
        ];
    manager.ask(
        Section::Public,
        "Switch the public page off?",
        texts,
        "Switch off",
    )
}

/// `POST /projects/{project}/settings/public/off`.
pub(in crate::web) async fn switch_off(
    State(web): State<Web>,
    Change { manager, .. }: Change<Nothing>,
) -> Result<Response, PageError> {
    let (number, actor) = (manager.number(), manager.actor());
    web.meta(move |meta| meta.publish(number, None, &actor, now()))
        .await?;
    Ok(manager.back(Section::Public, "public-off"))
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
