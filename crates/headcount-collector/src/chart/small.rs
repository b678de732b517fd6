//! Small marks beside numbers: icons, bars in tables, trend lines, and changes with their tone. Pure.

use super::number::{fixed, percent_whole, real};

/// A symbol of the page's sprite.
pub(crate) fn icon(name: &str) -> String {
    format!(r##"<svg class="i" aria-hidden="true"><use href="#{name}"/></svg>"##)
}

/// A bar in a table cell, as long as its share of the column's scale.
pub(crate) fn bar(share: f64, class: &str) -> String {
    let width = fixed((share * 100.0).clamp(0.5, 100.0), 1);
    format!(
        r#"<svg class="bar" aria-hidden="true"><rect class="{class}" width="{width}%" height="100%"/></svg>"#
    )
}

/// A bar behind a line of a list.
pub(crate) fn backing(share: f64) -> String {
    let width = fixed((share * 100.0).clamp(0.0, 100.0), 1);
    format!(r#"<svg aria-hidden="true"><rect width="{width}%" height="100%"/></svg>"#)
}

/// A trend line with a dot at its end; each has its own scale. Where nothing is told it is cut.
pub(crate) fn spark(values: &[Option<f64>]) -> String {
    let told = || values.iter().flatten().copied();
    let (low, high) = (
        told().fold(f64::INFINITY, f64::min),
        told().fold(f64::NEG_INFINITY, f64::max),
    );
    if told().count() < 2 {
        return String::new();
    }
    let span = if high > low { high - low } else { 1.0 };
    let last = (values.len() - 1) as f64;
    let mut path = String::new();
    let mut end = (0.0, 0.0);
    let mut pen = 'M';
    for (k, value) in values.iter().enumerate() {
        let Some(value) = value else {
            pen = 'M';
            continue;
        };
        end = (k as f64 * 76.0 / last, 19.0 - (value - low) / span * 16.0);
        path.push_str(&format!("{pen}{} {}", fixed(end.0, 1), fixed(end.1, 1)));
        pen = 'L';
    }
    let (x, y) = (fixed(end.0, 1), fixed(end.1, 1));
    format!(
        r#"<svg class="spark" viewBox="0 0 80 22" aria-hidden="true"><path d="{path}"/><circle class="f5" cx="{x}" cy="{y}" r="1.5"/></svg>"#
    )
}

/// Which way is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    Up,
    Down,
    Neither,
}

/// How a change is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Change {
    /// In per cent of what it was.
    Relative,
    /// As a difference.
    Difference,
    /// As percentage points of a share; under the given number of points it has no tone.
    Points(f64),
}

/// An arrow, the size of the change and, for the eye, a tone. Screen readers hear "up, worse".
pub(crate) fn delta(now: f64, was: f64, better: Better, as_: Change) -> String {
    let change = now - was;
    let size = match as_ {
        Change::Points(_) => format!("{:.1} pts", change.abs() * 100.0),
        Change::Relative if was > 0.0 => relative(change.abs() / was),
        Change::Relative | Change::Difference => real(change.abs()),
    };
    if change == 0.0 || size == "0.0 pts" || size == "0.0%" {
        return r#"<span class="muted">no change</span>"#.to_owned();
    }
    let noise = match as_ {
        Change::Points(noise) => change.abs() * 100.0 < noise,
        Change::Relative | Change::Difference => false,
    };
    let (arrow, word) = if change > 0.0 {
        ("tup", "up")
    } else {
        ("tdn", "down")
    };
    let good = match better {
        Better::Up => Some(change > 0.0),
        Better::Down => Some(change < 0.0),
        Better::Neither => None,
    };
    let (class, judged) = match good.filter(|_| !noise) {
        Some(true) => (" good", ", better:"),
        Some(false) => (" bad", ", worse:"),
        None => ("", ""),
    };
    format!(
        r##"<span class="chg{class}"><svg class="i fill" aria-hidden="true"><use href="#{arrow}"/></svg><span class="vh">{word}{judged} </span>{size}</span>"##
    )
}

fn relative(part: f64) -> String {
    if part < 10.0 {
        format!("{:.1}%", part * 100.0)
    } else {
        percent_whole(part)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(html: &str) -> String {
        let mut out = String::new();
        let mut inside = false;
        for c in html.chars() {
            match c {
                '<' => inside = true,
                '>' => inside = false,
                c if !inside => out.push(c),
                _ => {}
            }
        }
        out
    }

    #[test]
    fn changes_say_direction_size_and_tone() {
        for (now, was, better, as_, expected, class) in [
            (
                1_911.0,
                1_786.0,
                Better::Up,
                Change::Relative,
                "up, better: 7.0%",
                "chg good",
            ),
            (
                133.0,
                121.0,
                Better::Down,
                Change::Relative,
                "up, worse: 9.9%",
                "chg bad",
            ),
            (
                59.0,
                58.0,
                Better::Up,
                Change::Difference,
                "up, better: 1",
                "chg good",
            ),
            (
                0.742,
                0.731,
                Better::Neither,
                Change::Points(0.0),
                "up 1.1 pts",
                "chg",
            ),
            (
                0.018,
                0.009,
                Better::Down,
                Change::Points(1.0),
                "up 0.9 pts",
                "chg",
            ),
            (
                0.041,
                0.020,
                Better::Down,
                Change::Points(1.0),
                "up, worse: 2.1 pts",
                "chg bad",
            ),
            (5.0, 5.0, Better::Up, Change::Relative, "no change", "muted"),
            (
                5.0,
                0.0,
                Better::Up,
                Change::Relative,
                "up, better: 5",
                "chg good",
            ),
            (
                0.5001,
                0.5,
                Better::Up,
                Change::Points(0.0),
                "no change",
                "muted",
            ),
            (
                30.0,
                1.0,
                Better::Up,
                Change::Relative,
                "up, better: 2900%",
                "chg good",
            ),
        ] {
            let html = delta(now, was, better, as_);
            assert_eq!(words(&html), expected);
            assert!(html.contains(&format!("class=\"{class}\"")), "{html}");
        }
    }

    #[test]
    fn bars_and_sparks() {
        insta::assert_snapshot!(bar(0.742, "f4"), @r#"<svg class="bar" aria-hidden="true"><rect class="f4" width="74.2%" height="100%"/></svg>"#);
        insta::assert_snapshot!(spark(&[Some(1.0), Some(3.0), Some(2.0)]), @r#"<svg class="spark" viewBox="0 0 80 22" aria-hidden="true"><path d="M0 19L38 3L76 11"/><circle class="f5" cx="76" cy="11" r="1.5"/></svg>"#);
        assert_eq!(spark(&[Some(1.0)]), "");
        let cut = spark(&[Some(1.0), Some(3.0), None, Some(2.0), None]);
        assert!(cut.contains(r#"d="M0 19L19 3M57 11""#), "{cut}");
        assert!(cut.contains(r#"cx="57" cy="11""#), "{cut}");
        assert!(bar(0.0, "f4").contains("0.5%"));
        assert!(bar(7.0, "f4").contains("100%"));
    }
}
