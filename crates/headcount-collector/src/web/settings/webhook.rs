//! Where findings are posted to: set (its secret shown once), tried, listed with what became of each post, removed.

use std::time::Duration;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use serde::Deserialize;

use super::{Change, Frame, Manager, Section, answer, day, mendable, moment};
use crate::meta::MetaError;
use crate::meta::webhooks::{PostLine, PostState, Webhook};
use crate::web::error::PageError;
use crate::web::login::Nothing;
use crate::web::shell::Shell;
use crate::web::{Web, now};
use crate::webhook::{MOST_TRIES, address};

/// Posts that the page lists.
const LINES: u32 = 20;

/// How long the answer to a test is waited for before the page says that it waits.
const TEST_LOOKS: u32 = 25;
const TEST_STEP: Duration = Duration::from_millis(200);

#[derive(Template)]
#[template(path = "settings_webhook.html")]
struct WebhookPage {
    shell: Shell,
    frame: Frame,
    at: String,
    /// What was given where it could not be taken.
    given: String,
    hook: Option<Hook>,
    /// A secret just made.
    secret: Option<String>,
    lines: Vec<Line>,
    most_tries: u32,
    private: bool,
}

struct Hook {
    url: String,
    made: String,
    hook: Webhook,
}

struct Line {
    about: String,
    queued: String,
    /// Whether something is wrong with it.
    bad: bool,
    state: String,
    answer: String,
}

#[derive(Deserialize)]
pub(in crate::web) struct Given {
    url: String,
}

/// `GET /projects/{project}/settings/webhook`.
pub(in crate::web) async fn show(
    manager: Manager,
    State(web): State<Web>,
    RawQuery(query): RawQuery,
) -> Result<Response, PageError> {
    let frame = manager.frame(Section::Webhook).after(query.as_deref());
    webhook_page(&web, manager, frame, (String::new(), None)).await
}

/// `POST /projects/{project}/settings/webhook`. The answer is the only one that shows the secret.
pub(in crate::web) async fn set(
    State(web): State<Web>,
    Change { manager, form }: Change<Given>,
) -> Result<Response, PageError> {
    let (number, actor) = (manager.number(), manager.actor());
    let private = web.collector().config.private_webhooks;
    let given = form.url.clone();
    let set = web.meta(move |meta| {
        let checked = address::check(&form.url, private).map_err(MetaError::Invalid);
        mendable(checked.and_then(|url| meta.set_webhook(number, &url, &actor, now())))
    });
    let frame = manager.frame(Section::Webhook);
    match set.await? {
        Ok(secret) => webhook_page(&web, manager, frame, (String::new(), Some(secret))).await,
        Err(problem) => {
            let frame = frame.but(Some(problem));
            webhook_page(&web, manager, frame, (given, None)).await
        }
    }
}

/// `POST /projects/{project}/settings/webhook/test`. Waits some seconds for the answer.
pub(in crate::web) async fn test(
    State(web): State<Web>,
    Change { manager, .. }: Change<Nothing>,
) -> Result<Response, PageError> {
    let (number, actor) = (manager.number(), manager.actor());
    let queued = web.meta(move |meta| mendable(meta.queue_test_post(number, &actor, now())));
    if let Err(problem) = queued.await? {
        let frame = manager.frame(Section::Webhook).but(Some(problem));
        return webhook_page(&web, manager, frame, (String::new(), None)).await;
    }
    for _ in 0..TEST_LOOKS {
        tokio::time::sleep(TEST_STEP).await;
        let latest = web.meta(move |meta| meta.webhook_posts(number, 1)).await?;
        if latest.first().is_none_or(|line| line.tries > 0) {
            break;
        }
    }
    Ok(manager.back(Section::Webhook, "tested"))
}

/// `GET /projects/{project}/settings/webhook/remove`.
pub(in crate::web) async fn ask_remove(
    manager: Manager,
    State(web): State<Web>,
) -> Result<Response, PageError> {
    let number = manager.number();
    let hook = web.meta(move |meta| meta.webhook(number)).await?;
    let hook = hook.ok_or(PageError::NotFound)?;
    let waiting = match hook.waiting {
        0 => "Nothing waits to be sent.".to_owned(),
        1 => "One post that waits is not sent any more.".to_owned(),
        waiting => format!("{waiting} posts that wait are not sent any more."),
    };
    let texts = vec![
        format!(
            "Findings are no longer posted to {}, and its secret is deleted. {waiting}",
            hook.url
        ),
        "The findings themselves stay. A webhook that is set later gets a secret of its own."
            .to_owned(),
    ];
    manager.ask(
        Section::Webhook,
        "Remove the webhook?",
        texts,
        "Remove webhook",
    )
}

/// `POST /projects/{project}/settings/webhook/remove`.
pub(in crate::web) async fn remove(
    State(web): State<Web>,
    Change { manager, .. }: Change<Nothing>,
) -> Result<Response, PageError> {
    let (number, actor) = (manager.number(), manager.actor());
    web.meta(move |meta| meta.remove_webhook(number, &actor, now()))
        .await?;
    Ok(manager.back(Section::Webhook, "webhook-removed"))
}

async fn webhook_page(
    web: &Web,
    manager: Manager,
    frame: Frame,
    (given, secret): (String, Option<String>),
) -> Result<Response, PageError> {
    let number = manager.number();
    let found = web.meta(move |meta| -> Result<_, MetaError> {
        Ok((meta.webhook(number)?, meta.webhook_posts(number, LINES)?))
    });
    let (hook, lines) = found.await?;
    let refused = frame.problem.is_some();
    let page = WebhookPage {
        shell: manager.shell()?,
        frame,
        at: Section::Webhook.href(manager.slug()),
        given,
        hook: hook.map(|hook| Hook {
            url: hook.url.clone(),
            made: day(hook.created_ms),
            hook,
        }),
        secret,
        lines: lines.into_iter().map(line).collect(),
        most_tries: MOST_TRIES,
        private: web.collector().config.private_webhooks,
    };
    Ok(answer(&page, refused))
}

fn line(post: PostLine) -> Line {
    let tries = match post.tries {
        1 => "1 try".to_owned(),
        tries => format!("{tries} tries"),
    };
    let (bad, state) = match post.state {
        PostState::Taken if post.tries == 1 => (false, "taken".to_owned()),
        PostState::Taken => (false, format!("taken after {tries}")),
        PostState::GivenUp => (true, format!("given up after {tries}")),
        PostState::Waiting(_) if post.tries == 0 => (false, "waits".to_owned()),
        PostState::Waiting(due_ms) => (true, format!("{tries}, again at {}", moment(due_ms))),
    };
    Line {
        about: post.about.unwrap_or_else(|| "Test".to_owned()),
        queued: moment(post.queued_ms),
        bad,
        state,
        answer: post.answer,
    }
}
