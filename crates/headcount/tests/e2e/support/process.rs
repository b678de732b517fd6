//! The binary as child processes: `serve` in the background, other commands to their end.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::process::{Pid, Signal};

use super::eventually;

const BINARY: &str = env!("CARGO_BIN_EXE_headcount");
const START_PATIENCE: Duration = Duration::from_secs(30);
const STOP_PATIENCE: Duration = Duration::from_secs(30);
const LISTENING: &str = "listening on http://";

/// Sends a signal to a process that was not waited for, without waiting.
pub(crate) fn send(child: &Child, signal: Signal) {
    rustix::process::kill_process(Pid::from_child(child), signal).unwrap();
}

/// A running `headcount serve`; killed when dropped.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    stderr: Arc<Mutex<String>>,
}

impl Server {
    /// Starts on a free port and waits until it takes hits.
    pub(crate) fn start(data: &Path) -> Self {
        Self::start_with(data, &[])
    }

    pub(crate) fn start_with(data: &Path, flags: &[&str]) -> Self {
        Self::spawn(data, "127.0.0.1:0", flags)
    }

    /// Starts where an earlier one was, so that its clients find it again.
    pub(crate) fn start_at(data: &Path, address: SocketAddr) -> Self {
        Self::spawn(data, &address.to_string(), &[])
    }

    fn spawn(data: &Path, listen: &str, flags: &[&str]) -> Self {
        let mut child = Command::new(BINARY)
            .args(["serve", "--listen", listen, "--data"])
            .arg(data)
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = Arc::new(Mutex::new(String::new()));
        let (lines, pipe) = (Arc::clone(&stderr), child.stderr.take().unwrap());
        std::thread::spawn(move || {
            for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                let mut lines = lines.lock().unwrap();
                lines.push_str(&line);
                lines.push('\n');
            }
        });
        let address = eventually("listening", START_PATIENCE, || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("serve ended with {status}: {}", stderr.lock().unwrap());
            }
            let said = stderr.lock().unwrap();
            let line = said.lines().find_map(|line| line.strip_prefix(LISTENING))?;
            line.parse().ok()
        });
        Self {
            child,
            address,
            stderr,
        }
    }

    pub(crate) fn stderr(&self) -> String {
        self.stderr.lock().unwrap().clone()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: nothing of the process runs any more when this returns.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM or SIGINT, without waiting.
    pub(crate) fn signal(&self, signal: Signal) {
        send(&self.child, signal);
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        eventually("the end of serve", STOP_PATIENCE, || {
            self.child.try_wait().unwrap()
        })
    }

    /// SIGTERM, then its orderly end.
    pub(crate) fn stop(mut self) {
        self.signal(Signal::TERM);
        let status = self.wait();
        assert!(status.success(), "{status}: {}", self.stderr());
    }

    /// A line of `/proc/PID/status`, in KiB.
    pub(crate) fn memory_kib(&self, field: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(field))
            .unwrap();
        line.trim_matches([':', ' ', '\t', 'k', 'B'])
            .parse()
            .unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails where the process has ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Runs a command on a data folder.
pub(crate) fn run(data: &Path, args: &[&str]) -> Output {
    Command::new(BINARY)
        .args(args)
        .arg("--data")
        .arg(data)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Runs a command that must succeed, with `--json`.
pub(crate) fn json(data: &Path, args: &[&str]) -> serde_json::Value {
    let output = run(data, &[args, &["--json"]].concat());
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}
