//! `ingest`: what the collector takes, beside the least that could be done for the same promise.
//!
//! Single GA4 hits against a bare hyper server that parses the same body and group-commits it to a
//! file with fsync; native batches of 500 events against a loop that inserts the same rows into the
//! same tables in commits of the same size. Rounds alternate, so that both meet the same machine.

mod bare;
mod hits;
mod load;
mod rows;
mod target;

use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

/// Connections of the load generator.
const CONNECTIONS: usize = 64;
/// The ratio that must be reached.
const REQUIRED: f64 = 0.6;

struct Options {
    rounds: usize,
    seconds: u64,
    batches: usize,
    json: bool,
}

impl Options {
    fn parse(arguments: &[&str]) -> anyhow::Result<Self> {
        let mut options = Self {
            rounds: 5,
            seconds: 4,
            batches: 600,
            json: false,
        };
        let mut arguments = arguments.iter();
        while let Some(name) = arguments.next() {
            let mut number = || -> anyhow::Result<u64> {
                let value = arguments.next().context("a number is missing")?;
                value.parse().with_context(|| format!("{name} {value}"))
            };
            match *name {
                "--rounds" => options.rounds = usize::try_from(number()?)?,
                "--seconds" => options.seconds = number()?,
                "--batches" => options.batches = usize::try_from(number()?)?,
                "--json" => options.json = true,
                _ => bail!("unknown option {name}"),
            }
        }
        Ok(options)
    }
}

/// Events a second of the collector and of its reference, a pair for each round.
struct Measured {
    name: &'static str,
    unit: &'static str,
    ours: Vec<f64>,
    reference: Vec<f64>,
    notes: Vec<String>,
}

impl Measured {
    fn ratio(&self) -> f64 {
        median(&self.ours) / median(&self.reference)
    }

    fn print(&self) {
        println!("{}", self.name);
        for (index, (ours, reference)) in self.ours.iter().zip(&self.reference).enumerate() {
            println!(
                "  round {}: headcount {ours:>9.0}  reference {reference:>9.0} {}  ratio {:.2}",
                index + 1,
                self.unit,
                ours / reference
            );
        }
        println!(
            "  median:  headcount {:>9.0}  reference {:>9.0} {}  ratio {:.2} ({} {REQUIRED})",
            median(&self.ours),
            median(&self.reference),
            self.unit,
            self.ratio(),
            if self.ratio() >= REQUIRED {
                "reaches"
            } else {
                "MISSES"
            }
        );
        for note in &self.notes {
            println!("  {note}");
        }
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "unit": self.unit,
            "headcount": self.ours,
            "reference": self.reference,
            "ratio": self.ratio(),
            "required": REQUIRED,
        })
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

pub(crate) fn run(arguments: &[&str]) -> anyhow::Result<()> {
    let options = Options::parse(arguments)?;
    let measured = [hits(&options)?, batches(&options)?];
    if options.json {
        let all: Vec<Value> = measured.iter().map(Measured::json).collect();
        println!("{}", json!({ "benchmarks": all }));
    } else {
        for one in &measured {
            one.print();
        }
    }
    if measured.iter().any(|one| one.ratio() < REQUIRED) {
        bail!("a ratio is below {REQUIRED}");
    }
    Ok(())
}

fn hits(options: &Options) -> anyhow::Result<Measured> {
    let mut measured = Measured {
        name: "single GA4 hits, 64 keep-alive connections",
        unit: "hits/s",
        ours: Vec::new(),
        reference: Vec::new(),
        notes: Vec::new(),
    };
    let span = Duration::from_secs(options.seconds);
    for round in 0..options.rounds {
        eprintln!("hits, round {} of {}", round + 1, options.rounds);
        let target = target::Target::start()?;
        let requests = hits::requests(target.project());
        let load = load::for_span(target.address(), requests, span)?;
        measured
            .ours
            .push(load.answered as f64 / load.took.as_secs_f64());
        measured.notes = vec![format!("last round, headcount: {}", load.latency())];
        target.stop()?;

        let bare = bare::Bare::start()?;
        let requests = hits::requests(bare.project());
        let load = load::for_span(bare.address(), requests, span)?;
        measured
            .reference
            .push(load.answered as f64 / load.took.as_secs_f64());
        measured
            .notes
            .push(format!("last round, reference: {}", load.latency()));
        bare.stop()?;
    }
    Ok(measured)
}

fn batches(options: &Options) -> anyhow::Result<Measured> {
    let mut measured = Measured {
        name: "native batches of 500 events, 64 keep-alive connections",
        unit: "events/s",
        ours: Vec::new(),
        reference: Vec::new(),
        notes: Vec::new(),
    };
    for round in 0..options.rounds {
        eprintln!("batches, round {} of {}", round + 1, options.rounds);
        let target = target::Target::start()?;
        let requests = hits::batches(target.project(), options.batches);
        let load = load::each_once(target.address(), requests)?;
        let events = (load.answered * hits::BATCH_EVENTS) as f64;
        measured.ours.push(events / load.took.as_secs_f64());
        let written = target.stop()?;
        measured.notes = vec![format!(
            "last round, headcount: {} events a commit, {}",
            written.events_a_commit(),
            load.latency()
        )];

        let inserted = rows::insert(&written)?;
        measured
            .reference
            .push(inserted.rows as f64 / inserted.took.as_secs_f64());
    }
    Ok(measured)
}
