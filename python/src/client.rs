//! The class a host records through. Its record functions return at once and never raise.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use headcount_client::{AnalyticsEvent, Config, Feed, Page, Recorded, State, Task};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::convert;

/// The module in one process. Open it once; it is safe across forks and in any number of threads.
#[pyclass(frozen, subclass, module = "headcount._native")]
pub(crate) struct Client {
    /// Locked for moments only and with the interpreter lock held, so never by another thread at a fork.
    opened: Mutex<Option<Opened>>,
    /// The first event of a process makes files and a thread; only then the interpreter lock is given up.
    warm: AtomicBool,
    /// Calls that could not be understood.
    refused: AtomicU64,
}

/// What `open` made.
#[derive(Clone)]
pub(crate) struct Opened {
    pub(crate) client: headcount_client::Client,
    pub(crate) state: State,
    pub(crate) disabled: bool,
}

impl Client {
    pub(crate) fn opened(&self) -> Option<Opened> {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.clone()
    }

    fn client(&self) -> Option<headcount_client::Client> {
        let opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        opened.as_ref().map(|opened| opened.client.clone())
    }

    /// The client if it is open and wants this feed.
    fn wanting(&self, feed: Feed) -> Option<headcount_client::Client> {
        self.client().filter(|client| client.wants(feed))
    }

    fn put(&self, py: Python<'_>, record: impl FnOnce() -> Recorded + Send) -> bool {
        let recorded = if self.warm.load(Ordering::Relaxed) {
            record()
        } else {
            let recorded = py.detach(record);
            self.warm.store(true, Ordering::Relaxed);
            recorded
        };
        recorded == Recorded::Held
    }

    fn refuse(&self) -> bool {
        self.refused.fetch_add(1, Ordering::Relaxed);
        false
    }
}

