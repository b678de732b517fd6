//! The live page: hits per minute, and the latest hits with what was stored of them or why not.
//!
//! It refreshes itself with the header `Refresh`, so without a script, while no row is open: a row is
//! then a link to the same page with this row open and the refresh off, where rows are `<details>`.

pub(crate) mod hits;

use askama::Template;
use axum::extract::{RawQuery, State as Extract};
use axum::response::Response;

use super::desk::Desk;
use super::error::PageError;
use super::overview::findings::HOUR_MS;
use super::overview::refresh;
use super::shell::{Shell, Tab, page};
use super::viewer::Viewer;
use super::{Web, blocking};
use crate::chart::bars::Minutes;
use crate::chart::number;
use crate::reports::rejections::{self, Reason};
use crate::reports::{ReportError, params, share};
use crate::store::{Hit, Minute};

use hits::{Line, Show};

const REFRESH_SECONDS: &str = "5";
/// Hits looked at: all that are remembered, so that filters find what they can.
const HITS: usize = 1_000;
const MINUTES: usize = 60;
const MINUTE_MS: i64 = 60_000;

/// What the reader chose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) show: Show,
    /// Whether the page refreshes itself.
    pub(crate) running: bool,
    /// The row that is open.
    pub(crate) open: Option<String>,
}

impl State {
    /// Reads a query string; unknown names are passed over.
    ///
    /// # Errors
    /// Names the parameter with a value that cannot be.
    pub(crate) fn parse(query: &str) -> Result<Self, ReportError> {
        let mut state = Self {
            show: Show::All,
            running: true,
            open: None,
        };
        for (name, value) in params::pairs(query)? {
            match name.as_str() {
                "show" => {
                    let found = Show::ALL.into_iter().find(|show| show.word() == value);
                    state.show = found
                        .ok_or_else(|| params::bad("show", "is none of all, accepted, rejected"))?;
                }
                "refresh" => state.running = value != "off",
                "open" if !value.is_empty() => state.open = Some(value),
                _ => {}
            }
        }
        state.running &= state.open.is_none();
        Ok(state)
    }

    fn link(&self, show: Show, running: bool) -> String {
        let refresh = if running { "" } else { "&refresh=off" };
        format!("?show={}{refresh}", show.word())
    }
}

/// `GET /projects/{project}/live`.
pub(super) async fn show(
    viewer: Viewer,
    Extract(web): Extract<Web>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let state = State::parse(query.as_deref().unwrap_or_default())?;
    let desk = Desk::new(web.collector(), viewer.project.number, &viewer.project.slug);
    let shell = viewer
        .shell("Live", Tab::Live)?
        .data_until("now".to_owned());
    let api = format!(
        "/api/v1/projects/{}/reports/live?limit={HITS}",
        viewer.project.slug
    );
    let running = state.running;
    let found = blocking(move || -> Result<_, ReportError> {
        let minutes = desk.minutes()?;
        Ok((desk.hits(HITS)?, minutes, desk.now_ms))
    });
    let (found, minutes, now_ms) = found.await?;
    let mut response = page(&LivePage::new(
        shell,
        &state,
        &found,
        (&minutes, now_ms),
        api,
    ));
    if running {
        refresh(&mut response, REFRESH_SECONDS);
    }
    Ok(response)
}

#[derive(Template)]
#[template(path = "live.html")]
struct LivePage {
    shell: Shell,
    tabs: Vec<ShowTab>,
    running: bool,
    /// Pauses or goes on.
    switch: String,
    /// HTML of the chart.
    chart: String,
    rejected: String,
    reasons: Vec<Reason>,
    lines: Vec<Line>,
    /// The open row that was asked for and is gone.
    lost: bool,
    api: String,
}

struct ShowTab {
    label: &'static str,
    href: String,
    current: bool,
    /// Hits of the last hour, only told of rejected ones.
    count: Option<String>,
}

impl LivePage {
    fn new(
        shell: Shell,
        state: &State,
        found: &[Hit],
        (minutes, now_ms): (&[Minute], i64),
        api: String,
    ) -> Self {
        let accepted: u64 = minutes.iter().map(|minute| minute.accepted).sum();
        let refused: u64 = minutes.iter().map(|minute| minute.refused).sum();
        let tab = |show: Show| ShowTab {
            label: show.label(),
            href: state.link(show, state.running),
            current: show == state.show,
            count: (show == Show::Rejected && refused > 0).then(|| number::count(refused)),
        };
        let lines = hits::lines(found, state);
        Self {
            shell,
            tabs: Show::ALL.map(tab).into(),
            running: state.running,
            switch: state.link(state.show, !state.running),
            chart: chart(minutes, now_ms).html(),
            rejected: format!(
                "{} of {} ({})",
                number::count(refused),
                number::counted(accepted + refused, "hit"),
                number::percent(share(refused, accepted + refused))
            ),
            reasons: rejections::reasons(found, now_ms - HOUR_MS),
            lost: state.open.is_some() && lines.iter().all(|line| !line.open),
            lines,
            api,
        }
    }
}

/// The last 60 minutes, those without hits included.
fn chart(minutes: &[Minute], now_ms: i64) -> Minutes {
    let newest = now_ms.div_euclid(MINUTE_MS);
    let mut out = Minutes {
        accepted: vec![0; MINUTES],
        refused: vec![0; MINUTES],
    };
    for minute in minutes {
        let ago = usize::try_from(newest - minute.start_ms.div_euclid(MINUTE_MS)).unwrap_or(0);
        if let Some(place) = (MINUTES - 1).checked_sub(ago) {
            out.accepted[place] += minute.accepted;
            out.refused[place] += minute.refused;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_row_stops_the_refresh() {
        for (query, show, running, open) in [
            ("", Show::All, true, None),
            ("show=rejected", Show::Rejected, true, None),
            ("show=accepted&refresh=off", Show::Accepted, false, None),
            ("open=12.0", Show::All, false, Some("12.0")),
            ("open=&utm=x", Show::All, true, None),
        ] {
            let state = State::parse(query).expect(query);
            assert_eq!(
                (state.show, state.running, state.open.as_deref()),
                (show, running, open)
            );
        }
        assert!(State::parse("show=some").is_err());
    }

    #[test]
    fn minutes_fall_into_their_place() {
        let now_ms = 100 * MINUTE_MS + 30_000;
        let minute = |ago: i64, accepted, refused| Minute {
            start_ms: (100 - ago) * MINUTE_MS,
            accepted,
            refused,
        };
        let chart = chart(
            &[
                minute(70, 9, 9),
                minute(59, 1, 0),
                minute(1, 2, 3),
                minute(0, 4, 0),
            ],
            now_ms,
        );
        assert_eq!(
            (chart.accepted[0], chart.accepted[58], chart.accepted[59]),
            (1, 2, 4)
        );
        assert_eq!(chart.refused.iter().sum::<u64>(), 3);
        assert_eq!(chart.accepted.len(), MINUTES);
    }
}
