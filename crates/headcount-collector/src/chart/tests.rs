//! Charts drawn from little data, as they stand in the page.

use super::bars::{Minutes, Sizes};
use super::line::{Before, Line};
use super::scale::Unit;
use super::small::Better;
use super::stack::{Layer, Stack};
use super::tasks::Runs;
use super::*;
use crate::reports::sizes::SizeBucket;
use crate::store::Day;

fn line(title: &str, values: &[f64], before: Option<&[f64]>) -> Line {
    Line {
        title: title.to_owned(),
        about: "Installs that reported in the 7 days up to each day".to_owned(),
        counts: "installs".to_owned(),
        along: "day",
        column: "Active".to_owned(),
        unit: Unit::Count,
        better: Better::Up,
        days: (0..values.len())
            .map(|k| Day(20_690 + i32::try_from(k).unwrap()))
            .collect(),
        values: values.to_vec(),
        before: before.map(|values| Before {
            name: "previous 3 days".to_owned(),
            values: values.to_vec(),
        }),
        gaps: Vec::new(),
        marks: vec![Mark {
            at: 0.5,
            label: "v5.4.0".to_owned(),
            minor: false,
        }],
    }
}

#[test]
fn a_line_with_its_comparison() {
    insta::assert_snapshot!(
        line("Active installs", &[2.0, 4.0, 3.0], Some(&[3.0, 3.0, 3.0])).html()
    );
}

#[test]
fn a_line_alone_and_without_data() {
    insta::assert_snapshot!(line("New installs", &[10.0, 12.0], None).html());
    let empty = line("Active installs", &[], None).html();
    assert!(empty.contains("no data") && !empty.contains("NaN") && !empty.contains("inf"));
    let zeros = line("Active installs", &[0.0, 0.0], Some(&[0.0, 0.0])).html();
    assert!(!zeros.contains("NaN") && !zeros.contains("inf"), "{zeros}");
}

#[test]
fn layers_of_versions() {
    let layer = |name: &str, installs: &[u64], rest| Layer {
        name: name.to_owned(),
        installs: installs.to_vec(),
        rest,
    };
    let stack = Stack {
        title: "Version adoption".to_owned(),
        about: "Active installs by version".to_owned(),
        end: String::new(),
        days: vec![Day(20_676), Day(20_683)],
        layers: vec![
            layer("5.5", &[0, 6], false),
            layer("5.4", &[9, 4], false),
            layer("older", &[1, 0], true),
        ],
        marks: Vec::new(),
        gaps: Vec::new(),
    };
    insta::assert_snapshot!(stack.html());
}

#[test]
fn nothing_is_drawn_where_reports_were_broken() {
    let mut cut = line("Active installs", &[2.0, 4.0, 0.0, 3.0, 0.0], None);
    cut.gaps = vec![false, false, true, false, true];
    let html = cut.html();
    assert_eq!(html.matches("class=\"an\"").count(), 2, "{html}");
    assert!(
        html.contains("6 Sep, broken") || html.contains(", broken"),
        "{html}"
    );
    // The dot and the label at the end are those of the last day that was not broken.
    assert!(html.contains("<b>3</b>") || html.contains(">3<"), "{html}");
    let runs = Runs {
        days: (0..4).map(|k| Day(20_690 + k)).collect(),
        runs: vec![10, 0, 12, 9],
        failures: vec![1, 0, 2, 0],
        each: "day",
        before: None,
        marks: Vec::new(),
        gaps: vec![false, true, false, false],
        about: "Runs per day; gap: moved".to_owned(),
        end: String::new(),
    };
    let html = runs.html();
    // A shade over the bars and one over the strip with the shares.
    assert_eq!(html.matches("class=\"an\"").count(), 2, "{html}");
    assert!(html.contains("gap: moved"));
    let stack = Stack {
        title: "Version adoption".to_owned(),
        about: String::new(),
        end: String::new(),
        days: (0..5).map(|k| Day(20_690 + 7 * k)).collect(),
        layers: vec![Layer {
            name: "5.5".to_owned(),
            installs: vec![5, 6, 0, 7, 8],
            rest: false,
        }],
        marks: Vec::new(),
        gaps: vec![false, false, true, false, false],
    };
    let html = stack.html();
    assert_eq!(html.matches("class=\"an\"").count(), 1, "{html}");
    assert_eq!(html.matches("class=\"f6 st\"").count(), 2, "{html}");
}

#[test]
fn sizes_in_buckets() {
    let bucket = |from, to, installs| SizeBucket { from, to, installs };
    let sizes = Sizes {
        title: "Size of installs".to_owned(),
        about: "Users per install".to_owned(),
        of: "users".to_owned(),
        buckets: vec![bucket(1, 1, 2), bucket(2, 4, 0), bucket(5, 9, 3)],
        quantiles: vec![("p50", 5.0), ("p90", 7.0)],
    };
    insta::assert_snapshot!(sizes.html());
}

#[test]
fn minutes_with_refusals() {
    let minutes = Minutes {
        accepted: vec![5, 0, 7],
        refused: vec![0, 2, 0],
    };
    insta::assert_snapshot!(minutes.html());
}

#[test]
fn hostile_names_stay_text() {
    let hostile = "</svg><script>alert(1)</script>\"'&\u{202e}";
    let html = line(hostile, &[1.0, 2.0], Some(&[2.0, 1.0])).html();
    assert!(!html.contains("<script"), "{html}");
    assert!(html.contains("&lt;script&gt;") && html.contains("&quot;&#39;&amp;"));
    let marked = Plot::new(10, scale::Scale::from_zero(1.0, Unit::Count), hostile)
        .axes(hostile, hostile)
        .marks(&[Mark {
            at: 0.5,
            label: hostile.to_owned(),
            minor: false,
        }])
        .ends(&[End {
            value: 1.0,
            text: hostile.to_owned(),
            strong: hostile.to_owned(),
            swatch: "f1",
        }])
        .html(Hover::Points, 0);
    assert!(!marked.contains("<script"), "{marked}");
}

#[test]
fn labels_are_pushed_apart_inside_the_bounds() {
    let placed = spread(&[10.0, 12.0, 100.0], 15.0, (4.0, 98.0));
    assert!(
        placed[1] - placed[0] >= 14.9 && placed[2] <= 98.0 && placed[0] >= 4.0,
        "{placed:?}"
    );
    assert!(spread(&[], 15.0, (0.0, 1.0)).is_empty());
}