#[pymethods]
impl Client {
    #[new]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(_args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        Self {
            opened: Mutex::new(None),
            warm: AtomicBool::new(false),
            refused: AtomicU64::new(0),
        }
    }

    /// Opens the module on a state folder. Writes no file and starts no thread; with `daily` the worker begins at once.
    #[pyo3(signature = (state, *, app=None, app_version=None, deployment=None, runtime=None, disabled=false, delivery_seconds=None, daily=None))]
    #[expect(clippy::too_many_arguments, reason = "keywords of a Python call")]
    fn open(
        &self,
        py: Python<'_>,
        state: PathBuf,
        app: Option<String>,
        app_version: Option<String>,
        deployment: Option<String>,
        runtime: Option<BTreeMap<String, String>>,
        disabled: bool,
        delivery_seconds: Option<f64>,
        daily: Option<Py<PyAny>>,
    ) {
        let mut config = Config::new(&state);
        config.app = app;
        config.app_version = app_version;
        config.deployment = deployment;
        config.runtime = runtime.unwrap_or_default();
        config.disabled_by_host = disabled;
        if let Some(interval) =
            delivery_seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        {
            config.delivery_interval = interval;
        }
        config.daily = daily.map(|callback| -> headcount_client::DailyCallback {
            // Not while the interpreter ends: the report is then made by the next process.
            Arc::new(move || {
                Python::try_attach(|py| convert::stats(callback.bind(py).call0().ok()?.as_any()))?
            })
        });
        let opened = Opened {
            client: py.detach(|| headcount_client::Client::open(config)),
            state: State::at(state),
            disabled,
        };
        let old = {
            let mut slot = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
            slot.replace(opened)
        };
        self.warm.store(false, Ordering::Relaxed);
        // The last clone takes over and delivers what it holds; that may take a moment.
        py.detach(|| drop(old));
    }

    /// Whether any destination wants this feed (`stats`, `tasks` or `pages`) now.
    fn wants(&self, feed: &str) -> bool {
        let feed = Feed::ALL.into_iter().find(|known| known.name() == feed);
        feed.is_some_and(|feed| self.wanting(feed).is_some())
    }

    /// Whether the environment or the host's settings switched everything off for the life of this process.
    fn is_shut(&self) -> bool {
        self.client()
            .is_some_and(|client| client.shut_by().is_some())
    }

    /// Records the end of a background task. Answers whether the event is held.
    #[pyo3(signature = (namespace, task, result, label=None, value=None))]
    #[expect(clippy::too_many_arguments, reason = "keywords of a Python call")]
    fn record_task(
        &self,
        py: Python<'_>,
        namespace: &Bound<'_, PyAny>,
        task: &Bound<'_, PyAny>,
        result: &Bound<'_, PyAny>,
        label: Option<&Bound<'_, PyAny>>,
        value: Option<&Bound<'_, PyAny>>,
    ) -> bool {
        let Some(client) = self.wanting(Feed::Tasks) else {
            return false;
        };
        let texts = [Some(namespace), Some(task), Some(result), label].map(convert::text);
        let [Some(namespace), Some(task), Some(result), Some(label)] = &texts else {
            return self.refuse();
        };
        let run = Task {
            namespace,
            task,
            result,
            label,
            value: convert::amount(value),
        };
        self.put(py, || client.record_task(&run))
    }

    /// Records that a page was opened. Answers whether the event is held.
    /// Where `path` is a route's pattern, `opened` is the path itself: ignored paths are matched against both.
    #[pyo3(signature = (path, title=None, locale=None, user_agent=None, opened=None))]
    #[expect(clippy::too_many_arguments, reason = "keywords of a Python call")]
    fn record_page(
        &self,
        py: Python<'_>,
        path: &Bound<'_, PyAny>,
        title: Option<&Bound<'_, PyAny>>,
        locale: Option<&Bound<'_, PyAny>>,
        user_agent: Option<&Bound<'_, PyAny>>,
        opened: Option<&Bound<'_, PyAny>>,
    ) -> bool {
        let Some(client) = self.wanting(Feed::Pages) else {
            return false;
        };
        let texts = [Some(path), title, locale, user_agent, opened].map(convert::text);
        let [
            Some(path),
            Some(title),
            Some(locale),
            Some(user_agent),
            Some(opened),
        ] = &texts
        else {
            return self.refuse();
        };
        let page = Page {
            path,
            opened,
            title,
            locale,
            user_agent,
        };
        self.put(py, || client.record_page(&page))
    }

    /// Records statistics of the install: `users`, `tokens`, `addons`, `deployment`, and `apps` as names or
    /// pairs of name and version. Answers whether the event is held.
    #[pyo3(signature = (**values))]
    fn record_stats(&self, py: Python<'_>, values: Option<&Bound<'_, PyDict>>) -> bool {
        let Some(client) = self.wanting(Feed::Stats) else {
            return false;
        };
        let stats = match values {
            Some(values) => convert::stats(values),
            None => Some(headcount_client::Stats::default()),
        };
        match stats {
            Some(stats) => self.put(py, || client.record_stats(&stats)),
            None => self.refuse(),
        }
    }

    /// Records a number that an app reports about itself. Answers whether the event is held.
    #[expect(clippy::too_many_arguments, reason = "keywords of a Python call")]
    fn record_stat(
        &self,
        py: Python<'_>,
        namespace: &Bound<'_, PyAny>,
        task: &Bound<'_, PyAny>,
        label: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
    ) -> bool {
        let Some(client) = self.wanting(Feed::Stats) else {
            return false;
        };
        let texts = [Some(namespace), Some(task), Some(label)].map(convert::text);
        let ([Some(namespace), Some(task), Some(label)], Some(value)) =
            (&texts, convert::number(value))
        else {
            return self.refuse();
        };
        self.put(py, || client.record_stat(namespace, task, label, value))
    }

    /// Records an event as add-on apps know it from Alliance Auth, in its newer shape (`namespace`, `task`,
    /// `label`, `result`, `value`, `event_type`) or its older one (`category`, `action`, `label`, `value`,
    /// `event_type`). Never raises.
    #[pyo3(signature = (namespace=None, task=None, label=None, result=None, value=None, event_type=None, *_args, category=None, action=None, **_others))]
    #[expect(clippy::too_many_arguments, reason = "keywords of a Python call")]
    fn analytics_event(
        &self,
        py: Python<'_>,
        namespace: Option<&Bound<'_, PyAny>>,
        task: Option<&Bound<'_, PyAny>>,
        label: Option<&Bound<'_, PyAny>>,
        result: Option<&Bound<'_, PyAny>>,
        value: Option<&Bound<'_, PyAny>>,
        event_type: Option<&Bound<'_, PyAny>>,
        _args: &Bound<'_, PyTuple>,
        category: Option<&Bound<'_, PyAny>>,
        action: Option<&Bound<'_, PyAny>>,
        _others: Option<&Bound<'_, PyDict>>,
    ) {
        let Some(client) = self.client() else {
            return;
        };
        let is_old = namespace.is_none() && task.is_none();
        let (space, name) = if is_old {
            (category, action)
        } else {
            (namespace, task)
        };
        let texts = [space, name, label, result, event_type].map(convert::text);
        let number = value.map_or(Some(1.0), convert::number);
        let (
            [
                Some(space),
                Some(name),
                Some(label),
                Some(result),
                Some(kind),
            ],
            Some(number),
        ) = (&texts, number)
        else {
            self.refuse();
            return;
        };
        let event = if is_old {
            AnalyticsEvent::old(space, name, label, number)
        } else {
            AnalyticsEvent::new(space, name, label, result, number)
        };
        let event = if kind.is_empty() {
            event
        } else {
            event.event_type(kind)
        };
        self.put(py, || client.analytics_event(&event));
    }

    /// Calls whose arguments could not be understood, and events lost before there was a place to count them.
    fn refused(&self) -> u64 {
        let lost = self.client().map_or(0, |client| client.ringless_losses());
        self.refused.load(Ordering::Relaxed) + lost
    }

    /// What went wrong last in this process; None when nothing did.
    fn trouble(&self) -> Option<String> {
        self.client()?.trouble()
    }

    /// Takes over what is recorded, tries once to deliver and ends the worker, within this many seconds.
    #[pyo3(signature = (seconds=1.9))]
    fn shutdown(&self, py: Python<'_>, seconds: f64) {
        let limit = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        if let Some(client) = self.client() {
            py.detach(|| client.shutdown(limit));
        }
        self.warm.store(false, Ordering::Relaxed);
    }

    /// For a forked child: the next event begins the module anew.
    fn after_fork(&self) {
        self.warm.store(false, Ordering::Relaxed);
    }
}
