//! Every point of what real clients do that a receiver must put up with, one table row or more each.

#![cfg(test)]

use headcount_protocol::{EventBody, NoteCode, Page, RefusalCode, Task, ga4, universal};

const NOW_MS: i64 = 1_795_444_000_000;
const QUERY: Option<&str> = Some("measurement_id=G-ABC1234567&api_secret=SECRET");

fn v1(payload: &str) -> universal::Decoded {
    universal::decode(payload.as_bytes(), NOW_MS)
}

fn v1_body(payload: &str) -> EventBody {
    let decoded = v1(payload);
    decoded
        .outcome
        .unwrap_or_else(|e| panic!("{payload}: {e}"))
        .body
}

fn ga4_events(body: &str) -> ga4::Decoded {
    ga4::decode(QUERY, body.as_bytes(), NOW_MS)
}

fn ga4_body(body: &str) -> EventBody {
    let outcome = ga4_events(body).hits.remove(0).outcome;
    outcome.unwrap_or_else(|e| panic!("{body}: {e}")).body
}

fn page(path: &str, title: &str) -> Page {
    Page {
        path: path.to_owned(),
        title: title.to_owned(),
        ..Page::default()
    }
}

fn task(namespace: &str, task: &str, result: &str, value: Option<f64>) -> Task {
    Task {
        namespace: namespace.to_owned(),
        task: task.to_owned(),
        result: result.to_owned(),
        label: String::new(),
        value,
        count: 1,
    }
}

#[test]
fn universal_analytics_of_npm_is_read() {
    let hit = v1(
        "dp=%2Fh%C3%A9llo%20world%3Fa%3Db%26c%3Dd&dh=example.com&dt=T%20%26%20t&cd1=x&cm2=5&cg1=news%2Fsports&uip=203.0.113.9&v=1&tid=UA-123456-1&cid=35009a79-1a05-49d7-b876-2b884d0f825b&t=pageview&uid=as8eknlll",
    );
    assert_eq!(hit.notes, []);
    assert_eq!(hit.tracking_id, "UA-123456-1");
    assert_eq!(
        hit.install.unwrap().as_str(),
        "35009a79-1a05-49d7-b876-2b884d0f825b"
    );
    assert_eq!(
        hit.outcome.unwrap().body,
        EventBody::Page(page("/héllo world", "T & t"))
    );
    let who = "v=1&tid=UA-1-1&cid=555";
    let labelled = |mut task: Task, label: &str| {
        label.clone_into(&mut task.label);
        EventBody::Task(task)
    };
    for (hit, expected) in [
        (
            "ti=T-1&tr=39.98&ts=3.5&ta=shop&dp=%2Fp%2F8&t=transaction",
            labelled(task("ua", "transaction", "", Some(39.98)), "shop"),
        ),
        (
            "ip=19.99&iq=2&ic=SKU-1&in=Shoe&iv=cat&ti=T-1&t=item",
            labelled(task("ua", "item", "", Some(2.0)), "Shoe"),
        ),
        (
            "sn=fb&sa=like&st=http%3A%2F%2Ffoo.com&t=social",
            labelled(task("ua", "social", "", None), "fb like http://foo.com"),
        ),
        (
            "exd=DatabaseError&exf=1&t=exception",
            labelled(task("ua", "exception", "DatabaseError", None), "fatal"),
        ),
        (
            "exf=0&t=exception",
            EventBody::Task(task("ua", "exception", "Exception", None)),
        ),
        (
            "cd=Home&an=My%20App&av=1.2&aid=com.company.app&t=screenview",
            EventBody::Page(page("Home", "")),
        ),
        ("cd=Home&t=appview", EventBody::Page(page("Home", ""))),
        (
            "dl=http%3A%2F%2Ffoo.com%2Fhome%3Fa%3Db&t=pageview",
            EventBody::Page(page("/home", "")),
        ),
        (
            "ec=a&ea=b&t=event",
            EventBody::Task(task("a", "b", "", None)),
        ),
    ] {
        assert_eq!(v1_body(&format!("{hit}&{who}")), expected, "{hit}");
    }
    let EventBody::Stat(stat) = v1_body(&format!("utc=cat&utv=var&utt=123&utl=l&t=timing&{who}"))
    else {
        panic!("timing")
    };
    let got = (&*stat.namespace, &*stat.task, &*stat.label, stat.value);
    assert_eq!(got, ("cat", "var", "l", 123.0));
}

