//! The big switch: off and on by one click.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;

use super::answer::{Done, PageError};
use super::form::Fields;
use super::{ADMIN_PATH, Desk, below};
use crate::spool::Caps;

/// `POST switch/`: `to` is `off` or `on`; `back` is the token whose page it was pressed on.
pub(super) async fn turn(State(desk): State<Desk>, body: Bytes) -> Result<Response, PageError> {
    let fields = Fields::read(&body);
    let off = match fields.get("to") {
        Some("off") => true,
        Some("on") => false,
        _ => return Err(PageError::Trouble("to: must be off or on".to_owned())),
    };
    let back = fields.get("back").and_then(|id| id.parse::<u32>().ok());
    let back = back.map_or_else(
        || ADMIN_PATH.to_owned(),
        |id| below(&format!("{id}/change/")),
    );
    desk.work(move |desk| {
        desk.state.change(|settings| {
            settings.off = off;
            Ok(())
        })?;
        if off {
            // What killed processes left behind goes too: read under the new settings, nobody wants it.
            desk.state.adopt_orphans(&Caps::default())?;
        }
        Ok(())
    })
    .await?;
    Ok(if off { Done::Off } else { Done::On }.at(&back))
}
