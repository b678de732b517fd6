//! An apalis worker whose tasks are recorded: name, success or the error's class, and the number it returned.
//!
//! `apalis_worker [STATE-FOLDER]`
#![expect(clippy::print_stdout, reason = "the example shows what it would send")]

use std::fmt;
use std::time::Duration;

use apalis::prelude::*;
use headcount_client::layers::TaskEvents;
use headcount_client::{Client, Config};

/// The arguments of a task. They are never recorded.
#[derive(Clone, Debug)]
struct SendMail {
    to: String,
    lines: u32,
}

#[derive(Debug)]
struct MailRefused(String);

impl fmt::Display for MailRefused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} refused the mail", self.0)
    }
}

impl std::error::Error for MailRefused {}

async fn send_mail(mail: SendMail, worker: WorkerContext) -> Result<u32, BoxDynError> {
    match mail.to.as_str() {
        "stop" => {
            worker.stop()?;
            Ok(0)
        }
        to if to.ends_with(".invalid") => Err(Box::new(MailRefused(mail.to))),
        _ => Ok(mail.lines),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let state = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "./headcount-state".to_owned());
    let client = Client::open(Config::new(state).app("mailer", env!("CARGO_PKG_VERSION")));

    let mut mails = MemoryStorage::new();
    for (to, lines) in [("a@example.org", 12), ("b@example.invalid", 3), ("stop", 0)] {
        let to = to.to_owned();
        mails.push(SendMail { to, lines }).await?;
    }
    WorkerBuilder::new("mail-worker")
        .backend(mails)
        .layer(
            TaskEvents::new(client.clone(), "mailer")
                .task("send_mail")
                .error::<MailRefused>(),
        )
        .build(send_mail)
        .run()
        .await?;

    client.shutdown(Duration::from_secs(2));
    for request in client.state().preview()? {
        println!("to {}:\n{}\n{}", request.name, request.head, request.body);
    }
    Ok(())
}
