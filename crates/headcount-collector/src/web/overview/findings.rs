//! What is worth a look, said only where it was computed, with its evidence. Pure.

use crate::chart::number;
use crate::meta::findings::KeptFinding;
use crate::reports::calendar;
use crate::reports::rejections::reasons;
use crate::store::{Hit, Minute};
use crate::web::shell::Tab;

use super::data::Spread;
use super::state::State;

/// Shares closer than this are called equal.
const EQUAL_SHARE: f64 = 0.01;
/// Hits of the last hour are counted.
pub(crate) const HOUR_MS: i64 = 3_600_000;

/// One line of the strip.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Finding {
    pub(crate) bad: bool,
    /// In bold, before the text.
    pub(crate) strong: String,
    pub(crate) text: String,
    pub(crate) evidence: String,
    pub(crate) href: String,
}

/// One that the server found by itself, in a project.
pub(crate) fn kept(slug: &str, kept: &KeptFinding) -> Finding {
    let finding = &kept.finding;
    Finding {
        bad: finding.kind.is_bad(),
        strong: finding.strong.clone(),
        text: finding.text.clone(),
        evidence: format!(
            "{}; {} {}",
            finding.evidence,
            if kept.came_back() {
                "came back"
            } else {
                "found"
            },
            calendar::long(calendar::day_of_ms(kept.found_at.as_millisecond()))
        ),
        href: format!("{}{}", Tab::Overview.href(slug), finding.target),
    }
}

/// How the latest release spreads beside the one before at the same age.
pub(crate) fn spread(slug: &str, spread: &Spread) -> Finding {
    let difference = spread.share - spread.before_share;
    let (latest, before) = (&spread.latest, &spread.before);
    let text = if difference.abs() < EQUAL_SHARE {
        format!("v{latest} spreads as v{before} did")
    } else {
        let little = if difference.abs() < 5.0 * EQUAL_SHARE {
            "a little "
        } else {
            ""
        };
        let way = if difference > 0.0 {
            "faster"
        } else {
            "more slowly"
        };
        format!("v{latest} spreads {little}{way} than v{before} did")
    };
    Finding {
        bad: false,
        strong: String::new(),
        text,
        evidence: format!(
            "{} of installs after {}, {} then",
            number::percent_whole(spread.share),
            number::counted(spread.age_days.unsigned_abs().into(), "day"),
            number::percent_whole(spread.before_share)
        ),
        href: format!(
            "{}{}",
            Tab::Overview.href(slug),
            State::default().showing("versions")
        ),
    }
}

/// Hits that were rejected in the last hour, and why.
pub(crate) fn rejected(
    live: &str,
    minutes: &[Minute],
    hits: &[Hit],
    now_ms: i64,
) -> Option<Finding> {
    let refused: u64 = minutes.iter().map(|minute| minute.refused).sum();
    let accepted: u64 = minutes.iter().map(|minute| minute.accepted).sum();
    if refused == 0 {
        return None;
    }
    let evidence = reasons(hits, now_ms - HOUR_MS)
        .first()
        .map_or_else(String::new, |reason| {
            let hits = number::count(reason.hits);
            format!("{hits} of them {}{}", reason.code, reason.by_whom())
        });
    Some(Finding {
        bad: false,
        strong: String::new(),
        text: format!(
            "{} of {} {} rejected in the last hour",
            number::count(refused),
            number::counted(accepted + refused, "hit"),
            if refused == 1 { "was" } else { "were" }
        ),
        evidence,
        href: format!("{live}?show=rejected"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Verdict, Wire};

    fn hit(ago_ms: i64, install: &str, verdict: Verdict, reason: &str) -> Hit {
        Hit {
            received_ms: 10 * HOUR_MS - ago_ms,
            install: install.to_owned(),
            wire: Wire::Ga4,
            event: "x".to_owned(),
            verdict,
            reason: reason.to_owned(),
            payload: String::new(),
        }
    }

    #[test]
    fn rejections_are_summed_by_code() {
        let hits = [
            hit(0, "a", Verdict::Refused, "bad_secret: it is another one"),
            hit(1, "a", Verdict::Refused, "bad_secret: it is another one"),
            hit(2, "", Verdict::Refused, "no_install: nobody"),
            hit(3, "b", Verdict::Accepted, ""),
            hit(HOUR_MS, "c", Verdict::Refused, "too_old: long ago"),
        ];
        let found = reasons(&hits, 9 * HOUR_MS);
        let short: Vec<_> = found
            .iter()
            .map(|r| (r.code.as_str(), r.hits, r.installs))
            .collect();
        assert_eq!(short, [("bad_secret", 2, 1), ("no_install", 1, 0)]);
        let minutes = [Minute {
            start_ms: 0,
            accepted: 4_734,
            refused: 17,
        }];
        let finding = rejected("/live", &minutes, &hits, 10 * HOUR_MS).expect("there are some");
        assert_eq!(
            finding.text,
            "17 of 4,751 hits were rejected in the last hour"
        );
        assert_eq!(
            finding.evidence,
            "2 of them bad_secret, all from one install"
        );
        assert_eq!(rejected("/live", &[], &hits, 0), None);
    }

    #[test]
    fn spreads_are_told_with_their_evidence() {
        let of = |share, before_share| {
            let told = Spread {
                latest: "5.5.0".into(),
                age_days: 13,
                share,
                before: "5.4.0".into(),
                before_share,
            };
            spread("one", &told)
        };
        assert_eq!(
            of(0.40, 0.37).text,
            "v5.5.0 spreads a little faster than v5.4.0 did"
        );
        assert_eq!(
            of(0.40, 0.37).evidence,
            "40% of installs after 13 days, 37% then"
        );
        assert_eq!(
            of(0.20, 0.37).text,
            "v5.5.0 spreads more slowly than v5.4.0 did"
        );
        assert_eq!(of(0.375, 0.37).text, "v5.5.0 spreads as v5.4.0 did");
        assert_eq!(of(0.4, 0.37).href, "/projects/one?show=versions");
    }
}
