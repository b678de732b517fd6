//! `headcount agent`: delivery, the daily report and the operator's pages as a local service, open to local programs
//! at `POST /record`. Serves this machine only.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Request, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use clap::Args;
use headcount_client::{ADMIN_PATH, Admin, Caps, Door, Http, Pace, Recorded, Sender, State, Stats};
use headcount_protocol::{InstallId, native};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::output::Output;

/// A native batch of 1,000 events is about 300 kB.
const MAX_BODY_BYTES: usize = 2 << 20;
/// How often it is looked whether anything may leave or is due.
const ROUND_PAUSE: Duration = Duration::from_secs(2);
/// Longest wait for one answer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

#[derive(Args, Debug)]
pub(crate) struct AgentArgs {
    /// The state folder: identity, settings, spool and ledger of one install.
    #[arg(long, value_name = "DIR")]
    state: PathBuf,
    /// Loopback address and port to listen on; port 0 takes a free one.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8788")]
    listen: SocketAddr,
    /// Seconds that events are collected before they leave together.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    interval_seconds: u64,
}

pub(crate) fn run(args: AgentArgs, output: Output) -> anyhow::Result<()> {
    if !args.listen.ip().is_loopback() {
        bail!(
            "{} is not a loopback address; the agent serves this machine only",
            args.listen
        );
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("starting the runtime")?;
    runtime.block_on(serve(args, output))
}

async fn serve(args: AgentArgs, output: Output) -> anyhow::Result<()> {
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("listening on {}", args.listen))?;
    let address = listener
        .local_addr()
        .context("asking for the own address")?;
    let url = format!("http://{address}");
    let state = State::at(args.state);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let interval = Duration::from_secs(args.interval_seconds);
    let delivery = tokio::spawn(deliver(state.clone(), interval, stopped));
    let door = Door::new();
    tell(&url, &door, output)?;
    let signals = until_told()?;
    axum::serve(listener, router(state, door))
        .with_graceful_shutdown(signals)
        .await?;
    // The receiver ends only with this program; a failed send means it has ended already.
    let _ = stop.send(true);
    delivery.await?;
    Ok(())
}

/// Prints where the agent is, and how the operator gets in.
fn tell(url: &str, door: &Door, output: Output) -> anyhow::Result<()> {
    let link = door.link().unwrap_or_default();
    let (link, token) = (format!("{url}{link}"), door.token());
    let text = format!(
        "listening on {url}\nthe operator's pages: {url}{ADMIN_PATH}\n\
         sign in once with {link}\nor with the token {token}"
    );
    let told = json!({ "listening": url, "sign_in": link, "token": token });
    output.result(&told, text)
}

fn until_told() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("listening for SIGINT")?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Delivery and daily report, round by round, until told to stop; then one last round.
async fn deliver(
    state: State,
    interval: Duration,
    mut stopped: tokio::sync::watch::Receiver<bool>,
) {
    loop {
        let last = *stopped.borrow();
        let state = state.clone();
        match tokio::task::spawn_blocking(move || round(&state, interval)).await {
            Ok(Ok(troubles)) => troubles
                .iter()
                .for_each(|trouble| tracing::debug!("{trouble}")),
            Ok(Err(error)) => tracing::warn!("delivery: {error:#}"),
            Err(error) => tracing::error!("delivery broke off: {error}"),
        }
        if last {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(ROUND_PAUSE) => {}
            _ = stopped.changed() => {}
        }
    }
}

fn round(state: &State, interval: Duration) -> anyhow::Result<Vec<String>> {
    let doctor = state.doctor(None)?;
    let forgets = doctor
        .status
        .as_ref()
        .is_some_and(|status| status.forgets_waiting > 0);
    // While everything is off nothing is opened and nothing is made, not even an empty spool.
    if !doctor.sending && !forgets {
        return Ok(Vec::new());
    }
    let caps = Caps::default();
    state.adopt_orphans(&caps)?;
    state.record_daily(&caps, &|| Some(Stats::default()))?;
    let http = Arc::new(Http::new(REQUEST_TIMEOUT, None));
    let round = Sender::open(state, http, interval, caps)?.run_once(Pace::Due)?;
    Ok(round.troubles)
}

