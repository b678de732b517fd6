//! The same calls while the collector is down or takes connections and never answers, and how long leaving takes.

use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use headcount_client::Client;

use super::{Measured, calls, install};

/// The worker gets this long to run into the outage before anything is measured.
const RUN_INTO_IT: Duration = Duration::from_millis(500);

pub(super) struct Outage {
    pub(super) name: &'static str,
    pub(super) calls: Vec<Measured>,
    /// From dropping the client until the host goes on.
    pub(super) exit: Duration,
}

/// Nobody listens at the collector's address.
pub(super) fn down() -> anyhow::Result<Outage> {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    measure("down", &format!("http://{address}"))
}

/// The collector's socket takes connections, and nothing ever comes back.
pub(super) fn hanging() -> anyhow::Result<Outage> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let held: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
    let for_thread = Arc::clone(&held);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            for_thread
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(stream);
        }
    });
    let outage = measure("hanging", &format!("http://{address}"))?;
    anyhow::ensure!(
        !held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_empty(),
        "nothing was sent to the hanging collector"
    );
    Ok(outage)
}

fn measure(name: &'static str, endpoint: &str) -> anyhow::Result<Outage> {
    let dir = tempfile::tempdir()?;
    let client = Client::open(install(dir.path(), endpoint)?);
    client.record_stat("metenox", "send_daily_stats", "moons", 12.0);
    std::thread::sleep(RUN_INTO_IT);
    let calls = calls(&client, &format!(", {name}"));
    let started = Instant::now();
    drop(client);
    Ok(Outage {
        name,
        calls,
        exit: started.elapsed(),
    })
}
