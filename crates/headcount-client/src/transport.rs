//! The network edge: one request out, one answer back. Decides nothing.

mod patient;

pub use patient::Meanwhile;

use std::time::Duration;

/// Longest time for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest time for a whole request; well below the lease of a sender.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// A receipt of 1,000 rejected events is about 150 kB; more is no receipt.
const MAX_ANSWER_BYTES: u64 = 1 << 20;
/// What the module calls itself.
pub(crate) const USER_AGENT: &str = concat!("headcount-client/", env!("CARGO_PKG_VERSION"));

/// One POST request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The whole URL.
    pub url: String,
    /// Headers beside `Host` and `Content-Length`.
    pub headers: Vec<(&'static str, String)>,
    /// The body as it goes out.
    pub body: Vec<u8>,
}

/// What came back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The `Retry-After` header.
    pub retry_after: Option<String>,
    /// The body; `None` when it broke off.
    pub body: Option<Vec<u8>>,
}

/// No answer came: the reason, for the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoAnswer(pub String);

/// Sends requests. Real: `Http`; in tests: a script.
pub trait Transport: Send + Sync {
    /// Sends one request and waits for its answer.
    ///
    /// # Errors
    /// When no answer came, whatever the reason.
    fn send(&self, request: &Request) -> Result<Answer, NoAnswer>;

    /// Breaks off what is being sent, now, from another thread; later requests fail.
    fn interrupt(&self) {}
}

/// HTTP and HTTPS with the system's proxy settings; follows no redirect, starts no thread.
#[derive(Clone, Debug)]
pub struct Http {
    agent: ureq::Agent,
}

impl Default for Http {
    fn default() -> Self {
        Self::new(REQUEST_TIMEOUT, None)
    }
}

impl Http {
    /// With a limit on a whole request, and something to do every 50 ms while an answer is awaited.
    #[must_use]
    pub fn new(timeout: Duration, meanwhile: Option<Meanwhile>) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_connect(Some(CONNECT_TIMEOUT.min(timeout)))
            .timeout_global(Some(timeout))
            .max_redirects(0)
            .http_status_as_error(false)
            .user_agent(USER_AGENT)
            .max_idle_connections(2)
            .build();
        let connector = patient::connector(meanwhile);
        Self {
            agent: ureq::Agent::with_parts(config, connector, patient::SameThread::default()),
        }
    }
}

impl Transport for Http {
    fn send(&self, request: &Request) -> Result<Answer, NoAnswer> {
        let mut builder = self.agent.post(&request.url);
        for (name, value) in &request.headers {
            builder = builder.header(*name, value);
        }
        let mut response = builder
            .send(&request.body[..])
            .map_err(|error| NoAnswer(error.to_string()))?;
        let retry_after = response.headers().get("retry-after");
        let retry_after = retry_after
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        Ok(Answer {
            status: response.status().as_u16(),
            retry_after,
            body: response
                .body_mut()
                .with_config()
                .limit(MAX_ANSWER_BYTES)
                .read_to_vec()
                .ok(),
        })
    }

    fn interrupt(&self) {
        self.agent.clone().shutdown();
    }
}
