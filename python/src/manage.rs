//! What those who manage the install ask for: answers are JSON, failures raise `Error`, the interpreter lock is free.

use std::sync::Arc;
use std::time::Duration;

use headcount_client::{
    Caps, Entry, Feeds, HostTruth, Http, Identity, NewToken, Pace, Sender, Stats, Switch, Token,
    TokenKind, first_broken,
};
use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use serde_json::{Value, json};

use crate::client::{Client, Opened};
use crate::convert;

create_exception!(
    headcount._native,
    Error,
    PyException,
    "A state folder cannot be read or written, or a setting cannot work."
);

/// Longest wait for one answer when a person waits.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longest wait for this process's own worker before a flush.
const OWN_WORKER: Duration = Duration::from_secs(10);

fn failed(error: impl std::fmt::Display) -> PyErr {
    Error::new_err(error.to_string())
}

impl Client {
    /// Runs on the state folder without the interpreter lock.
    fn managed<T: Send>(
        &self,
        py: Python<'_>,
        act: impl FnOnce(&Opened) -> headcount_client::Result<T> + Send,
    ) -> PyResult<T> {
        let opened = self
            .opened()
            .ok_or_else(|| failed("the client is not open"))?;
        let done = py.detach(|| act(&opened));
        opened.client.look_now();
        done.map_err(failed)
    }
}

impl Opened {
    fn host_switch(&self) -> Option<Switch> {
        self.disabled.then_some(Switch::Host)
    }

    fn sender(&self) -> headcount_client::Result<Sender> {
        let http = Arc::new(Http::new(PATIENCE, None));
        Sender::open(&self.state, http, Duration::ZERO, Caps::default())
    }

    fn flush(&self) -> headcount_client::Result<Value> {
        let doctor = self.state.doctor(self.host_switch())?;
        let asked = doctor
            .status
            .as_ref()
            .map_or(0, |status| status.forgets_waiting);
        if !doctor.sending && (asked == 0 || self.disabled) {
            return Ok(json!({
                "requests": 0, "delivered": 0, "waiting": 0, "troubles": [], "why": doctor.why,
            }));
        }
        let newest = |entries: &[Entry]| entries.last().map_or(0, |entry| entry.seq);
        let before = newest(&self.state.spool()?.ledger(None)?);
        // This process's worker takes its ring over and may deliver a part itself: the ledger knows.
        self.client.shutdown(OWN_WORKER);
        self.state.adopt_orphans(&Caps::default())?;
        let round = self.sender()?.flush()?;
        let status = self.state.spool()?.status(&[])?;
        let entries = self.state.spool()?.ledger(None)?;
        let sent = || entries.iter().filter(|entry| entry.seq > before);
        let taken = |entry: &&Entry| entry.status.is_some_and(|status| status < 300);
        let delivered: u64 = sent()
            .filter(taken)
            .map(|entry| u64::from(entry.events))
            .sum();
        Ok(json!({
            "requests": sent().count(),
            "delivered": delivered,
            "waiting": status.waiting + status.forgets_waiting,
            "troubles": round.troubles,
            "why": null,
        }))
    }

    fn ask_to_forget(&self) -> headcount_client::Result<Value> {
        let waiting = |opened: &Self| -> headcount_client::Result<u64> {
            let doctor = opened.state.doctor(None)?;
            Ok(doctor.status.map_or(0, |status| status.forgets_waiting))
        };
        let asked = waiting(self)?;
        if asked == 0 || self.disabled {
            return Ok(json!({ "asked": 0, "waiting": asked, "troubles": [] }));
        }
        let round = self.sender()?.run_once(Pace::Now)?;
        Ok(json!({ "asked": asked, "waiting": waiting(self)?, "troubles": round.troubles }))
    }

    fn ledger(&self) -> headcount_client::Result<Value> {
        if self.state.doctor(None)?.status.is_none() {
            return Ok(json!({ "entries": [], "broken_at": null }));
        }
        let entries = self.state.spool()?.ledger(None)?;
        let readable: Vec<_> = entries.iter().map(Entry::readable).collect();
        Ok(json!({ "entries": readable, "broken_at": first_broken(&entries) }))
    }
}

#[pymethods]
impl Client {
    /// Makes the install's identity if there is none; answers its id.
    fn init(&self, py: Python<'_>) -> PyResult<String> {
        self.managed(py, |opened| {
            Ok(opened.state.make_install()?.install.to_string())
        })
    }

    fn _tokens(&self, py: Python<'_>) -> PyResult<String> {
        self.managed(py, |opened| {
            let settings = opened.state.settings()?.unwrap_or_default();
            let tokens: Vec<_> = settings.tokens.iter().map(Token::readable).collect();
            Ok(json!(tokens).to_string())
        })
    }

