//! The reference of single hits: hyper alone, the body parsed, appended to a file with fsync.

use std::convert::Infallible;
use std::fs::File;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use headcount_collector::meta::projects::Project;
use headcount_collector::store::ProjectNumber;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::target;

/// Hits that may wait for the file.
const QUEUED: usize = 8_192;

struct Job {
    body: Bytes,
    written: oneshot::Sender<()>,
}

pub(super) struct Bare {
    address: SocketAddr,
    project: Project,
    runtime: Runtime,
    writer: JoinHandle<anyhow::Result<()>>,
    _folder: TempDir,
}

impl Bare {
    pub(super) fn start() -> anyhow::Result<Self> {
        let folder = target::folder()?;
        let file = File::create(folder.path().join("hits.jsonl"))?;
        let (jobs, to_write) = sync_channel(QUEUED);
        let writer = thread::spawn(move || write(file, &to_write));
        let runtime = target::runtime()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"))?;
        let address = listener.local_addr()?;
        runtime.spawn(serve(listener, jobs));
        let project = Project {
            number: ProjectNumber(1),
            slug: String::new(),
            name: String::new(),
            tracking_id: String::new(),
            measurement_id: "G-BARE000000".to_owned(),
            api_secret: "secret".to_owned(),
            ingest_key: String::new(),
        };
        Ok(Self {
            address,
            project,
            runtime,
            writer,
            _folder: folder,
        })
    }

    pub(super) fn project(&self) -> &Project {
        &self.project
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn stop(self) -> anyhow::Result<()> {
        // Ends the tasks that hold the queue.
        drop(self.runtime);
        self.writer
            .join()
            .map_err(|_| anyhow!("the writer of the reference panicked"))?
    }
}

async fn serve(listener: TcpListener, jobs: SyncSender<Job>) {
    while let Ok((stream, _)) = listener.accept().await {
        let jobs = jobs.clone();
        tokio::spawn(async move {
            if stream.set_nodelay(true).is_err() {
                return;
            }
            let service = service_fn(move |request| answer(request, jobs.clone()));
            // The load generator says when it fails.
            drop(
                http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .await,
            );
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    jobs: SyncSender<Job>,
) -> Result<Response<Empty<Bytes>>, Infallible> {
    let mut response = Response::new(Empty::new());
    *response.status_mut() = match hit(request, &jobs).await {
        Ok(()) => StatusCode::NO_CONTENT,
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    Ok(response)
}

async fn hit(request: Request<Incoming>, jobs: &SyncSender<Job>) -> anyhow::Result<()> {
    let body = request.into_body().collect().await?.to_bytes();
    let parsed: Value = serde_json::from_slice(&body)?;
    parsed.get("events").context("no events")?;
    let (written, done) = oneshot::channel();
    jobs.try_send(Job { body, written })?;
    Ok(done.await?)
}

/// Takes all that waits, writes it, syncs once, answers.
fn write(mut file: File, jobs: &Receiver<Job>) -> anyhow::Result<()> {
    let mut text = Vec::new();
    let mut waiting = Vec::new();
    while let Ok(first) = jobs.recv() {
        text.clear();
        for job in std::iter::once(first).chain(jobs.try_iter()) {
            text.extend_from_slice(&job.body);
            text.push(b'\n');
            waiting.push(job.written);
        }
        file.write_all(&text)?;
        file.sync_data()?;
        for written in waiting.drain(..) {
            // Its connection may be gone.
            let _ = written.send(());
        }
    }
    Ok(())
}
