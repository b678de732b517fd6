//! How long reports take over a year of a large fleet, each with two filters, beside brute force.

mod build;
mod fleet;

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use headcount_collector::index::{Index, IndexConfig};
use headcount_collector::reports::{self, Params, ReportError, Source};
use headcount_collector::store::{Day, Store};
use headcount_collector::web::overview;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rusqlite::Connection;

use fleet::{Fleet, PROJECT};

/// Last day of the fleet: 2026-11-22, a Sunday. Today is the day after.
const LAST: Day = Day(20_779);
/// Reports with their parameters and the time at most 5 % of answers may exceed.
const REPORTS: [(&str, &str, u64); 12] = [
    ("totals", "", 100),
    ("installs", "", 100),
    ("versions", "&bucket=week", 100),
    ("apps", "", 100),
    ("sizes", "", 100),
    ("sizes", "&of=tokens", 100),
    ("tasks", "", 100),
    ("pages", "", 100),
    ("locales", "", 100),
    ("browsers", "", 100),
    ("app-versions", "&limit=100", 100),
    ("overview", "", 150),
];
const RANGES: [i32; 4] = [7, 30, 90, 365];
const MAX_RSS_MB: u64 = 500;

struct Options {
    installs: u32,
    days: i32,
    questions: usize,
    seed: u64,
}

impl Options {
    fn parse(arguments: &[&str]) -> anyhow::Result<Self> {
        let mut options = Self {
            installs: 100_000,
            days: 365,
            questions: 20,
            seed: 1,
        };
        for pair in arguments.chunks(2) {
            let [name, value] = pair else {
                bail!("{} wants a number", pair[0]);
            };
            let wants = || format!("{name} wants a number, not {value}");
            match *name {
                "--installs" => options.installs = value.parse().with_context(wants)?,
                "--days" => options.days = value.parse().with_context(wants)?,
                "--questions" => options.questions = value.parse().with_context(wants)?,
                "--seed" => options.seed = value.parse().with_context(wants)?,
                _ => bail!("unknown option {name}"),
            }
        }
        Ok(options)
    }
}

pub(crate) fn run(arguments: &[&str]) -> anyhow::Result<()> {
    let options = Options::parse(arguments)?;
    let fleet = Fleet {
        installs: options.installs,
        days: options.days,
        first: Day(LAST.0 - options.days + 1),
        seed: options.seed,
    };
    let folder = build::folder(&fleet)?;
    let store = Store::open(&folder)?;
    let opened = Instant::now();
    let index = Index::open(
        &folder.join("index.sqlite"),
        store,
        IndexConfig {
            cache_bytes: 256 * 1024 * 1024,
            upkeep_every: None,
            ..IndexConfig::default()
        },
    )?;
    println!(
        "opened in {:.0?}, {} MB resident",
        opened.elapsed(),
        resident_mb()
    );
    println!(
        "{:<22}{:>6}{:>10}{:>10}{:>10}  (milliseconds, two filters)",
        "report", "days", "p50", "p95", "max"
    );
    let mut random = StdRng::seed_from_u64(options.seed);
    let mut missed = Vec::new();
    for (name, parameters, limit_ms) in REPORTS {
        let mut all = Vec::new();
        for days in RANGES {
            let mut times = Vec::new();
            for _ in 0..options.questions {
                let query = query(&mut random, days.min(fleet.days), parameters);
                times.push(ask(&index, &fleet, name, &query)?);
            }
            line(
                &format!("{name}{parameters}"),
                &days.to_string(),
                &mut times,
            );
            all.extend(times);
        }
        let p95 = line(&format!("{name}{parameters}"), "all", &mut all);
        if p95 > Duration::from_millis(limit_ms) {
            missed.push(format!(
                "{name}{parameters}: p95 {p95:.0?} is over {limit_ms} ms"
            ));
        }
    }
    reference(&index, &folder, &fleet)?;
    let resident = resident_mb();
    println!("{resident} MB resident");
    if resident > MAX_RSS_MB {
        missed.push(format!("{resident} MB resident are over {MAX_RSS_MB} MB"));
    }
    if missed.is_empty() {
        return Ok(());
    }
    bail!("{}", missed.join("; "))
}

