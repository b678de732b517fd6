//! The accept loop: one task a connection, each with bounded buffers and bounded patience.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::Response;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt as _;

/// What one collector allows its connections.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections served at once; further ones wait in the kernel's queue until one ends.
    pub connections: usize,
    /// From the first moment of waiting for a request to the end of its head. An idle connection is
    /// closed after this long.
    pub head_timeout: Duration,
    /// Read buffer of one connection: also the longest request head (then 431).
    pub buffer_bytes: usize,
    /// How long accepted requests may take to end once the server was told to stop.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4_096,
            head_timeout: Duration::from_secs(20),
            // The longest head in use is `GET /collect` with Google's 8 KiB of payload.
            buffer_bytes: 32 * 1024,
            drain: Duration::from_secs(20),
        }
    }
}

/// Pause after the system refused a connection (no file descriptors): trying at once would spin.
const REFUSED_PAUSE: Duration = Duration::from_millis(50);

/// Serves `router` until `stop` completes, then finishes what was accepted; returns the number of
/// connections that had to be cut off after `Limits::drain`.
///
/// Handlers find the peer in `ConnectInfo<SocketAddr>`.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) -> usize {
    let places = Arc::new(Semaphore::new(limits.connections));
    let (stopping, stopped) = watch::channel(false);
    let mut stop = pin!(stop);
    loop {
        let accepted = async {
            let place = Arc::clone(&places).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = &mut stop => break,
            accepted = accepted => accepted,
        };
        match (place, accepted) {
            (Ok(place), Ok((stream, peer))) => {
                let connection = connection(stream, peer, router.clone(), limits, stopped.clone());
                tokio::spawn(async move {
                    connection.await;
                    drop(place);
                });
            }
            (_, Err(error)) => refused(&error).await,
            // The semaphore is never closed.
            (Err(_), _) => break,
        }
    }
    drop(listener);
    drop(stopped);
    stopping.send_replace(true);
    // Every connection holds a receiver until it ends.
    drop(tokio::time::timeout(limits.drain, stopping.closed()).await);
    stopping.receiver_count()
}

async fn refused(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionReset) {
        tracing::warn!(%error, "a connection could not be accepted");
        tokio::time::sleep(REFUSED_PAUSE).await;
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    limits: Limits,
    mut stopped: watch::Receiver<bool>,
) {
    // Answers are small and whole; without this each would wait for the peer's delayed ACK.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let service = hyper::service::service_fn(move |request| answer(router.clone(), peer, request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(limits.buffer_bytes)
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = async { drop(stopped.wait_for(|stopped| *stopped).await) } => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

async fn answer(
    router: Router,
    peer: SocketAddr,
    mut request: Request<Incoming>,
) -> Result<Response, Infallible> {
    request.extensions_mut().insert(ConnectInfo(peer));
    router.oneshot(request.map(Body::new)).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::sync::oneshot;

    async fn start(
        limits: Limits,
    ) -> (
        SocketAddr,
        oneshot::Sender<()>,
        tokio::task::JoinHandle<usize>,
    ) {
        let router = Router::new()
            .route(
                "/",
                get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.ip().to_string()),
            )
            .route(
                "/slow",
                get(async || {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                    "done"
                }),
            );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let stopped = async { stopped.await.unwrap() };
        let served = tokio::spawn(serve(listener, router, limits, stopped));
        (address, stop, served)
    }

    async fn exchange(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn accepted_requests_are_finished_after_stop() {
        let (address, stop, served) = start(Limits::default()).await;
        let root = exchange(
            address,
            "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        )
        .await;
        assert!(
            root.starts_with("HTTP/1.1 200") && root.ends_with("127.0.0.1"),
            "{root}"
        );
        // An idle connection must not hold the stop up.
        let idle = TcpStream::connect(address).await.unwrap();
        let slow = tokio::spawn(exchange(address, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"));
        tokio::time::sleep(Duration::from_millis(100)).await;
        stop.send(()).unwrap();
        assert!(slow.await.unwrap().ends_with("done"));
        assert_eq!(served.await.unwrap(), 0);
        assert!(TcpStream::connect(address).await.is_err());
        drop(idle);
    }

    #[tokio::test]
    async fn heads_are_bounded_in_bytes_and_time() {
        let limits = Limits {
            head_timeout: Duration::from_millis(50),
            buffer_bytes: 8 * 1024,
            ..Limits::default()
        };
        let (address, _stop, _served) = start(limits).await;
        let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(9_000));
        let answer = exchange(address, &long).await;
        assert!(
            answer.starts_with("HTTP/1.1 431") || answer.starts_with("HTTP/1.1 414"),
            "{answer}"
        );
        assert_eq!(exchange(address, "GET / HT").await, "");
    }

    #[tokio::test]
    async fn connections_beyond_the_limit_wait_their_turn() {
        let limits = Limits {
            connections: 1,
            ..Limits::default()
        };
        let (address, _stop, _served) = start(limits).await;
        let first = TcpStream::connect(address).await.unwrap();
        let second = tokio::spawn(exchange(
            address,
            "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        ));
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!second.is_finished());
        drop(first);
        assert!(second.await.unwrap().starts_with("HTTP/1.1 200"));
    }
}