#[test]
fn payloads_are_taken_however_they_are_spelled() {
    for payload in [
        // Space as + and as %20, any order, slash raw, empty pieces, leading ?.
        "v=1&tid=UA-1-1&cid=555&t=pageview&dp=/a&dt=x+y",
        "t=pageview&dt=x%20y&dp=%2Fa&cid=555&tid=UA-1-1&v=1",
        "?&&v=1&tid=UA-1-1&cid=555&t=pageview&dp=/a&dt=x+y&&",
        // Of a parameter that comes twice the last one counts.
        "dt=no&v=1&tid=UA-1-1&cid=555&t=pageview&dp=/a&dt=x+y",
        // Unknown parameters of browser libraries.
        "v=1&_v=j99&_s=1&gtm=x&tid=UA-1-1&cid=555&t=pageview&dp=/a&dt=x+y&z=12",
        // insight puts qt and z before the hit's own fields.
        "v=1&tid=UA-1-1&cid=555&qt=0&z=99&t=pageview&dp=/a&dt=x+y",
    ] {
        assert_eq!(
            v1_body(payload),
            EventBody::Page(page("/a", "x y")),
            "{payload}"
        );
    }
}

#[test]
fn bare_ampersands_and_broken_bytes_cost_no_hit() {
    let hit = v1("v=1&tid=UA-1-1&cid=830868899234&t=pageview&dp=/a/b&dt=T%20&%20t");
    assert_eq!(hit.notes[0].code, NoteCode::BrokenPair);
    assert_eq!(
        hit.outcome.unwrap().body,
        EventBody::Page(page("/a/b", "T"))
    );
    let broken = universal::decode(
        b"v=1&tid=UA-1-1&cid=5&t=pageview&dp=/a&dt=\xff%ff%zz%4",
        NOW_MS,
    );
    let title = "\u{fffd}\u{fffd}%zz%4";
    assert_eq!(
        broken.outcome.unwrap().body,
        EventBody::Page(page("/a", title))
    );
}

#[test]
fn queue_time_sets_the_moment() {
    for (qt, at_ms, code) in [
        ("qt=560", Some(NOW_MS - 560), None),
        ("qt=0", Some(NOW_MS), None),
        ("qt=-1", None, Some(NoteCode::OutOfBounds)),
        ("qt=12313123123123123", None, Some(NoteCode::OutOfBounds)),
        ("qt=soon", None, Some(NoteCode::BadValue)),
        ("qt=", None, None),
        ("x=1", None, None),
    ] {
        let hit = v1(&format!("v=1&tid=UA-1-1&cid=5&t=event&ec=a&ea=b&{qt}"));
        assert_eq!(hit.outcome.unwrap().at_ms, at_ms, "{qt}");
        assert_eq!(hit.notes.first().map(|note| note.code), code, "{qt}");
    }
}

