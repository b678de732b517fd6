//! What a manager decides about apps that authors ask for. The list stands on the page of members.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;

use super::{Change, Section};
use crate::meta::claims::Decision;
use crate::web::error::PageError;
use crate::web::login::Nothing;
use crate::web::{Web, now};

type ClaimPath = Result<Path<(String, i64)>, PathRejection>;

/// `POST /projects/{project}/settings/claims/{id}/grant`.
pub(in crate::web) async fn grant(
    State(web): State<Web>,
    id: ClaimPath,
    change: Change<Nothing>,
) -> Result<Response, PageError> {
    decide(&web, id, change, (Decision::Grant, "granted")).await
}

/// `POST /projects/{project}/settings/claims/{id}/refuse`.
pub(in crate::web) async fn refuse(
    State(web): State<Web>,
    id: ClaimPath,
    change: Change<Nothing>,
) -> Result<Response, PageError> {
    decide(&web, id, change, (Decision::Refuse, "refused")).await
}

async fn decide(
    web: &Web,
    id: ClaimPath,
    Change { manager, .. }: Change<Nothing>,
    (decision, done): (Decision, &str),
) -> Result<Response, PageError> {
    let Path((_, id)) = id.map_err(|_| PageError::NotFound)?;
    let (number, by) = (manager.number(), manager.user().clone());
    web.meta(move |meta| meta.decide_claim((number, id), decision, &by, now()))
        .await?;
    Ok(manager.back(Section::Members, done))
}
