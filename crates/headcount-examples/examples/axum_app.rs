//! An axum program with the module inside: opened pages are recorded, the operator's pages are merged in.
//!
//! `axum_app [STATE-FOLDER [ADDRESS]]`
#![expect(
    clippy::print_stdout,
    reason = "a program tells its operator where it is"
)]

use axum::Router;
use axum::extract::Path;
use axum::response::Html;
use axum::routing::get;
use headcount_client::layers::PageViews;
use headcount_client::{Admin, Client, Config, Door, InstalledApp, Stats};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let state = words
        .next()
        .unwrap_or_else(|| "./headcount-state".to_owned());
    let address = words.next().unwrap_or_else(|| "127.0.0.1:8789".to_owned());

    let mut config = Config::new(state).app("axum-app", env!("CARGO_PKG_VERSION"));
    // Once a day, at this install's own minute, on the module's thread.
    config.daily = Some(std::sync::Arc::new(|| Some(stats())));
    let client = Client::open(config);

    // Whoever has accounts asks them instead, with `Admin::allow`.
    let door = Door::new();
    let pages = Admin::new(client.state())
        .program("Axum app")
        .door(door.clone());

    let app = Router::new()
        .route("/", get(async || Html("<title>Home</title><h1>Home</h1>")))
        .route("/users/{id}", get(user))
        // Added to the routes, so that it knows their patterns; compression would come after it.
        .layer(PageViews::new(client.clone()))
        .merge(pages.router());

    let listener = tokio::net::TcpListener::bind(address).await?;
    let at = listener.local_addr()?;
    println!("listening on http://{at}");
    println!(
        "what this install sends: http://{at}{}",
        door.link().unwrap_or_default()
    );
    axum::serve(listener, app)
        .with_graceful_shutdown(async {
            // Without a signal handler the program is stopped the hard way; what is recorded survives that too.
            let _ = tokio::signal::ctrl_c().await;
        })
        .await?;
    Ok(())
}

async fn user(Path(id): Path<u32>) -> Html<String> {
    Html(format!("<title>User {id}</title><h1>User {id}</h1>"))
}

fn stats() -> Stats {
    Stats {
        users: Some(128),
        apps: vec![InstalledApp {
            name: "blog".to_owned(),
            version: Some("1.0.0".to_owned()),
        }],
        ..Stats::default()
    }
}