#[test]
fn bad_optional_values_are_noted_and_needed_ones_refuse_the_hit() {
    let base = "v=1&tid=UA-1-1&cid=5&t=event&ec=a&ea=b";
    for (more, value, code) in [
        ("ev=True", Some(1.0), Some(NoteCode::Converted)),
        ("ev=False", Some(0.0), Some(NoteCode::Converted)),
        ("ev=-3", None, Some(NoteCode::OutOfBounds)),
        ("ev=many", None, Some(NoteCode::BadValue)),
        ("dp=/x&sn=y", None, Some(NoteCode::NotForKind)),
        ("v=2", None, Some(NoteCode::Duplicate)),
    ] {
        let hit = v1(&format!("{base}&{more}"));
        let EventBody::Task(task) = hit.outcome.unwrap().body else {
            panic!("{more}")
        };
        assert_eq!(task.value, value, "{more}");
        assert_eq!(hit.notes.first().map(|note| note.code), code, "{more}");
    }
    let long = v1(&format!("{base}&el={}", "x".repeat(501)));
    assert_eq!(long.notes[0].code, NoteCode::Cut);
    for (payload, field, code) in [
        ("", "tid", RefusalCode::Missing),
        ("v=1&cid=5&t=event&ec=a&ea=b", "tid", RefusalCode::Missing),
        (
            "v=1&tid=UA-1-1&t=event&ec=a&ea=b",
            "cid",
            RefusalCode::Missing,
        ),
        (
            "v=1&tid=UA-1-1&cid=%00a&t=event&ec=a&ea=b",
            "cid",
            RefusalCode::BadValue,
        ),
        ("v=1&tid=UA-1-1&cid=5&ec=a&ea=b", "t", RefusalCode::Missing),
        (
            "v=1&tid=UA-1-1&cid=5&t=Event&ec=a&ea=b",
            "t",
            RefusalCode::UnknownKind,
        ),
        (
            "v=1&tid=UA-1-1&cid=5&t=event&ea=b",
            "ec",
            RefusalCode::Missing,
        ),
        (
            "v=1&tid=UA-1-1&cid=5&t=event&ec=a&ea=",
            "ea",
            RefusalCode::Missing,
        ),
        (
            "v=1&tid=UA-1-1&cid=5&t=pageview",
            "dp",
            RefusalCode::Missing,
        ),
        (
            "v=1&tid=UA-1-1&cid=5&t=screenview",
            "cd",
            RefusalCode::Missing,
        ),
        (
            "v=1&tid=UA-1-1&cid=5&t=timing&utc=a&utv=b&utt=x",
            "utt",
            RefusalCode::Missing,
        ),
    ] {
        let refusal = v1(payload).outcome.unwrap_err();
        assert_eq!((&*refusal.field, refusal.code), (field, code), "{payload}");
    }
}

#[test]
fn requests_are_split_and_limited() {
    let hit = "v=1&tid=UA-1-1&cid=5&t=pageview&dp=/a";
    for (query, body, payloads) in [
        (None, format!("{hit}\n{hit}"), 2),
        (None, format!("{hit}\r\n{hit}\r\n"), 2),
        (None, format!("{hit}\n\n{hit}\n"), 2),
        (Some(hit), String::new(), 1),
        (Some("z=1"), hit.to_owned(), 1),
        (None, String::new(), 1),
    ] {
        let lines = universal::lines(query, body.as_bytes());
        assert_eq!(lines.len(), payloads, "{body}");
        assert!(lines.iter().all(|line| line.refused.is_none()));
    }
    let completed = universal::lines(Some("dt=x&dp=/no"), hit.as_bytes());
    let decoded = universal::decode(&completed[0].payload, NOW_MS);
    assert_eq!(
        decoded.outcome.unwrap().body,
        EventBody::Page(page("/a", "x"))
    );
    let codes = |body: &str| -> Vec<Option<RefusalCode>> {
        let lines = universal::lines(None, body.as_bytes());
        lines
            .iter()
            .map(|line| line.refused.as_ref().map(|refusal| refusal.code))
            .collect()
    };
    let many = codes(&vec![hit; 22].join("\n"));
    assert!(many[..20].iter().all(Option::is_none));
    assert_eq!(
        many[20..],
        [Some(RefusalCode::TooMany), Some(RefusalCode::TooMany)]
    );
    assert_eq!(
        codes(&format!("{hit}&dt={}", "x".repeat(8192))),
        [Some(RefusalCode::TooLarge)]
    );
    let big = format!("{hit}&dt={}", "x".repeat(7000));
    assert_eq!(
        codes(&vec![big; 3].join("\n")),
        [None, None, Some(RefusalCode::TooLarge)]
    );
    let thousands = universal::lines(None, &b"a\n".repeat(5000)).len();
    assert_eq!(thousands, 101);
}