    /// Adds a destination and answers its number.
    #[pyo3(signature = (name, kind, endpoint, token, secret=None, feeds="stats,tasks,pages"))]
    #[expect(clippy::too_many_arguments, reason = "keywords of a Python call")]
    fn add_token(
        &self,
        py: Python<'_>,
        name: String,
        kind: &str,
        endpoint: String,
        token: String,
        secret: Option<String>,
        feeds: &str,
    ) -> PyResult<u32> {
        let new = NewToken {
            name,
            kind: TokenKind::parse(kind).map_err(failed)?,
            endpoint,
            token,
            secret,
            feeds: Feeds::parse(feeds).map_err(failed)?,
        };
        self.managed(py, |opened| {
            opened.state.make_install()?;
            let id = opened.state.change(|settings| settings.add(new))?;
            opened.client.introduce()?;
            Ok(id)
        })
    }

    /// Switches the feeds of a token, such as `stats,tasks` or `none`; what waits for the others is deleted.
    fn set_feeds(&self, py: Python<'_>, id: u32, feeds: &str) -> PyResult<()> {
        let feeds = Feeds::parse(feeds).map_err(failed)?;
        self.managed(py, |opened| {
            opened.state.change(|settings| {
                settings.token_mut(id)?.feeds = feeds;
                Ok(())
            })
        })
    }

    /// Removes a token and what waits for it.
    fn remove_token(&self, py: Python<'_>, id: u32) -> PyResult<()> {
        self.managed(py, |opened| {
            opened
                .state
                .change(|settings| settings.remove(id).map(drop))
        })
    }

    fn _mirror(&self, py: Python<'_>, truth: &str) -> PyResult<String> {
        let truth: HostTruth = serde_json::from_str(truth).map_err(failed)?;
        self.managed(py, |opened| {
            if opened.disabled {
                return Ok(json!({ "changed": false, "refused": [] }).to_string());
            }
            let mirrored = opened.state.mirror(&truth)?;
            opened.client.introduce()?;
            Ok(json!(mirrored).to_string())
        })
    }

    fn _doctor(&self, py: Python<'_>) -> PyResult<String> {
        self.managed(py, |opened| {
            Ok(json!(opened.state.doctor(opened.host_switch())?).to_string())
        })
    }

    fn _preview(&self, py: Python<'_>) -> PyResult<String> {
        self.managed(py, |opened| Ok(json!(opened.state.preview()?).to_string()))
    }

    fn _ledger(&self, py: Python<'_>) -> PyResult<String> {
        self.managed(py, |opened| Ok(opened.ledger()?.to_string()))
    }

    fn _flush(&self, py: Python<'_>) -> PyResult<String> {
        self.managed(py, |opened| Ok(opened.flush()?.to_string()))
    }

    #[pyo3(signature = (identity=None))]
    fn _forget(&self, py: Python<'_>, identity: Option<&str>) -> PyResult<usize> {
        let identity: Option<Identity> = identity
            .map(serde_json::from_str)
            .transpose()
            .map_err(failed)?;
        self.managed(py, |opened| opened.state.forget_as(identity.as_ref()))
    }

    fn _ask_to_forget(&self, py: Python<'_>) -> PyResult<String> {
        self.managed(py, |opened| Ok(opened.ask_to_forget()?.to_string()))
    }

    /// Stops everything and deletes what waits.
    fn off(&self, py: Python<'_>) -> PyResult<()> {
        self.managed(py, |opened| {
            opened.state.change(|settings| {
                settings.off = true;
                Ok(())
            })?;
            // This process's own ring and those of killed ones: read under the new settings, nobody wants it.
            opened.client.shutdown(OWN_WORKER);
            opened.state.adopt_orphans(&Caps::default()).map(drop)
        })
    }

    /// Allows sending again.
    fn on(&self, py: Python<'_>) -> PyResult<()> {
        self.managed(py, |opened| {
            opened.state.change(|settings| {
                settings.off = false;
                Ok(())
            })
        })
    }

    /// Makes the daily report with the callback's statistics if it is due and wanted; of all processes one
    /// does. With `now` it is due from midnight UTC on, else from the install's own minute. The callback
    /// returns a dict as `record_stats` takes it, or None. Answers whether this call made it.
    #[pyo3(signature = (callback, *, now=false))]
    fn record_daily(&self, py: Python<'_>, callback: Py<PyAny>, now: bool) -> PyResult<bool> {
        let raised = std::sync::Mutex::new(None);
        let ask = || -> Option<Stats> {
            Python::attach(|py| match callback.call0(py) {
                Ok(values) => convert::stats(values.bind(py)),
                Err(error) => {
                    *raised.lock().ok()? = Some(error);
                    None
                }
            })
        };
        let made = self.managed(py, |opened| {
            let shut = opened.disabled || !opened.client.wants(headcount_client::Feed::Stats);
            if shut {
                return Ok(false);
            }
            opened.client.introduce()?;
            let caps = Caps::default();
            if now {
                opened.state.record_daily_now(&caps, &ask)
            } else {
                opened.state.record_daily(&caps, &ask)
            }
        })?;
        match raised.into_inner().ok().flatten() {
            Some(error) => Err(error),
            None => Ok(made),
        }
    }
}
