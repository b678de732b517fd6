//! What a version text says about releases: order, families, pre-releases. Pure.

use std::cmp::Ordering;

/// Orders version texts: numbers by size, a pre-release before its release, unreadable ones last of
/// all (lowest).
pub(crate) fn order(a: &str, b: &str) -> Ordering {
    key(a).cmp(&key(b)).then_with(|| a.cmp(b))
}

/// Whether a version is a release: it starts with a number and says nothing of alpha, beta, rc or dev.
pub(crate) fn is_release(version: &str) -> bool {
    let (numbers, rest) = split(version);
    !numbers.is_empty() && (rest.is_empty() || rest.starts_with('+') || is_post(rest))
}

/// Whether a version opens a line of releases: `5.4.0` and `5.4` do, `5.4.1` does not.
pub(crate) fn is_minor(version: &str) -> bool {
    let (numbers, _) = split(version);
    is_release(version) && numbers.len() >= 2 && numbers.iter().skip(2).all(|&part| part == 0)
}

/// The line a version belongs to: `5.4` for `5.4.1`; the text itself where it is unreadable.
pub(crate) fn family(version: &str) -> String {
    let (numbers, _) = split(version);
    match numbers.as_slice() {
        [] => version.to_owned(),
        [major] => major.to_string(),
        [major, minor, ..] => format!("{major}.{minor}"),
    }
}

/// The highest release of some versions and their installs. A release that fewer than 0.5 % of the
/// installs run is not yet one: it may be a build of one maintainer.
pub(crate) fn latest(versions: &[(String, u64)]) -> Option<&str> {
    let all: u64 = versions.iter().map(|(_, installs)| installs).sum();
    let least = 1 + all / 200;
    versions
        .iter()
        .filter(|(version, installs)| *installs >= least && is_release(version))
        .map(|(version, _)| version.as_str())
        .max_by(|a, b| order(a, b))
}

/// Installs that may run a version before it counts as released: one, and 0.2 % of the active ones.
pub(crate) fn few(active: u64) -> u64 {
    1 + active / 500
}

type Key = (bool, Vec<u64>, u8);

fn key(version: &str) -> Key {
    let (mut numbers, rest) = split(version);
    let readable = !numbers.is_empty();
    while numbers.last() == Some(&0) {
        numbers.pop();
    }
    let stage = if !readable {
        0
    } else if rest.is_empty() || rest.starts_with('+') {
        4
    } else if is_post(rest) {
        5
    } else {
        let rest = rest
            .trim_start_matches(['.', '-', '_'])
            .to_ascii_lowercase();
        match rest.as_bytes().first() {
            Some(b'd') => 0,
            Some(b'a') => 1,
            Some(b'b') => 2,
            _ => 3,
        }
    };
    (readable, numbers, stage)
}

fn is_post(rest: &str) -> bool {
    rest.trim_start_matches(['.', '-', '_']).starts_with("post")
}

/// The leading numbers and what follows them.
fn split(version: &str) -> (Vec<u64>, &str) {
    let mut rest = version.strip_prefix('v').unwrap_or(version);
    let mut numbers = Vec::new();
    loop {
        let end = rest.bytes().take_while(u8::is_ascii_digit).count();
        match rest[..end].parse() {
            Ok(number) => numbers.push(number),
            Err(_) => return (numbers, rest),
        }
        rest = &rest[end..];
        match rest.strip_prefix('.') {
            Some(after) if after.starts_with(|c: char| c.is_ascii_digit()) => rest = after,
            _ => return (numbers, rest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_by_their_numbers() {
        let ordered = [
            "",
            "custom",
            "3.8.1",
            "4.10.0a1",
            "4.10.0b2",
            "4.10.0rc1",
            "4.10",
            "4.10.1",
            "5.0.0.dev1",
            "5.0.0",
            "5.0.0.post1",
            "5.4.1",
            "5.10.0",
        ];
        for pair in ordered.windows(2) {
            assert_eq!(order(pair[0], pair[1]), Ordering::Less, "{pair:?}");
        }
        assert_ne!(order("4.10", "4.10.0"), Ordering::Equal);
    }

    #[test]
    fn releases_and_families() {
        for (version, release, minor, line) in [
            ("5.4.0", true, true, "5.4"),
            ("v5.4", true, true, "5.4"),
            ("5.4.1", true, false, "5.4"),
            ("5.4.0b1", false, false, "5.4"),
            ("5.4.0-rc.1", false, false, "5.4"),
            ("5.4.0+local", true, true, "5.4"),
            ("", false, false, ""),
            ("main", false, false, "main"),
            (
                "99999999999999999999999",
                false,
                false,
                "99999999999999999999999",
            ),
        ] {
            assert_eq!(is_release(version), release, "{version}");
            assert_eq!(is_minor(version), minor, "{version}");
            assert_eq!(family(version), line, "{version}");
        }
    }

    #[test]
    fn the_latest_release_is_run_by_more_than_a_few() {
        let of = |list: &[(&str, u64)]| {
            let owned: Vec<_> = list.iter().map(|(v, n)| ((*v).to_owned(), *n)).collect();
            latest(&owned).map(str::to_owned)
        };
        assert_eq!(
            of(&[("5.4.0", 900), ("5.5.0", 90), ("9.9.9", 2)]).as_deref(),
            Some("5.5.0")
        );
        assert_eq!(
            of(&[("5.4.0", 3), ("5.5.0", 1), ("6.0b1", 1)]).as_deref(),
            Some("5.5.0")
        );
        assert_eq!(of(&[("", 3)]), None);
        assert_eq!(of(&[]), None);
    }
}