/// A range that ends yesterday, and two filters on different dimensions.
fn query(random: &mut StdRng, days: i32, parameters: &str) -> String {
    let mut filters = vec![
        format!("version:{}", version(random)),
        format!("app:app{}", random.random_range(0..40)),
        format!("!app:app{}", random.random_range(0..40)),
        "deployment:docker".to_owned(),
        "users:10-99".to_owned(),
        format!("users:{}-900", random.random_range(3..40)),
        "first_seen:2026-03".to_owned(),
        format!("locale:l{}", random.random_range(0..4)),
        format!("namespace:app{}", random.random_range(0..40)),
    ];
    let mut chosen = Vec::new();
    for _ in 0..2 {
        let at = random.random_range(0..filters.len());
        chosen.push(filters.swap_remove(at));
    }
    let day = |day: i32| {
        let epoch = jiff::civil::date(1970, 1, 1);
        epoch
            .saturating_add(jiff::Span::new().days(day))
            .to_string()
    };
    let (from, to) = (day(LAST.0 - days + 1), day(LAST.0));
    let [a, b] = [&chosen[0], &chosen[1]];
    format!("from={from}&to={to}&filter={a}&filter={b}{parameters}")
}

fn version(random: &mut StdRng) -> String {
    let texts = fleet::texts();
    let versions = &texts[..100];
    versions.choose(random).cloned().unwrap_or_default()
}

fn ask(index: &Index, fleet: &Fleet, name: &str, query: &str) -> anyhow::Result<Duration> {
    let failed = |error: headcount_collector::error::Error| ReportError::Data(error.to_string());
    let source = Source {
        narrowed: false,
        project: "bench",
        now_ms: LAST.start_ms() + 86_400_000,
        answer: &|query| index.answer(PROJECT, query).map_err(failed),
        lives: &|query| index.lives(PROJECT, query).map_err(failed),
        spread: &|query| index.spread(PROJECT, query).map_err(failed),
        hits: &|_| Ok(Vec::new()),
    };
    let today = Day(LAST.0 + 1);
    let begun = Instant::now();
    if name == "overview" {
        overview::figures(&source, query, (fleet.first, today))?;
    } else {
        let params = Params::parse(query, today)?;
        reports::run(&source, name, &params)?;
    }
    Ok(begun.elapsed())
}

/// Prints one line; gives the 95th percentile.
fn line(name: &str, days: &str, times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "{name:<22}{days:>6}{:>10.1}{:>10.1}{:>10.1}",
        ms(at(50)),
        ms(at(95)),
        ms(at(100))
    );
    at(95)
}

/// Active installs per day of the last month: the index beside SQL over the raw events, which here
/// are the statistics rows alone, a fifth of what a real store holds.
fn reference(index: &Index, folder: &std::path::Path, fleet: &Fleet) -> anyhow::Result<()> {
    use headcount_collector::query::{Bucket, DayRange, Measure, Query};
    let from = Day(LAST.0 - build::RAW_DAYS.min(fleet.days) + 1);
    let query = Query {
        measure: Measure::Active,
        by: Vec::new(),
        filter: Vec::new(),
        range: DayRange { from, to: LAST },
        bucket: Bucket::Day,
    };
    let connection = Connection::open(folder.join("store.sqlite"))?;
    let mut ratios = Vec::new();
    for _ in 0..3 {
        let begun = Instant::now();
        let answer = index.answer(PROJECT, &query)?;
        let ours = begun.elapsed();
        let begun = Instant::now();
        let counted: Vec<i64> = connection
            .prepare(
                "SELECT COUNT(DISTINCT install) FROM events \
                 WHERE project = ?1 AND day BETWEEN ?2 AND ?3 GROUP BY day ORDER BY day",
            )?
            .query_map((PROJECT.0, from.0, LAST.0), |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let theirs = begun.elapsed();
        let found: Vec<i64> = answer
            .rows
            .iter()
            .map(|row| row.installs.cast_signed())
            .collect();
        if found != counted {
            bail!("the index counts {found:?}, SQL counts {counted:?}");
        }
        ratios.push((theirs.as_secs_f64() / ours.as_secs_f64(), ours, theirs));
    }
    ratios.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (ratio, ours, theirs) = ratios[1];
    println!(
        "active per day of a month: index {ours:.1?}, SQL {theirs:.1?}, {ratio:.0} times faster"
    );
    Ok(())
}

/// Resident memory of this process, 0 where the system does not tell.
fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kb = line.and_then(|line| {
        line.trim()
            .trim_end_matches("kB")
            .trim()
            .parse::<u64>()
            .ok()
    });
    kb.unwrap_or(0) / 1024
}
