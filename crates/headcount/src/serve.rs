//! `headcount serve`: the collector and its pages on one data folder until it is told to stop.

use headcount_collector::config::Config;

use crate::cli::ServeArgs;
use crate::folder;
use crate::host::{self, Host, Signals};
use crate::output::{self, Output};

const BYTES_PER_MIB: usize = 1024 * 1024;

pub(crate) fn run(args: ServeArgs, output: Output) -> anyhow::Result<()> {
    // Given back when the last thread that writes has ended.
    let _owner = folder::own(&args.data.data)?;
    host::runtime()?.block_on(serve(args, output))
}

async fn serve(args: ServeArgs, output: Output) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let (listen, connections) = (args.listen, args.max_connections);
    let host = Host::open(config(args)?, listen, connections).await?;
    output::message(format_args!("listening on {}", host.url()));
    let link = host.first_link()?;
    if let Some(link) = &link {
        output::message(format_args!("sign in for the first time, once: {link}"));
    }
    if output.json {
        let ready = serde_json::json!({ "listening": host.url(), "sign_in": link });
        output.result(&ready, "")?;
    }
    host.serve(signals.any()).await
}

fn config(args: ServeArgs) -> anyhow::Result<Config> {
    let mut config = Config::new(args.data.data);
    config.public_url = args.public_url;
    config.client_address_header = args.client_address_header;
    config.retention_days = args.retention_days;
    config.private_webhooks = args.private_webhooks;
    config.index_cache_bytes = args.index_cache_mib.saturating_mul(BYTES_PER_MIB);
    config.limits.requests_per_second = args.requests_per_second;
    #[cfg(feature = "oidc")]
    {
        config.oidc = args.oidc.config()?;
    }
    Ok(config)
}
