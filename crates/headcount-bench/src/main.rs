//! Benchmarks, each beside its reference in the same run: `ingest`, `reports`, `client`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints its figures"
)]

mod client;
mod ingest;
mod reports;

use std::process::ExitCode;

const USAGE: &str =
    "usage: headcount-bench ingest [--rounds N] [--seconds N] [--batches N] [--json]
       headcount-bench reports [--installs N] [--days N] [--questions N] [--seed N]
                               [--report NAME] [--range DAYS] [--explain]
       headcount-bench client [--json]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["ingest", options @ ..] => ingest::run(options),
        ["client", options @ ..] => client::run(options),
        ["reports", options @ ..] => reports::run(options),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("headcount-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}
