//! The OpenID provider of the testkit as a process, for tests that are not Rust: signs in the address
//! that is given, prints where it listens and its client, and ends with its standard input.
#![expect(
    clippy::print_stdout,
    clippy::expect_used,
    reason = "a test reads what it prints, and without a provider there is none"
)]

use std::io::Read as _;

use headcount_testkit::oidc::{CLIENT, Provider};

fn main() {
    let email = std::env::args().nth(1).expect("an e-mail address is given");
    let provider = Provider::start(&email).expect("a loopback port is free");
    let (id, secret) = CLIENT;
    let told = serde_json::json!({ "issuer": provider.issuer(), "id": id, "secret": secret });
    println!("{told}");
    // Read to its end, which comes when the test has ended, whatever became of it.
    drop(std::io::stdin().read_to_end(&mut Vec::new()));
}
