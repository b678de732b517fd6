//! How long reports take over a year of a large fleet, each with two filters, beside brute force.

mod build;
mod fleet;
mod reference;
mod spent;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use headcount_collector::config::Config;
use headcount_collector::index::{Index, IndexConfig};
use headcount_collector::reports::{self, Params, ReportError, Source};
use headcount_collector::store::{Day, Store};
use headcount_collector::web::overview;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use fleet::{Fleet, PROJECT};
use spent::{Spent, processor};

/// Last day of the fleet: 2026-11-22, a Sunday. Today is the day after.
const LAST: Day = Day(20_779);
/// Reports with their parameters and the time at most 5 % of answers may exceed.
const REPORTS: [(&str, &str, u64); 22] = [
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
    ("task", TASK, 100),
    ("task-exceptions", TASK, 100),
    ("task-versions", TASK, 100),
    ("task-values", TASK, 100),
    ("deployment", "", 100),
    ("retention", "", 100),
    ("survival", "", 100),
    ("upgrade", "", 100),
    ("upgrade-lag", "", 100),
    ("upgrade-behind", "", 100),
    ("overview", "", 150),
];
/// The task that is run most.
const TASK: &str = "&namespace=app0&task=task1";
const RANGES: [i32; 4] = [7, 30, 90, 365];
const MAX_RSS_MB: u64 = 500;

struct Options {
    installs: u32,
    days: i32,
    questions: usize,
    seed: u64,
    /// Only this report, and no reference.
    report: Option<String>,
    /// Only this length of range.
    range: Option<i32>,
    /// Also tell which questions to the index each report asked, and what they cost.
    explain: bool,
}

impl Options {
    fn parse(arguments: &[&str]) -> anyhow::Result<Self> {
        let mut options = Self {
            installs: 100_000,
            days: 365,
            questions: 20,
            seed: 1,
            report: None,
            range: None,
            explain: false,
        };
        let (flags, arguments): (Vec<&str>, Vec<&str>) =
            arguments.iter().partition(|name| **name == "--explain");
        options.explain = !flags.is_empty();
        for pair in arguments.chunks(2) {
            let [name, value] = pair else {
                bail!("{} wants a value", pair[0]);
            };
            let wants = || format!("{name} wants a number, not {value}");
            match *name {
                "--installs" => options.installs = value.parse().with_context(wants)?,
                "--days" => options.days = value.parse().with_context(wants)?,
                "--questions" => options.questions = value.parse().with_context(wants)?,
                "--seed" => options.seed = value.parse().with_context(wants)?,
                "--report" => options.report = Some((*value).to_owned()),
                "--range" => options.range = Some(value.parse().with_context(wants)?),
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
    let opened = Instant::now();
    let index = open(&folder)?;
    println!(
        "opened in {:.0?}, {} MB resident",
        opened.elapsed(),
        resident_mb()
    );
    drop(index);
    println!(
        "{:<22}{:>6}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}  (milliseconds, two filters; processor: time spent \
         computing, 95th percentile over all threads, and its mean; first: the first question over so many days, when nothing is in memory)",
        "report", "days", "p50", "p95", "max", "processor", "mean", "first"
    );
    let mut random = StdRng::seed_from_u64(options.seed);
    let mut missed = Vec::new();
    let asked = |name: &str| options.report.as_deref().is_none_or(|only| only == name);
    for (name, parameters, limit_ms) in REPORTS.into_iter().filter(|report| asked(report.0)) {
        let mut all = Vec::new();
        let ranges = RANGES.into_iter();
        for days in ranges.filter(|&days| options.range.is_none_or(|only| only == days)) {
            let (mut times, spent) = (Vec::new(), Spent::default());
            // A cache of its own, so that the first question finds nothing in memory.
            let index = open(&folder)?;
            for _ in 0..options.questions {
                let query = query(&mut random, days.min(fleet.days), parameters);
                times.push(ask((&index, &spent), &fleet, name, &query)?);
            }
            line(
                &format!("{name}{parameters}"),
                &days.to_string(),
                &mut times,
            );
            if options.explain {
                spent.print(times.len());
            }
            all.extend(times);
        }
        let p95 = line(&format!("{name}{parameters}"), "all", &mut all);
        if p95 > Duration::from_millis(limit_ms) {
            missed.push(format!(
                "{name}{parameters}: p95 {p95:.0?} is over {limit_ms} ms"
            ));
        }
    }
    if options.report.is_none() {
        reference::run(&folder, &fleet)?;
    }
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

/// The index with the settings of a server, but for its upkeep.
fn open(folder: &Path) -> anyhow::Result<Index> {
    let config = IndexConfig {
        cache_bytes: Config::new(folder).index_cache_bytes,
        upkeep_every: None,
        ..IndexConfig::default()
    };
    let store = Store::open(folder)?;
    Ok(Index::open(&folder.join("index.sqlite"), store, config)?)
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

fn ask(
    (index, spent): (&Index, &Spent),
    fleet: &Fleet,
    name: &str,
    query: &str,
) -> anyhow::Result<Time> {
    let failed = |error: headcount_collector::error::Error| ReportError::Data(error.to_string());
    let source = Source {
        breaks: &[],
        narrowed: false,
        project: "bench",
        now_ms: LAST.start_ms() + 86_400_000,
        answer: &|query| {
            let ask = || index.answer(PROJECT, query);
            spent.on(|| spent::kind(query), ask).map_err(failed)
        },
        lives: &|query| index.lives(PROJECT, query).map_err(failed),
        spread: &|query| {
            let ask = || index.spread(PROJECT, query);
            let kind = || format!("spread of {}", spent::kind(query));
            spent.on(kind, ask).map_err(failed)
        },
        hits: &|_| Ok(Vec::new()),
    };
    let today = Day(LAST.0 + 1);
    let (begun, before) = (Instant::now(), processor());
    if name == "overview" {
        overview::figures(&source, query, (fleet.first, today))?;
    } else {
        let params = Params::parse(query, today)?;
        reports::run(&source, name, &params)?;
    }
    Ok(Time {
        wall: begun.elapsed(),
        processor: processor().saturating_sub(before),
    })
}

/// Prints one line; gives the 95th percentile of the wall's clock.
fn line(name: &str, days: &str, times: &mut [Time]) -> Duration {
    let first = times.first().map_or(Duration::ZERO, |time| time.wall);
    let at = |times: &[Time], share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
    times.sort_unstable_by_key(|time| time.processor);
    let processor = at(times, 95).processor;
    let mean = times.iter().map(|time| time.processor).sum::<Duration>() / times.len() as u32;
    times.sort_unstable_by_key(|time| time.wall);
    let wall = |share| at(times, share).wall;
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "{name:<22}{days:>6}{:>9.1}{:>9.1}{:>9.1}{:>9.1}{:>9.1}{:>9.1}",
        ms(wall(50)),
        ms(wall(95)),
        ms(wall(100)),
        ms(processor),
        ms(mean),
        ms(first)
    );
    wall(95)
}

/// How long an answer took, and how much of it this process was computing, on all threads: the rest it
/// waited for the disk or for others on a busy machine.
#[derive(Clone, Copy, Debug)]
struct Time {
    wall: Duration,
    processor: Duration,
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
