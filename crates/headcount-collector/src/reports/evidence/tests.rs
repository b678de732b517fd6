//! The evidence on simulated years: false alarms stay below the stated rate, real rises are found.

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::*;

/// Installs of the years without a rise.
const INSTALLS: usize = 100;
/// Alarms a year that the threshold promises at most.
const ALARMS_A_YEAR: f64 = 0.05;
const RELEASES_A_YEAR: usize = 6;
const TASKS: usize = 2;

/// An install of the simulation.
struct Install {
    /// Runs a day, and the share that fails.
    runs: f64,
    rate: f64,
    /// Day on which it upgrades.
    upgrades: i32,
}

/// How installs upgrade, from day 0 on.
#[derive(Clone, Copy)]
enum Adoption {
    /// Over some weeks; the more an install fails, the earlier.
    Keen,
    /// So many installs on day 0, the others much later.
    First(usize),
}

/// One task of a fleet whose installs differ: rates by a factor of several, runs by more.
fn fleet(random: &mut StdRng, installs: usize, adoption: Adoption) -> Vec<Install> {
    let base = 0.01;
    let place = |random: &mut StdRng| random.random_range(-1.7_f64..1.7);
    (0..installs)
        .map(|k| {
            let (much, bad) = (place(random), place(random));
            let upgrades = match adoption {
                Adoption::Keen => random.random_range(0..50) - (bad * 9.0) as i32,
                Adoption::First(first) if k < first => 0,
                Adoption::First(_) => 1_000,
            };
            Install {
                runs: 60.0 * (0.8 * much).exp(),
                rate: base * (0.7 * bad).exp(),
                upgrades: upgrades.max(0),
            }
        })
        .collect()
}

/// A count with this mean: Poisson by its waiting times.
fn poisson(random: &mut StdRng, mean: f64) -> f64 {
    let mut left = mean;
    let mut count = 0.0;
    loop {
        left += random.random_range(f64::EPSILON..1.0).ln();
        if left < 0.0 {
            return count;
        }
        count += 1.0;
    }
}

/// A day of all installs: some days a service is down, some installs fail in bursts.
fn day(random: &mut StdRng, installs: &[Install], day: i32, raised: f64) -> Vec<Tally> {
    let outage = if random.random_bool(0.05) { 8.0 } else { 1.0 };
    let mut out = Vec::new();
    for (number, install) in installs.iter().enumerate() {
        if random.random_bool(0.2) {
            continue;
        }
        let newer = day >= install.upgrades;
        let burst = if random.random_bool(0.02) { 10.0 } else { 1.0 };
        let raised = if newer { raised } else { 1.0 };
        let rate = (install.rate * outage * burst * raised).min(0.6);
        let runs = install.runs.ceil();
        out.push(Tally {
            install: number as u32,
            newer,
            runs,
            failures: poisson(random, runs * rate).min(runs),
        });
    }
    out
}

/// Whether looks on each day up to `days` ever find a rise.
fn alarm(random: &mut StdRng, adoption: Adoption, (days, raised): (i32, f64), tests: f64) -> bool {
    let installs = match adoption {
        Adoption::Keen => INSTALLS,
        Adoption::First(_) => 700,
    };
    let installs = fleet(random, installs, adoption);
    let mut evidence = Evidence::default();
    let threshold = threshold(tests, ALARMS_A_YEAR);
    for before in -28..0 {
        evidence.before(&day(random, &installs, before, raised));
    }
    (0..days).any(|now| {
        evidence.after(&day(random, &installs, now, raised));
        evidence.verdict().log_e >= threshold
    })
}

#[test]
fn years_without_a_rise_have_few_alarms() {
    const YEARS: usize = 100;
    let mut random = StdRng::seed_from_u64(5);
    let tests = (RELEASES_A_YEAR * TASKS) as f64;
    let alarms = (0..YEARS * RELEASES_A_YEAR * TASKS)
        .filter(|_| alarm(&mut random, Adoption::Keen, (30, 1.0), tests))
        .count();
    println!("{alarms} alarms in {YEARS} simulated years without a rise");
    assert!(alarms <= 5, "{alarms} alarms in {YEARS} years");
}

#[test]
fn a_threefold_rise_is_found_within_three_days_at_five_per_cent() {
    let mut random = StdRng::seed_from_u64(6);
    // As many tests as a project with 60 tasks and 10 releases a year has. 5 % of a fleet of 2,000
    // installs are 100; of the others a part is enough to tell the level of a day.
    let found = (0..100)
        .filter(|_| alarm(&mut random, Adoption::First(100), (3, 3.0), 600.0))
        .count();
    println!("a threefold rise was found within 3 days in {found} of 100 runs");
    assert!(found >= 95, "{found} of 100");
}

#[test]
fn what_is_found_is_told_as_it_is() {
    let mut random = StdRng::seed_from_u64(7);
    let installs = fleet(&mut random, INSTALLS, Adoption::Keen);
    let mut evidence = Evidence::default();
    for before in -28..0 {
        evidence.before(&day(&mut random, &installs, before, 2.0));
    }
    for later in 0..30 {
        evidence.after(&day(&mut random, &installs, later, 2.0));
    }
    let verdict = evidence.verdict();
    assert!((1.6..2.4).contains(&verdict.ratio), "{verdict:?}");
    assert!(verdict.low < verdict.ratio && verdict.ratio < verdict.high);
    assert!((verdict.rate / verdict.rate_before - verdict.ratio).abs() < 1e-9);
    assert!(verdict.installs > 40, "{verdict:?}");
}

#[test]
fn few_installs_say_nothing() {
    let tally = |install, newer, failures| Tally {
        install,
        newer,
        runs: 1_000.0,
        failures,
    };
    let mut evidence = Evidence::default();
    for _ in 0..28 {
        let day: Vec<Tally> = (0..60).map(|k| tally(k, false, 10.0)).collect();
        evidence.before(&day);
    }
    for _ in 0..30 {
        // One install alone fails each run, whatever its number of runs.
        let mut day: Vec<Tally> = (0..40).map(|k| tally(k, false, 10.0)).collect();
        day.extend((40..60).map(|k| tally(k, true, if k == 40 { 1_000.0 } else { 10.0 })));
        evidence.after(&day);
    }
    assert!(evidence.verdict().log_e < 1.0, "{:?}", evidence.verdict());
    assert_eq!(Evidence::default().verdict(), Verdict::default());
}

#[test]
fn the_normal_distribution_is_close() {
    for (z, expected) in [
        (0.0, 0.5),
        (1.0, 0.841_345),
        (1.96, 0.975_002),
        (4.0, 0.999_968),
    ] {
        assert!((normal_below(z) - expected).abs() < 1.5e-5, "{z}");
    }
}