fn router(state: State, door: Door) -> Router {
    let pages = Admin::new(state.clone()).door(door).router();
    Router::new()
        .route("/", get(|| async { Redirect::to(ADMIN_PATH) }))
        .route("/record", post(record))
        .route("/healthz", get(|| async { "ok\n" }))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(state)
        .merge(pages)
        .layer(from_fn(refuse_other_names))
}

/// Answers only to names that always mean this machine: a page elsewhere may have its own name lead here.
async fn refuse_other_names(request: Request, next: Next) -> Response {
    let host = request.headers().get("host");
    let host = host
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    if is_this_machine(host) {
        return next.run(request).await;
    }
    let told = "the agent answers to localhost and loopback addresses only\n";
    (StatusCode::MISDIRECTED_REQUEST, told).into_response()
}

/// Any port: a forwarded one has another number here than there.
fn is_this_machine(host: &str) -> bool {
    if let Ok(address) = host.parse::<SocketAddr>() {
        return address.ip().is_loopback();
    }
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = bare.parse::<IpAddr>() {
        return address.is_loopback();
    }
    let (name, port) = host.rsplit_once(':').unwrap_or((host, "0"));
    name.eq_ignore_ascii_case("localhost") && port.parse::<u16>().is_ok()
}

/// Takes a native batch body without install and app.
async fn record(Shared(state): Shared<State>, headers: HeaderMap, body: Bytes) -> Response {
    // A page in a browser can reach loopback too, but only without a preflight: never as JSON. Browsers also
    // say where a request comes from; local programs do not.
    let is_json = headers
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/json"));
    let is_browser = headers.contains_key("origin") || headers.contains_key("sec-fetch-site");
    if !is_json || is_browser {
        let told = json!({ "error": "send application/json, and not from a browser" });
        return answer(StatusCode::UNSUPPORTED_MEDIA_TYPE, &told);
    }
    match tokio::task::spawn_blocking(move || take(&state, &body)).await {
        Ok(response) => response,
        Err(error) => failed(&error.to_string()),
    }
}

fn take(state: &State, body: &[u8]) -> Response {
    let Some(local) = InstallId::parse("local") else {
        return failed("no install id");
    };
    let decoded = match native::decode_record(body, local) {
        Ok(decoded) => decoded,
        Err(error) => {
            let told = json!({ "error": error.to_string(), "field": error.field() });
            return answer(StatusCode::BAD_REQUEST, &told);
        }
    };
    let answers = match state.record(&decoded.batch.events, &Caps::default()) {
        Ok(answers) => answers,
        Err(error) => return failed(&error.to_string()),
    };
    let count =
        |wanted: fn(&Recorded) -> bool| answers.iter().filter(|answer| wanted(answer)).count();
    let rejected: Vec<_> = decoded
        .rejected
        .iter()
        .map(|one| {
            json!({
                "index": one.index,
                "field": one.field,
                "code": one.code.as_str(),
                "message": one.message,
            })
        })
        .collect();
    let told = json!({
        "recorded": count(|answer| *answer == Recorded::Held),
        "off": count(|answer| *answer == Recorded::Off),
        "lost": count(|answer| matches!(answer, Recorded::Lost(_))),
        "rejected": rejected,
    });
    answer(StatusCode::OK, &told)
}

fn failed(reason: &str) -> Response {
    let told = json!({ "error": reason });
    answer(StatusCode::INTERNAL_SERVER_ERROR, &told)
}

fn answer(status: StatusCode, told: &serde_json::Value) -> Response {
    let headers = [("content-type", "application/json")];
    (status, headers, told.to_string()).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_always_mean_this_machine_are_answered() {
        for (host, answered) in [
            ("127.0.0.1:8788", true),
            ("127.0.0.1", true),
            ("127.8.0.1:1", true),
            ("[::1]:8788", true),
            ("[::1]", true),
            ("localhost:8788", true),
            ("LOCALHOST", true),
            ("evil.example:8788", false),
            ("localhost.evil.example", false),
            ("localhost:evil", false),
            ("10.0.0.1:8788", false),
            ("127.0.0.1.evil.example:8788", false),
            ("", false),
        ] {
            assert_eq!(is_this_machine(host), answered, "{host}");
        }
    }
}
