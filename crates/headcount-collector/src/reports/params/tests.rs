//! Query strings, good and bad.

use super::*;

const TODAY: Day = Day(20_781);

fn parse(query: &str) -> Result<Params, ReportError> {
    Params::parse(query, TODAY)
}

#[test]
fn defaults_are_thirty_days_with_today() {
    let params = parse("").expect("an empty query string");
    assert_eq!(
        params.range,
        DayRange {
            from: Day(TODAY.0 - 29),
            to: TODAY
        }
    );
    assert_eq!(
        previous(params.range),
        DayRange {
            from: Day(TODAY.0 - 59),
            to: Day(TODAY.0 - 30)
        }
    );
    assert_eq!(params.bucket, Bucket::Day);
    assert_eq!(params.limit, None);
}

#[test]
fn ranges() {
    for (query, from, to) in [
        ("from=2026-08-01&to=2026-08-31", "2026-08-01", "2026-08-31"),
        ("to=2026-08-31", "2026-08-02", "2026-08-31"),
        ("from=2026-11-20", "2026-11-20", "2026-11-24"),
        ("from=2026-11-24", "2026-11-24", "2026-11-24"),
        ("from=2026-08-01&to=2026-08-01", "2026-08-01", "2026-08-01"),
    ] {
        let params = parse(query).expect(query);
        assert_eq!(calendar::iso(params.range.from), from, "{query}");
        assert_eq!(calendar::iso(params.range.to), to, "{query}");
    }
}

#[test]
fn filters_are_read_and_written() {
    for (text, negated, dimension, value) in [
        (
            "version:5.5.0",
            false,
            Dimension::Version,
            ClauseValue::Text("5.5.0".into()),
        ),
        (
            "!app:srp",
            true,
            Dimension::App,
            ClauseValue::Text("srp".into()),
        ),
        (
            "path:/a:b/",
            false,
            Dimension::Path,
            ClauseValue::Text("/a:b/".into()),
        ),
        (
            "version:",
            false,
            Dimension::Version,
            ClauseValue::Text(String::new()),
        ),
        (
            "users:10-99",
            false,
            Dimension::Users,
            ClauseValue::Range(10, 99),
        ),
        (
            "users:2-",
            false,
            Dimension::Users,
            ClauseValue::Range(2, u64::MAX),
        ),
        (
            "first_seen:2026-08",
            false,
            Dimension::FirstSeen,
            ClauseValue::Text("2026-08".into()),
        ),
    ] {
        let read = clause(text).expect(text);
        assert_eq!(
            read,
            Clause {
                dimension,
                negated,
                value
            },
            "{text}"
        );
        assert_eq!(clause_text(&read), text);
    }
    assert_eq!(
        clause("users:>=2").expect("a range").value,
        ClauseValue::Range(2, u64::MAX)
    );
    assert_eq!(
        clause("tokens:<=9").expect("a range").value,
        ClauseValue::Range(0, 9)
    );
    assert_eq!(
        clause("users:7").expect("a range").value,
        ClauseValue::Range(7, 7)
    );
    let decoded = parse("filter=path%3A%2Fa+b%2F&filter=%21app:x")
        .expect("two filters")
        .filter;
    assert_eq!(
        decoded.iter().map(clause_text).collect::<Vec<_>>(),
        ["path:/a b/", "!app:x"]
    );
}

#[test]
fn bad_parameters_are_named() {
    let long = format!("filter=app:{}", "x".repeat(2_000));
    let many = "filter=app:x&".repeat(21);
    for (query, name) in [
        ("from=yesterday", "from"),
        ("from=2026-02-30", "from"),
        ("from=9999-01-01", "from"),
        ("to=2026-8-1", "to"),
        ("to=", "to"),
        ("from=2026-08-02&to=2026-08-01", "from"),
        ("from=2020-01-01&to=2026-08-01", "from"),
        ("from=2026-08-01&from=2026-08-01", "from"),
        ("bucket=hour", "bucket"),
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=1e3", "limit"),
        ("limit=100001", "limit"),
        ("filter=version", "filter"),
        ("filter=colour:red", "filter"),
        ("filter=users:many", "filter"),
        ("filter=users:9-2", "filter"),
        ("filter=users:-2", "filter"),
        ("filter=users:99999999999999999999", "filter"),
        ("filter=first_seen:2026", "filter"),
        ("filter=app:%FF", "filter"),
        ("filter=app:a%00b", "filter"),
        (&long, "filter"),
        (&many, "filter"),
        ("of=apps", "of"),
        ("format=xml", "format"),
        ("form=2026-08-01", "form"),
    ] {
        match parse(query) {
            Err(ReportError::Parameter {
                name: named,
                problem,
            }) => {
                assert_eq!(named, name, "{query}");
                assert!(!problem.is_empty());
            }
            other => panic!("{query}: {other:?}"),
        }
    }
}
