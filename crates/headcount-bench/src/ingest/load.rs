//! The load generator: HTTP/1.1 by hand over kept-alive connections, the same for both sides.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::CONNECTIONS;

/// Requests as they go over the wire.
pub(super) type Requests = Arc<Vec<Vec<u8>>>;

/// What came of it.
pub(super) struct Load {
    /// Answers with status 2xx; any other fails the run.
    pub(super) answered: usize,
    pub(super) took: Duration,
    latencies: Vec<Duration>,
}

impl Load {
    pub(super) fn latency(&self) -> String {
        let at = |share: f64| {
            let index = (self.latencies.len() as f64 * share) as usize;
            let found = self.latencies.get(index).copied().unwrap_or_default();
            found.as_secs_f64() * 1_000.0
        };
        format!(
            "latency p50 {:.1} ms, p99 {:.1} ms, {} answers",
            at(0.5),
            at(0.99),
            self.answered
        )
    }
}

/// Sends requests in turn, again and again, for a time.
pub(super) fn for_span(
    address: SocketAddr,
    requests: Requests,
    span: Duration,
) -> anyhow::Result<Load> {
    run(address, requests, Some(span))
}

/// Sends every request once.
pub(super) fn each_once(address: SocketAddr, requests: Requests) -> anyhow::Result<Load> {
    run(address, requests, None)
}

fn run(address: SocketAddr, requests: Requests, span: Option<Duration>) -> anyhow::Result<Load> {
    // One thread: the least the generator can take from the two cores.
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting the load generator")?
        .block_on(async move {
            let next = Arc::new(AtomicUsize::new(0));
            let mut streams = Vec::new();
            for _ in 0..CONNECTIONS {
                let stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                streams.push(stream);
            }
            let begun = Instant::now();
            let until = span.map(|span| begun + span);
            let tasks: Vec<_> = streams
                .into_iter()
                .map(|stream| {
                    let (requests, next) = (Arc::clone(&requests), Arc::clone(&next));
                    tokio::spawn(connection(stream, requests, next, until))
                })
                .collect();
            let mut latencies = Vec::new();
            for task in tasks {
                latencies.extend(task.await??);
            }
            let took = begun.elapsed();
            latencies.sort_unstable();
            Ok(Load {
                answered: latencies.len(),
                took,
                latencies,
            })
        })
}

async fn connection(
    mut stream: TcpStream,
    requests: Requests,
    next: Arc<AtomicUsize>,
    until: Option<Instant>,
) -> anyhow::Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    let mut buffer = vec![0; 4_096];
    loop {
        let begun = Instant::now();
        let number = next.fetch_add(1, Ordering::Relaxed);
        let over = match until {
            Some(until) => begun >= until,
            None => number >= requests.len(),
        };
        if over {
            return Ok(latencies);
        }
        stream.write_all(&requests[number % requests.len()]).await?;
        answer(&mut stream, &mut buffer).await?;
        latencies.push(begun.elapsed());
    }
}

/// Reads one answer whole.
async fn answer(stream: &mut TcpStream, buffer: &mut [u8]) -> anyhow::Result<()> {
    let mut filled = 0;
    loop {
        let read = stream.read(&mut buffer[filled..]).await?;
        if read == 0 {
            bail!("the server closed the connection");
        }
        filled += read;
        if let Some(length) = complete(&buffer[..filled])? {
            if length > filled {
                continue;
            }
            return Ok(());
        }
    }
}

/// Length of the answer once its head is there.
fn complete(bytes: &[u8]) -> anyhow::Result<Option<usize>> {
    let Some(head) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&bytes[..head])?;
    if !text.starts_with("HTTP/1.1 2") {
        bail!("{}", String::from_utf8_lossy(bytes));
    }
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(Ok(0), str::parse::<usize>)?;
    Ok(Some(head + 4 + length))
}
