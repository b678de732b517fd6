//! Forgetting this install: a page that says what it means, then the request and a new identity.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::Extension;
use axum::extract::State;
use axum::response::Response;

use super::answer::{Done, Frame, PageError, Visitor, page};
use super::{ADMIN_PATH, Desk};
use crate::delivery::{Pace, Sender};
use crate::settings::TokenKind;
use crate::spool::Caps;
use crate::transport::Http;

/// Longest wait for the answer of one endpoint.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// The visitor is not kept waiting longer than this; the request goes on behind.
const PAGE_PATIENCE: Duration = Duration::from_secs(3);

#[derive(Template)]
#[template(path = "operator/forget.html")]
struct Ask {
    frame: Frame,
    /// Names of the endpoints that are asked.
    native: Vec<String>,
    /// Names of those that know no such request.
    google: Vec<String>,
    exists: bool,
}

/// `GET forget/`.
pub(super) async fn ask(
    State(desk): State<Desk>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Response, PageError> {
    desk.work(move |desk| {
        let tokens = desk.state.settings()?.unwrap_or_default().tokens;
        let names = |native: bool| {
            let of_kind = tokens
                .iter()
                .filter(|token| (token.kind == TokenKind::Headcount) == native);
            of_kind.map(|token| token.name.clone()).collect()
        };
        let ask = Ask {
            frame: Frame::of(desk, &visitor, "Forget this install"),
            native: names(true),
            google: names(false),
            exists: desk.state.install()?.is_some(),
        };
        Ok(page(&ask))
    })
    .await
}

/// `POST forget/`: a new identity at once; the endpoints are asked now, and again until they have answered.
pub(super) async fn forget(State(desk): State<Desk>) -> Result<Response, PageError> {
    let asked = desk.work(|desk| Ok(desk.state.forget()?)).await?;
    if asked == 0 {
        return Ok(Done::Forgotten.at(ADMIN_PATH));
    }
    let sent = desk.work(|desk| {
        let http = Arc::new(Http::new(ANSWER_TIMEOUT, None));
        Sender::open(&desk.state, http, Duration::ZERO, Caps::default())?.run_once(Pace::Now)?;
        Ok(desk.state.spool()?.status(&[])?.forgets_waiting)
    });
    let done = match tokio::time::timeout(PAGE_PATIENCE, sent).await {
        Ok(Ok(0)) => Done::Forgotten,
        // The requests are noted in the spool; whoever delivers next asks again.
        Ok(_) | Err(_) => Done::Asked,
    };
    Ok(done.at(ADMIN_PATH))
}
