//! Puts events straight into the spool, for short-lived processes that would not fill a ring.

use headcount_protocol::{Event, EventBody};

use crate::client::Recorded;
use crate::clock;
use crate::encode;
use crate::error::Result;
use crate::gate::{Switch, switches_on};
use crate::intake::Intake;
use crate::settings::Feed;
use crate::spool::{self, Caps, Source};
use crate::state::State;

/// The feed an event belongs to by what it is.
fn feed_of(body: &EventBody) -> Feed {
    match body {
        EventBody::Stats(_) | EventBody::Stat(_) => Feed::Stats,
        EventBody::Task(_) => Feed::Tasks,
        EventBody::Page(_) => Feed::Pages,
    }
}

impl State {
    /// The switches that are on, first the one that wins; empty when events are taken.
    ///
    /// # Errors
    /// When the settings cannot be read.
    pub fn switches_on(&self) -> Result<Vec<Switch>> {
        Ok(switches_on(None, self.settings()?.as_ref()))
    }

    /// Puts events into the spool; when it returns they are there, or the answer says why not. Events
    /// without a moment happen now. While a switch is on nothing is written.
    ///
    /// # Errors
    /// When the state folder cannot be read or written.
    pub fn record(&self, events: &[Event], caps: &Caps) -> Result<Vec<Recorded>> {
        let settings = self.settings()?;
        let Some(settings) =
            settings.filter(|settings| switches_on(None, Some(settings)).is_empty())
        else {
            return Ok(vec![Recorded::Off; events.len()]);
        };
        self.make_install()?;
        let mut intake = Intake::of(&settings);
        let now_ms = clock::now_ms();
        let mut answers = Vec::with_capacity(events.len());
        let mut incoming = Vec::with_capacity(events.len());
        let mut losses = Vec::new();
        for event in events {
            let feed = feed_of(&event.body);
            if settings.mask() & feed.bit() == 0 {
                answers.push(Recorded::Off);
                continue;
            }
            let event = Event {
                at_ms: event.at_ms.or(Some(now_ms)),
                ..event.clone()
            };
            let id = event.id.unwrap_or_else(encode::random_id);
            match intake.take(id, feed, &event, "") {
                Ok(one) => {
                    incoming.push(one);
                    answers.push(Recorded::Held);
                }
                Err(reason) => {
                    losses.push(reason);
                    answers.push(Recorded::Lost(reason));
                }
            }
        }
        if incoming.is_empty() && losses.is_empty() {
            return Ok(answers);
        }
        self.spool()?.transact(|tx| {
            for reason in losses {
                spool::count_loss(tx, 0, reason, 1)?;
            }
            spool::append(tx, &incoming, &Source::Direct, caps)
        })?;
        Ok(answers)
    }
}
