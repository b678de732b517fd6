//! An HTTP server on loopback that misbehaves by script and remembers every request it read.

mod request;

pub use request::Request;

use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A connection without a byte for this long is closed, so that no thread outlives its test by much.
const IDLE: Duration = Duration::from_secs(30);
/// How often a stalled connection looks whether the server is being stopped.
const STALL_STEP: Duration = Duration::from_millis(10);

/// What the server does with one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An answer, whole and at once.
    Answer(Answer),
    /// The request is not read; the connection is reset (RST), as by a crashed process.
    Reset,
    /// The request is read, then the connection is closed without a byte of an answer.
    Close,
    /// Nothing for this long, then the answer.
    Stall(Duration, Answer),
    /// The head promises the whole body, but the connection closes after this many of its bytes.
    Cut(usize, Answer),
    /// The answer in single bytes with this pause after each.
    Trickle(Duration, Answer),
    /// Bytes that are no HTTP, then the connection is closed.
    Garbage(Vec<u8>),
}

/// One HTTP answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Beside `Content-Length`, which is always sent.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// `Retry-After` in seconds.
    #[must_use]
    pub fn retry_after(self, seconds: u64) -> Self {
        self.header("Retry-After", &seconds.to_string())
    }

    fn head(&self) -> Vec<u8> {
        use std::fmt::Write as _;
        let mut head = format!("HTTP/1.1 {} Scripted\r\n", self.status);
        for (name, value) in &self.headers {
            write!(head, "{name}: {value}\r\n").expect("writing to a String cannot fail");
        }
        // 204 and 304 must not carry a length of a body they do not have.
        if !matches!(self.status, 204 | 304) {
            write!(head, "Content-Length: {}\r\n", self.body.len())
                .expect("writing to a String cannot fail");
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}

impl From<Answer> for Fault {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}

type Handler = dyn Fn(&Request) -> Fault + Send + Sync;

struct Shared {
    script: Mutex<VecDeque<Fault>>,
    otherwise: Mutex<Arc<Handler>>,
    requests: Mutex<Vec<Request>>,
    arrived: Condvar,
    connections: AtomicUsize,
    stopped: AtomicBool,
}

/// A running server; stops when dropped.
pub struct FaultServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

impl FaultServer {
    /// Plays `script`, one entry per request, then gives `otherwise` for ever.
    ///
    /// # Errors
    /// When no loopback port can be bound.
    pub fn start(script: Vec<Fault>, otherwise: impl Into<Fault>) -> io::Result<Self> {
        let otherwise = otherwise.into();
        Self::with_handler(script, move |_| otherwise.clone())
    }

    /// As `start`, but what follows the script depends on the request.
    ///
    /// # Errors
    /// When no loopback port can be bound.
    pub fn with_handler(
        script: Vec<Fault>,
        otherwise: impl Fn(&Request) -> Fault + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            script: Mutex::new(script.into()),
            otherwise: Mutex::new(Arc::new(otherwise)),
            requests: Mutex::new(Vec::new()),
            arrived: Condvar::new(),
            connections: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        });
        let for_thread = Arc::clone(&shared);
        let acceptor = std::thread::spawn(move || accept(&listener, &for_thread));
        Ok(Self {
            address,
            shared,
            acceptor: Some(acceptor),
        })
    }

    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT`, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds to the end of the script.
    pub fn push(&self, fault: impl Into<Fault>) {
        locked(&self.shared.script).push_back(fault.into());
    }

    /// Replaces what follows the script.
    pub fn set_otherwise(&self, otherwise: impl Into<Fault>) {
        let otherwise = otherwise.into();
        *locked(&self.shared.otherwise) = Arc::new(move |_: &Request| otherwise.clone());
    }

    /// Every request read so far, in the order of arrival. `Reset` requests were not read.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        locked(&self.shared.requests).clone()
    }

    /// Connections accepted so far.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Waits until at least `count` requests were read; `false` when that took longer than `patience`.
    #[must_use]
    pub fn wait_for(&self, count: usize, patience: Duration) -> bool {
        let requests = locked(&self.shared.requests);
        let (requests, _) = self
            .shared
            .arrived
            .wait_timeout_while(requests, patience, |requests| requests.len() < count)
            .unwrap_or_else(PoisonError::into_inner);
        requests.len() >= count
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the acceptor; when it is gone already there is nothing to wake.
        drop(TcpStream::connect(self.address));
        if let Some(acceptor) = self.acceptor.take() {
            // A panic of the acceptor was already printed by the panic hook.
            drop(acceptor.join());
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stopped.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        shared.connections.fetch_add(1, Ordering::SeqCst);
        let shared = Arc::clone(shared);
        std::thread::spawn(move || {
            // The peer may hang up at any moment: that is what tests do here.
            drop(serve(stream, &shared));
        });
    }
}

fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_read_timeout(Some(IDLE))?;
    stream.set_nodelay(true)?;
    let mut reader = request::Reader::new(stream.try_clone()?);
    loop {
        if !reader.wait()? || shared.stopped.load(Ordering::SeqCst) {
            return Ok(());
        }
        let scripted = locked(&shared.script).pop_front();
        if scripted == Some(Fault::Reset) {
            // Closing with unread bytes in the receive buffer makes the kernel send RST.
            return Ok(());
        }
        let request = reader.read()?;
        let fault = scripted.unwrap_or_else(|| {
            let handler = Arc::clone(&locked(&shared.otherwise));
            handler(&request)
        });
        let close = request.closes();
        locked(&shared.requests).push(request);
        shared.arrived.notify_all();
        if !act(&stream, fault, shared)? || close {
            return Ok(());
        }
    }
}

/// Returns whether the connection stays open.
fn act(mut stream: &TcpStream, fault: Fault, shared: &Shared) -> io::Result<bool> {
    match fault {
        Fault::Answer(answer) => {
            let mut bytes = answer.head();
            bytes.extend_from_slice(&answer.body);
            stream.write_all(&bytes)?;
            Ok(true)
        }
        Fault::Reset | Fault::Close => Ok(false),
        Fault::Stall(pause, answer) => {
            let until = Instant::now() + pause;
            while Instant::now() < until {
                if shared.stopped.load(Ordering::SeqCst) {
                    return Ok(false);
                }
                std::thread::sleep(STALL_STEP.min(until - Instant::now()));
            }
            act(stream, Fault::Answer(answer), shared)
        }
        Fault::Cut(kept, answer) => {
            stream.write_all(&answer.head())?;
            stream.write_all(&answer.body[..kept.min(answer.body.len())])?;
            Ok(false)
        }
        Fault::Trickle(pause, answer) => {
            let mut bytes = answer.head();
            bytes.extend_from_slice(&answer.body);
            for byte in bytes {
                if shared.stopped.load(Ordering::SeqCst) {
                    return Ok(false);
                }
                stream.write_all(&[byte])?;
                std::thread::sleep(pause);
            }
            Ok(true)
        }
        Fault::Garbage(bytes) => {
            stream.write_all(&bytes)?;
            Ok(false)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn exchange(server: &FaultServer, request: &str) -> io::Result<String> {
        let mut stream = TcpStream::connect(server.address())?;
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    const POST: &str =
        "POST /a?b=c HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc";

    #[test]
    fn the_script_is_played_in_order() {
        let server = FaultServer::start(
            vec![
                Answer::status(503).retry_after(7).into(),
                Fault::Close,
                Fault::Cut(2, Answer::status(200).body("whole")),
                Fault::Garbage(b"?!".to_vec()),
                Fault::Trickle(Duration::ZERO, Answer::status(200).body("slow")),
                Fault::Stall(Duration::from_millis(1), Answer::status(200).body("late")),
            ],
            Answer::status(204),
        )
        .unwrap();
        for expected in [
            "HTTP/1.1 503 Scripted\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
            "",
            "HTTP/1.1 200 Scripted\r\nContent-Length: 5\r\n\r\nwh",
            "?!",
            "HTTP/1.1 200 Scripted\r\nContent-Length: 4\r\n\r\nslow",
            "HTTP/1.1 200 Scripted\r\nContent-Length: 4\r\n\r\nlate",
            "HTTP/1.1 204 Scripted\r\n\r\n",
        ] {
            assert_eq!(exchange(&server, POST).unwrap(), expected);
        }
        let requests = server.requests();
        assert_eq!(requests.len(), 7);
        assert_eq!(requests[0].method, "POST");
        assert_eq!(requests[0].target, "/a?b=c");
        assert_eq!(requests[0].body, b"abc");
        assert_eq!(server.connections(), 7);
    }

    #[test]
    fn a_reset_is_a_reset() {
        let server = FaultServer::start(vec![Fault::Reset], Answer::status(200)).unwrap();
        let error = exchange(&server, POST).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert!(server.requests().is_empty());
    }

    #[test]
    fn connections_are_kept_and_chunks_read() {
        let server = FaultServer::with_handler(Vec::new(), |request| {
            Answer::status(200).body(request.body.clone()).into()
        })
        .unwrap();
        let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
                       3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
        let answer = exchange(&server, &format!("{chunked}{POST}")).unwrap();
        assert!(answer.contains("\r\n\r\nabcdeHTTP/1.1 200"), "{answer}");
        assert!(server.wait_for(2, Duration::from_secs(5)));
        assert_eq!(server.connections(), 1);
    }
}