#[test]
fn ga4_clients_are_read() {
    // ga4mp: extra blanks, \u escapes, numbers for ids, client_id first or last.
    let body = r#"{"events": [{"name": "page_view", "params": {"page_title": "H\u00e4llo & bye", "page_location": "https://example.com/a?b=c", "session_id": 1795440085, "engagement_time_msec": 0}}], "user_properties": {"plan": {"value": "pro"}}, "user_id": "u-1", "client_id": 1234567890}"#;
    let decoded = ga4_events(body);
    assert_eq!(decoded.install.unwrap().as_str(), "1234567890");
    assert_eq!(decoded.hits[0].notes, []);
    assert_eq!(ga4_body(body), EventBody::Page(page("/a", "Hällo & bye")));
    // One event as an object, its moment at the top.
    let object = r#"{"client_id":"1.2","events":{"name":"tutorial_begin","params":{"session_id":"3f0e","engagement_time_msec":"100"}},"timestamp_micros":1795440085500345}"#;
    let event = ga4_events(object).hits.remove(0).outcome.unwrap();
    assert_eq!(event.at_ms, Some(1_795_440_085_500));
    assert_eq!(
        event.body,
        EventBody::Task(task("ga4", "tutorial_begin", "", None))
    );
    // App streams, with raw colons in the query, parameters in any order, escapes.
    let app = r#"{"app_instance_id":"0123456789abcdef0123456789abcdef","events":[{"name":"screen_view","params":{"screen_name":"Home"}}]}"#;
    let query = Some("api_secret=a%2Fb&firebase_app_id=1:123456789012:android:abcdef");
    let decoded = ga4::decode(query, app.as_bytes(), NOW_MS);
    assert_eq!(decoded.key.stream(), Some("1:123456789012:android:abcdef"));
    assert_eq!(decoded.key.api_secret.as_deref(), Some("a/b"));
    let body = decoded.hits[0].outcome.clone().unwrap().body;
    assert_eq!(body, EventBody::Page(page("Home", "")));
    // camelCase of the fixed fields, a byte order mark.
    let camel = "\u{feff}{\"clientId\":\"1.2\",\"userAgent\":\"curl/8.1\",\"device\":{\"language\":\"de_DE\"},\"events\":[{\"name\":\"page_view\",\"params\":{\"page_path\":\"x\"}}]}";
    let EventBody::Page(view) = ga4_body(camel) else {
        panic!("camel")
    };
    assert_eq!(
        (&*view.path, &*view.locale, &*view.user_agent),
        ("/x", "de-de", "curl/8.1")
    );
    let device = r#"{"client_id":"1","user_agent":"no","device":{"browser":"Firefox","browser_version":"132.0.1","operating_system":"Linux"},"events":[{"name":"x"}]}"#;
    assert_eq!(
        ga4_events(device).user_agent.as_deref(),
        Some("Firefox 132 / Linux")
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn ga4_limits_drop_or_refuse_with_a_reason() {
    let request = |event: &str| format!(r#"{{"client_id":"1","events":[{event}]}}"#);
    let params: Vec<String> = (0..26).map(|n| format!(r#""p{n}":1"#)).collect();
    for (event, code) in [
        (
            format!(r#"{{"name":"a","params":{{{}}}}}"#, params.join(",")),
            NoteCode::TooMany,
        ),
        (
            format!(
                r#"{{"name":"a","params":{{"label":"{}"}}}}"#,
                "x".repeat(101)
            ),
            NoteCode::TooLong,
        ),
        (
            format!(r#"{{"name":"a","params":{{"{}":1}}}}"#, "x".repeat(41)),
            NoteCode::TooLong,
        ),
        (
            r#"{"name":"a","params":{"ga_x":1}}"#.to_owned(),
            NoteCode::BadName,
        ),
        (
            r#"{"name":"a","params":{"x":{"y":1}}}"#.to_owned(),
            NoteCode::BadValue,
        ),
        (
            r#"{"name":"a","params":{"value":"much"}}"#.to_owned(),
            NoteCode::BadValue,
        ),
        (r#"{"name":"session_start"}"#.to_owned(), NoteCode::BadName),
        (
            r#"{"name":"a","timestamp_micros":1}"#.to_owned(),
            NoteCode::Moved,
        ),
    ] {
        let hit = ga4_events(&request(&event)).hits.remove(0);
        assert!(hit.outcome.is_ok(), "{event}");
        assert_eq!(
            hit.notes.first().map(|note| note.code),
            Some(code),
            "{event}"
        );
        let strict = request(&event).replacen(
            '{',
            r#"{"validationBehavior":"ENFORCE_RECOMMENDATIONS","#,
            1,
        );
        let refused = ga4_events(&strict).hits.remove(0).outcome;
        assert!(refused.is_err(), "{event}");
    }
    let old = r#"{"name":"a","params":{"timestamp_micros":"1"}}"#;
    let moved = ga4_events(&request(old))
        .hits
        .remove(0)
        .outcome
        .unwrap()
        .at_ms;
    assert_eq!(moved, Some(NOW_MS - 72 * 3_600_000));
    for (body, field, code) in [
        (request(r#"{"name":""}"#), "name", RefusalCode::Missing),
        (
            request(&format!(r#"{{"name":"{}"}}"#, "x".repeat(41))),
            "name",
            RefusalCode::BadName,
        ),
        (request("5"), "events", RefusalCode::BadValue),
        (
            request(r#"{"name":"page_view"}"#),
            "page_location",
            RefusalCode::Missing,
        ),
        (
            r#"{"events":[{"name":"a"}]}"#.to_owned(),
            "client_id",
            RefusalCode::Missing,
        ),
        (
            r#"{"client_id":"1"}"#.to_owned(),
            "events",
            RefusalCode::Missing,
        ),
        (
            r#"{"client_id":"1","events":[]}"#.to_owned(),
            "events",
            RefusalCode::Missing,
        ),
        ("[]".to_owned(), "", RefusalCode::Unreadable),
        ("{".to_owned(), "", RefusalCode::Unreadable),
        (String::new(), "", RefusalCode::Unreadable),
        (" ".repeat(130_001), "", RefusalCode::TooLarge),
    ] {
        let refusal = ga4_events(&body).hits.remove(0).outcome.unwrap_err();
        assert_eq!((&*refusal.field, refusal.code), (field, code), "{body}");
    }
    let many = request(&vec![r#"{"name":"a"}"#; 27].join(","));
    let codes: Vec<bool> = ga4_events(&many)
        .hits
        .iter()
        .map(|hit| hit.outcome.is_ok())
        .collect();
    assert_eq!(
        (codes.len(), codes.iter().filter(|ok| **ok).count()),
        (27, 25)
    );
    let thousands = request(&vec!["{}"; 5000].join(","));
    assert_eq!(ga4_events(&thousands).hits.len(), 101);
    for (query, field) in [
        (None, "measurement_id"),
        (Some("api_secret=x"), "measurement_id"),
        (Some("measurement_id=G-1&api_secret="), "api_secret"),
    ] {
        let decoded = ga4::decode(query, request(r#"{"name":"a"}"#).as_bytes(), NOW_MS);
        assert_eq!(decoded.hits[0].outcome.as_ref().unwrap_err().field, field);
    }
}
