//! How Alliance Auth spells its daily statistics on both Google wires. Knows no parameter names.

use std::borrow::Cow;

use crate::event::{Deployment, InstalledApp, Stats};

/// Category (v1) or namespace (GA4) of daily statistics.
pub(crate) const STATS_NAMESPACE: &str = "allianceauth.analytics";
/// Action or task of the numbers of an install.
pub(crate) const INSTALL_STATS: &str = "send_install_stats";
/// Action or task of one installed app.
pub(crate) const EXTENSION_STATS: &str = "send_extension_stats";
/// Namespace given to v1 hits that are neither event nor page view.
pub(crate) const UA_NAMESPACE: &str = "ua";
/// Namespace given to GA4 events that name none.
pub(crate) const GA4_NAMESPACE: &str = "ga4";

const DEPLOYMENT_PREFIX: &str = "existence_";
/// Longest deployment word kept, in bytes.
pub(crate) const MAX_DEPLOYMENT_BYTES: usize = 32;

/// A deployment word: lower-case letters, digits, `-`, `_`, `.`; `None` if it is anything else.
pub(crate) fn deployment(word: &str) -> Option<Deployment> {
    let word = word.trim();
    let plain = !word.is_empty()
        && word.len() <= MAX_DEPLOYMENT_BYTES
        && word
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    plain.then(|| Deployment(word.to_ascii_lowercase()))
}

/// What one hit says about the install: `Ok` the part, `Err` that its number is missing.
/// `None` when the hit is no daily statistic.
pub(crate) fn part_of_stats(
    namespace: &str,
    task: &str,
    label: &str,
    value: Option<f64>,
) -> Option<Result<Stats, Stats>> {
    if namespace != STATS_NAMESPACE {
        return None;
    }
    let mut stats = Stats::default();
    match task {
        EXTENSION_STATS if !label.is_empty() => {
            stats.apps.push(InstalledApp {
                name: label.to_owned(),
                version: None,
            });
            return Some(Ok(stats));
        }
        INSTALL_STATS => {}
        _ => return None,
    }
    let number = value
        .filter(|v| *v >= 0.0 && v.is_finite())
        .map(|v| v as u64);
    match label {
        "existence" => return Some(Ok(stats)),
        "users" => stats.users = number,
        "tokens" => stats.tokens = number,
        "addons" => stats.addons = number,
        _ => {
            stats.deployment = Some(deployment(label.strip_prefix(DEPLOYMENT_PREFIX)?)?);
            return Some(Ok(stats));
        }
    }
    Some(if number.is_some() {
        Ok(stats)
    } else {
        Err(stats)
    })
}

/// The hits one statistic is spelled as: task, label, value, in the original's order.
pub(crate) fn parts(stats: &Stats) -> Vec<(&'static str, Cow<'_, str>, u64)> {
    let mut parts = vec![(INSTALL_STATS, Cow::Borrowed("existence"), 1)];
    if let Some(Deployment(word)) = &stats.deployment {
        parts.push((
            INSTALL_STATS,
            Cow::Owned(format!("{DEPLOYMENT_PREFIX}{word}")),
            1,
        ));
    }
    let numbers = [
        ("users", stats.users),
        ("tokens", stats.tokens),
        ("addons", stats.addons),
    ];
    for (label, number) in numbers {
        if let Some(number) = number {
            parts.push((INSTALL_STATS, Cow::Borrowed(label), number));
        }
    }
    let apps = stats
        .apps
        .iter()
        .map(|app| (EXTENSION_STATS, Cow::Borrowed(app.name.as_str()), 1));
    parts.extend(apps);
    parts
}
