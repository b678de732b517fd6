//! Waits for answers in short steps, so that the one thread of the module can also empty the ring meanwhile.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::time::Duration as Limit;
use ureq::unversioned::transport::{
    Buffers, ConnectProxyConnector, ConnectionDetails, Connector, NextTimeout, RustlsConnector,
    TcpConnector, Transport,
};

/// Longest wait before `Meanwhile` is called.
const STEP: Duration = Duration::from_millis(50);

/// Called again and again on the sending thread while an answer is awaited.
#[derive(Clone)]
pub struct Meanwhile(pub Arc<dyn Fn() + Send + Sync>);

impl fmt::Debug for Meanwhile {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Meanwhile(..)")
    }
}

/// TCP, a proxy if the system has one, our patience, then TLS.
pub(super) fn connector(meanwhile: Option<Meanwhile>) -> impl Connector {
    ().chain(ConnectProxyConnector::default())
        .chain(TcpConnector::default())
        .chain(Patience { meanwhile })
        .chain(RustlsConnector::default())
}

#[derive(Debug)]
struct Patience {
    meanwhile: Option<Meanwhile>,
}

impl<In: Transport> Connector<In> for Patience {
    type Out = Patient<In>;

    fn connect(
        &self,
        _: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        let meanwhile = self.meanwhile.clone();
        Ok(chained.map(|inner| Patient { inner, meanwhile }))
    }
}

#[derive(Debug)]
struct Patient<T> {
    inner: T,
    meanwhile: Option<Meanwhile>,
}

impl<T: Transport> Transport for Patient<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        self.inner.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        let Some(meanwhile) = self.meanwhile.clone() else {
            return self.inner.await_input(timeout);
        };
        let until = timeout.not_zero().map(|left| Instant::now() + *left);
        loop {
            let left = until.map_or(STEP, |until| {
                until.saturating_duration_since(Instant::now())
            });
            let mut step = timeout;
            step.after = Limit::from(left.min(STEP));
            match self.inner.await_input(step) {
                Err(Error::Timeout(_)) if left > STEP || until.is_none() => (meanwhile.0)(),
                done => return done,
            }
        }
    }

    fn is_open(&mut self) -> bool {
        self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

/// Looks names up on the calling thread: the usual resolver starts a thread for its time limit.
#[derive(Debug, Default)]
pub(super) struct SameThread {
    inner: DefaultResolver,
}

impl Resolver for SameThread {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let mut unlimited = timeout;
        unlimited.after = Limit::NotHappening;
        self.inner.resolve(uri, config, unlimited)
    }
}
