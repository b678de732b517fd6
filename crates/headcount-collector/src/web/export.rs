//! `GET /api/v1/projects/{project}/export`: all raw events of a project as a stream.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use http_body::Frame;
use serde::Deserialize;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::Web;
use super::viewer::{ApiRefusal, Exporter};
use crate::error::Error;
use crate::query::DayRange;
use crate::store::Day;
use crate::transfer::{Export, Format, day_of};

/// Pieces that wait for the reader: some hundred KiB.
const PIECES_AHEAD: usize = 2;

/// A reader that takes nothing for so long is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// What can be asked; unknown names are no error, as in every address.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    format: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

/// Streams the events of a range of days, all by default.
pub(super) async fn export(
    Exporter(reader): Exporter,
    State(web): State<Web>,
    Query(asked): Query<Asked>,
) -> Response {
    let Some((format, range)) = understand(&asked) else {
        return ApiRefusal::BAD_EXPORT.into_response();
    };
    let Ok(place) = web.exports().try_acquire_owned() else {
        return ApiRefusal::BUSY.into_response();
    };
    let store = web.collector().store.clone();
    let (pieces, stream) = mpsc::channel(PIECES_AHEAD);
    let runtime = Handle::current();
    tokio::task::spawn_blocking(move || {
        let send = |piece| {
            let sent = tokio::time::timeout(PATIENCE, pieces.send(piece));
            matches!(runtime.block_on(sent), Ok(Ok(())))
        };
        let produced = Export::new(&store, reader.project, format, range).and_then(|mut export| {
            while let Some(piece) = export.next_piece()? {
                if !send(Ok(Bytes::from(piece))) {
                    break;
                }
            }
            Ok(())
        });
        if let Err(error) = produced {
            tracing::error!(%error, "an export failed");
            // The answer ends early, which its reader can tell.
            send(Err(error));
        }
        drop(place);
    });
    let file = format!(
        "attachment; filename=\"{}.{}\"",
        reader.slug,
        format.ending()
    );
    let headers = [
        (CONTENT_TYPE, format.content_type().to_owned()),
        (CONTENT_DISPOSITION, file),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, Body::new(Pieces(stream))).into_response()
}

fn understand(asked: &Asked) -> Option<(Format, DayRange)> {
    let format = Format::of_word(asked.format.as_deref().unwrap_or("ndjson"))?;
    let day = |text: &Option<String>, otherwise| match text {
        Some(text) => day_of(text),
        None => Some(Day(otherwise)),
    };
    let range = DayRange {
        from: day(&asked.from, i32::MIN)?,
        to: day(&asked.to, i32::MAX)?,
    };
    Some((format, range))
}

/// The pieces as a body of unknown length.
struct Pieces(mpsc::Receiver<Result<Bytes, Error>>);

impl http_body::Body for Pieces {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let piece = self.0.poll_recv(context);
        piece.map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}
