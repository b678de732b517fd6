//! An install in a temporary folder.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use headcount_client::{
    Caps, Client, Config, Feeds, Http, NewToken, Round, Sender, State, Task, TokenKind,
};
use headcount_protocol::{Event, EventBody};
use tempfile::TempDir;

pub(crate) struct Installation {
    pub(crate) dir: TempDir,
    pub(crate) state: State,
}

pub(crate) fn new_token(kind: TokenKind, endpoint: &str) -> NewToken {
    NewToken {
        name: "Team".into(),
        kind,
        endpoint: endpoint.into(),
        token: match kind {
            TokenKind::Headcount => "hc_key".into(),
            TokenKind::Ga4 => "G-AATEAM0001".into(),
            TokenKind::Universal => "UA-186249766-2".into(),
        },
        secret: (kind == TokenKind::Ga4).then(|| "not-the-real-secret-00".into()),
        feeds: Feeds::ALL,
    }
}

impl Installation {
    pub(crate) fn sending_to(kind: TokenKind, endpoint: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let state = State::at(dir.path().join("state"));
        state
            .change(|settings| {
                settings.app = Some("allianceauth".into());
                settings.app_version = Some("5.5.0".into());
                settings.add(new_token(kind, endpoint))
            })
            .unwrap();
        Self { dir, state }
    }

    pub(crate) fn client(&self) -> Client {
        Client::open(self.config())
    }

    pub(crate) fn config(&self) -> Config {
        config(self.state.dir())
    }

    pub(crate) fn sender(&self, timeout: Duration) -> Sender {
        let http = Arc::new(Http::new(timeout, None));
        Sender::open(&self.state, http, Duration::ZERO, Caps::default()).unwrap()
    }

    pub(crate) fn flush(&self) -> Round {
        let mut sender = self.sender(Duration::from_secs(5));
        self.state.adopt_orphans(&Caps::default()).unwrap();
        sender.flush().unwrap()
    }

    pub(crate) fn waiting(&self) -> u64 {
        self.state.spool().unwrap().status(&[]).unwrap().waiting
    }
}

pub(crate) fn config(state: &Path) -> Config {
    let mut config = Config::new(state);
    // Tests send by hand; the worker only takes events over.
    config.delivery_interval = Duration::from_secs(3600);
    config
}

pub(crate) fn task(label: &str) -> Task<'_> {
    Task {
        namespace: "memberaudit",
        task: "update_character",
        result: "Success",
        label,
        value: Some(34.0),
    }
}

/// The same as an event, for what goes straight into the spool.
pub(crate) fn event(label: &str) -> Event {
    let task = task(label);
    Event {
        id: None,
        at_ms: None,
        body: EventBody::Task(headcount_protocol::Task {
            namespace: task.namespace.into(),
            task: task.task.into(),
            result: task.result.into(),
            label: label.into(),
            value: task.value,
            count: 1,
        }),
    }
}
