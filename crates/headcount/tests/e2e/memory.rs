//! A thousand connections that are slow or want too much: the process's memory stays bounded and
//! others are served.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::support::http;
use crate::support::process::{self, Server};

const CONNECTIONS: usize = 1_000;
/// All bodies in memory together end at 64 MiB; the rest is the program, its caches and 1,000 read
/// buffers of at most 32 KiB.
const MOST_MEMORY_KIB: u64 = 192 * 1024;
/// For an answer to somebody else meanwhile. A debug build on a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(5);
const SIEGE: Duration = Duration::from_secs(6);
const CHUNK: usize = 16 * 1024;

/// What one bad connection sends at first, and again and again.
fn bad_connection(number: usize, key: &str) -> (String, Vec<u8>) {
    let batch = "POST /api/v1/batch HTTP/1.1\r\nHost: x\r\n";
    let key = format!("Authorization: Bearer {key}\r\n");
    match number % 6 {
        // Never more than an unfinished head.
        0 => ("GET /coll".to_owned(), Vec::new()),
        // A head that grows header by header.
        1 => (
            batch.to_owned(),
            format!("X-{}: y\r\n", "x".repeat(200)).into_bytes(),
        ),
        // A body of the greatest length allowed, byte by byte.
        2 => (
            format!("{batch}{key}Content-Length: 2000000\r\n\r\n"),
            b"{".to_vec(),
        ),
        // The same, fast, but never ending.
        3 => (
            format!("{batch}{key}Content-Length: 2000000\r\n\r\n"),
            vec![b' '; CHUNK],
        ),
        // A body that says that it is too large.
        4 => (
            format!("{batch}{key}Content-Length: 900000000\r\n\r\n"),
            vec![b' '; CHUNK],
        ),
        // A chunked body without end and without a content type.
        _ => {
            let mut chunk = format!("{CHUNK:x}\r\n").into_bytes();
            chunk.extend_from_slice(&vec![b'v'; CHUNK]);
            chunk.extend_from_slice(b"\r\n");
            (
                "POST /collect HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                    .to_owned(),
                chunk,
            )
        }
    }
}

#[test]
fn memory_is_bounded_under_slow_and_oversized_connections() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let project = process::json(data.path(), &["project", "create", "P"]);
    let key = project["ingest_key"].as_str().unwrap();
    let idle = server.memory_kib("VmRSS");
    let mut siege: Vec<(TcpStream, Vec<u8>)> = (0..CONNECTIONS)
        .filter_map(|number| connect(server.address, number, key))
        .collect();
    assert_eq!(siege.len(), CONNECTIONS);

    let (started, mut slowest, mut served) = (Instant::now(), Duration::ZERO, 0);
    while started.elapsed() < SIEGE {
        for (stream, more) in &mut siege {
            // Full buffers and connections that the server has closed are what is expected here.
            drop(stream.write(more));
        }
        let asked = Instant::now();
        assert_eq!(http::get(server.address, "/readyz", &[]).status, 200);
        let tid = project["tracking_id"].as_str().unwrap();
        let hit = format!("v=1&tid={tid}&cid=good&t=pageview&dp=/");
        let answer = http::post(server.address, "/collect", &[], hit.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
        slowest = slowest.max(asked.elapsed());
        served += 1;
    }
    let peak = server.memory_kib("VmHWM");
    eprintln!(
        "idle {} MiB, peak {} MiB, {served} others served, the slowest in {slowest:?}",
        idle / 1024,
        peak / 1024
    );
    assert!(peak <= MOST_MEMORY_KIB, "{peak} KiB");
    assert!(slowest <= PATIENCE, "others waited {slowest:?}");
    drop(siege);
    server.stop();
}

fn connect(address: SocketAddr, number: usize, key: &str) -> Option<(TcpStream, Vec<u8>)> {
    let mut stream = TcpStream::connect(address).ok()?;
    let (first, more) = bad_connection(number, key);
    stream.write_all(first.as_bytes()).ok()?;
    stream.set_nonblocking(true).ok()?;
    Some((stream, more))
}
