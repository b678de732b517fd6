//! Is the fleet the same again, whole, and what the pages want to show?

use super::catalog::{REGRESSION_TASK, RELEASES};
use super::*;
use headcount_protocol::EventBody;
use std::collections::HashSet;

/// 2026-11-22 16:00 UTC.
const NOW_MS: i64 = 1_795_348_800_000 + 16 * 3_600_000;

fn shape(installs: u32, days: u32) -> Shape {
    Shape {
        installs,
        days,
        seed: 1,
        now_ms: NOW_MS,
    }
}

fn truth_of(fleet: &Fleet) -> Truth {
    let mut truth = Truth::default();
    for batch in fleet.days().flat_map(|day| day.batches) {
        truth.add(&batch);
    }
    truth
}

#[test]
fn a_seed_gives_one_fleet() {
    let days = |seed| {
        let fleet = Fleet::new(Shape {
            seed,
            ..shape(30, 20)
        });
        fleet.days().collect::<Vec<_>>()
    };
    assert_eq!(days(7), days(7));
    assert_ne!(days(7), days(8));
}

#[test]
fn every_install_shows_up_and_every_event_is_its_own() {
    let fleet = Fleet::new(shape(300, 60));
    let (mut installs, mut ids, mut events) = (HashSet::new(), HashSet::new(), 0);
    for day in fleet.days() {
        for batch in &day.batches {
            installs.insert(batch.install.clone());
            for event in &batch.events {
                let at_ms = event.at_ms.unwrap();
                assert_eq!(at_ms.div_euclid(DAY_MS), i64::from(day.day));
                assert!(at_ms <= NOW_MS);
                ids.insert(event.id.unwrap());
                events += 1;
            }
        }
    }
    assert_eq!(installs.len(), 300);
    assert_eq!(ids.len(), events);
}

#[test]
fn hits_happen_now() {
    let fleet = Fleet::new(shape(50, 30));
    let hits: Vec<Batch> = (0..200)
        .filter_map(|turn| fleet.hit(NOW_MS, turn))
        .collect();
    assert!(hits.len() > 100);
    for hit in &hits {
        assert_eq!(hit.events.len(), 1);
        assert_eq!(hit.events[0].at_ms, Some(NOW_MS));
    }
    let installs: HashSet<_> = hits.iter().map(|hit| hit.install.clone()).collect();
    assert!(installs.len() > 20);
}

#[test]
fn merging_loses_nothing() {
    let fleet = Fleet::new(shape(50, 30));
    let merged = merge(fleet.days(), 100);
    let mut truth = Truth::default();
    for batch in &merged {
        assert!(batch.events.len() <= 100);
        truth.add(batch);
    }
    let whole = truth_of(&fleet);
    assert_eq!(truth.events(), whole.events());
    let first = fleet.days().next().unwrap().day;
    for day in first..first + 30 {
        assert!(truth.on(day).eq(whole.on(day)));
    }
}

#[test]
fn the_fleet_is_believable() {
    let fleet = Fleet::new(shape(700, 300));
    let truth = truth_of(&fleet);
    let last = i32::try_from(NOW_MS / DAY_MS).unwrap();
    let (now, before) = (
        truth.active_in(last - 7, last).len(),
        truth.active_in(last - 97, last - 90).len(),
    );
    assert!(now > before && now < 700, "grows: {before} {now}");

    let mut users: Vec<u64> = truth
        .on(last - 1)
        .filter_map(|(_, facts)| facts.users)
        .collect();
    users.sort_unstable();
    let median = users[users.len() / 2];
    assert!((45..=75).contains(&median), "median users {median}");
    assert!(users[users.len() * 99 / 100] > 900, "a heavy tail");

    let versions = truth.versions(last - 7, last);
    let newest = RELEASES.last().unwrap().version;
    let on_newest = versions[newest] * 100 / u64::try_from(now).unwrap();
    assert!((25..=60).contains(&on_newest), "{on_newest} % on {newest}");
    assert!(versions.len() >= 7, "{versions:?}");

    let apps = truth.apps(last - 30, last);
    assert!(apps.len() > 95, "{} apps", apps.len());
    let rarest = apps.values().min().unwrap();
    assert!(apps["corptools"] > 50 * rarest, "{apps:?}");

    let task = (REGRESSION_TASK.0.to_owned(), REGRESSION_TASK.1.to_owned());
    let rate = |from, to| {
        let (runs, failures) = truth.tasks(from, to)[&task];
        failures as f64 / runs as f64
    };
    let rise = rate(last - 9, last) / rate(last - 90, last - 70);
    assert!((2.2..=3.4).contains(&rise), "failures rise {rise} times");
    assert!(truth.tasks(last - 90, last).len() > 45);
    assert!(truth.pages(last - 90, last).len() > 35);
    assert!(truth.locales(last - 90, last).len() == 9);

    let gone: usize = (last - 90..last).map(|day| truth.gone(day)).sum();
    assert!(gone > 5, "{gone} gone");
}

#[test]
fn an_install_day_is_a_handful_of_events() {
    let fleet = Fleet::new(shape(400, 100));
    let (mut days, mut events, mut stats) = (0, 0, 0);
    for batch in fleet.days().flat_map(|day| day.batches) {
        days += 1;
        events += batch.events.len();
        let is_stats =
            |event: &&headcount_protocol::Event| matches!(event.body, EventBody::Stats(_));
        stats += batch.events.iter().filter(is_stats).count();
    }
    let mean = events as f64 / f64::from(days);
    assert!(
        (3.0..=7.0).contains(&mean),
        "{mean} events on {days} install-days"
    );
    assert!(stats as f64 > 0.97 * f64::from(days));
}
