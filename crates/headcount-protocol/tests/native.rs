//! Native batches that are wrong in one place: that place is named, the rest counts.

#![cfg(test)]

use headcount_protocol::native::{self, NativeError};
use headcount_protocol::{EventBody, InstallId, NoteCode, RefusalCode};

const ID: &str = r#""id":"7a1d2c3b-4e5f-4a6b-8c7d-9e0f1a2b3c4d""#;

fn batch(events: &str) -> String {
    format!(r#"{{"events":[{events}],"install":"3f0e","app":"allianceauth"}}"#)
}

#[test]
fn the_documented_batch_is_taken_whole() {
    let body = r#"{"install": "3f0e9d9c-7c1e-4b57-9a34-0c2d3a4b5c6d", "app": "allianceauth", "app_version": "5.5.0", "batch_id": "0b0e6f0e-53a5-4a0b-8d0c-0f6d9a1b2c3d", "sent_at": "2026-11-23T12:00:00Z",
      "runtime": {"deployment": "docker", "python": "3.11"},
      "events": [
       {"id": "7a1d2c3b-4e5f-4a6b-8c7d-9e0f1a2b3c01", "at": "2026-11-23T11:59:58Z", "type": "stats", "users": 128, "tokens": 1904, "apps": [{"name": "memberaudit", "version": "3.1.0"}]},
       {"id": "7a1d2c3b-4e5f-4a6b-8c7d-9e0f1a2b3c02", "at": "2026-11-23T12:59:58.5+01:00", "type": "task", "namespace": "memberaudit", "task": "update_character", "result": "Success", "value": 34, "label": "", "count": 1},
       {"id": "7a1d2c3b-4e5f-4a6b-8c7d-9e0f1a2b3c03", "type": "stat", "namespace": "metenox.analytics", "task": "send_daily_stats", "label": "moons", "value": 12},
       {"id": "7a1d2c3b-4e5f-4a6b-8c7d-9e0f1a2b3c04", "type": "page", "path": "/dashboard/?a=b", "title": " Dash\nboard ", "locale": "zh_Hans", "user_agent": "Firefox 132 / Linux"}
      ],
      "lost": {"queue_full": 0}}"#;
    let decoded = native::decode(body.as_bytes()).unwrap();
    assert_eq!((decoded.rejected.len(), decoded.notes.len()), (0, 0));
    let batch = decoded.batch;
    assert_eq!(batch.runtime.deployment.unwrap().0, "docker");
    assert_eq!(batch.runtime.facts["python"], "3.11");
    assert_eq!(batch.lost["queue_full"], 0);
    assert_eq!(batch.sent_at_ms, Some(1_795_435_200_000));
    assert_eq!(batch.events[1].at_ms, Some(1_795_435_198_500));
    assert_eq!(batch.events[2].at_ms, None);
    let EventBody::Page(page) = &batch.events[3].body else {
        panic!()
    };
    let got = (&*page.path, &*page.title, &*page.locale);
    assert_eq!(got, ("/dashboard/", "Dash board", "zh-hans"));
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn bad_events_are_rejected_alone_with_field_and_code() {
    let long = |count: usize| "x".repeat(count);
    let good = format!(r#"{{{ID},"type":"stats"}}"#);
    for (event, field, code) in [
        ("5".to_owned(), "", RefusalCode::BadValue),
        ("null".to_owned(), "", RefusalCode::BadValue),
        ("[]".to_owned(), "", RefusalCode::BadValue),
        (format!("{{{ID}}}"), "type", RefusalCode::Missing),
        (
            format!(r#"{{{ID},"type":"nope"}}"#),
            "type",
            RefusalCode::UnknownKind,
        ),
        (
            format!(r#"{{{ID},"type":7}}"#),
            "type",
            RefusalCode::BadValue,
        ),
        (r#"{"type":"stats"}"#.to_owned(), "id", RefusalCode::Missing),
        (
            r#"{"type":"stats","id":"7"}"#.to_owned(),
            "id",
            RefusalCode::BadValue,
        ),
        (
            r#"{"type":"stats","id":7}"#.to_owned(),
            "id",
            RefusalCode::BadValue,
        ),
        (
            format!(r#"{{{ID},"type":"stats","at":"yesterday"}}"#),
            "at",
            RefusalCode::BadValue,
        ),
        (
            format!(r#"{{{ID},"type":"stats","at":1795435198}}"#),
            "at",
            RefusalCode::BadValue,
        ),
        (
            format!(r#"{{{ID},"type":"stats","users":-1}}"#),
            "users",
            RefusalCode::BadValue,
        ),
        (
            format!(r#"{{{ID},"type":"stats","tokens":1.5}}"#),
            "tokens",
            RefusalCode::BadValue,
        ),
        (
            format!(r#"{{{ID},"type":"stats","addons":"3"}}"#),
            "addons",
            RefusalCode::BadValue,
        ),
        (
            format!(r#"{{{ID},"type":"stats","deployment":"a b"}}"#),
            "deployment",
            RefusalCode::BadValue,
        ),
        (
            format!(r#"{{{ID},"type":"stats","apps":{{}}}}"#),
            "apps",
            RefusalCode::BadValue,
        ),
        (
            format!(r#"{{{ID},"type":"stats","apps":[{{"name":"a"}},{{}}]}}"#),
            "apps[1].name",
            RefusalCode::Missing,
        ),
        (
            format!(r#"{{{ID},"type":"stats","apps":["a"]}}"#),
            "apps[0]",
            RefusalCode::BadValue,
        ),
        (
            format!(
                r#"{{{ID},"type":"stats","apps":[{}]}}"#,
                vec!["0"; 1001].join(",")
            ),
            "apps",
            RefusalCode::TooMany,
        ),
        (
            format!(r#"{{{ID},"type":"task","task":"t"}}"#),
            "namespace",
            RefusalCode::Missing,
        ),
        (
            format!(r#"{{{ID},"type":"task","namespace":"n","task":" "}}"#),
            "task",
            RefusalCode::Missing,
        ),
        (
            format!(
                r#"{{{ID},"type":"task","namespace":"{}","task":"t"}}"#,
                long(151)
            ),
            "namespace",
            RefusalCode::TooLong,
        ),
        (
            format!(r#"{{{ID},"type":"task","namespace":"n","task":"t","result":["x"]}}"#),
            "result",
            RefusalCode::BadValue,
        ),
        (
            format!(r#"{{{ID},"type":"task","namespace":"n","task":"t","value":"3"}}"#),
            "value",
            RefusalCode::BadValue,
        ),
        (
            format!(r#"{{{ID},"type":"task","namespace":"n","task":"t","count":0}}"#),
            "count",
            RefusalCode::BadValue,
        ),
        (
            format!(r#"{{{ID},"type":"task","namespace":"n","task":"t","count":1000001}}"#),
            "count",
            RefusalCode::BadValue,
        ),
        (
            format!(r#"{{{ID},"type":"stat","namespace":"n","task":"t"}}"#),
            "value",
            RefusalCode::Missing,
        ),
        (
            format!(r#"{{{ID},"type":"page","title":"t"}}"#),
            "path",
            RefusalCode::Missing,
        ),
        (
            format!(r#"{{{ID},"type":"page","path":"/{}"}}"#, long(2048)),
            "path",
            RefusalCode::TooLong,
        ),
        (
            format!(r#"{{{ID},"type":"page","path":"/","locale":"<b>"}}"#),
            "locale",
            RefusalCode::BadValue,
        ),
    ] {
        let decoded = native::decode(batch(&format!("{good},{event},{good}")).as_bytes()).unwrap();
        assert_eq!(decoded.batch.events.len(), 2, "{event}");
        let [rejected] = decoded.rejected.as_slice() else {
            panic!("{event}")
        };
        let got = (rejected.index, &*rejected.field, rejected.code);
        assert_eq!(got, (1, field, code), "{event}: {}", rejected.message);
    }
}

#[test]
fn unreadable_batches_say_why() {
    let many = batch(&vec!["{}"; 1001].join(","));
    for (body, code, field) in [
        ("", RefusalCode::Unreadable, ""),
        ("{", RefusalCode::Unreadable, ""),
        ("[]", RefusalCode::Unreadable, ""),
        (r#""x""#, RefusalCode::Unreadable, ""),
        (
            r#"{"install":"a","events":[]} x"#,
            RefusalCode::Unreadable,
            "",
        ),
        (r#"{"events":[]}"#, RefusalCode::Missing, "install"),
        (
            r#"{"install":"","events":[]}"#,
            RefusalCode::BadValue,
            "install",
        ),
        (
            r#"{"install":["a"],"events":[]}"#,
            RefusalCode::BadValue,
            "install",
        ),
        (r#"{"install":"a"}"#, RefusalCode::Missing, "events"),
        (
            r#"{"install":"a","events":{}}"#,
            RefusalCode::BadValue,
            "events",
        ),
        (
            r#"{"install":"a","events":null}"#,
            RefusalCode::BadValue,
            "events",
        ),
        (&many, RefusalCode::TooMany, "events"),
    ] {
        let error: NativeError = native::decode(body.as_bytes()).unwrap_err();
        assert_eq!(
            (error.code(), error.field()),
            (code, field),
            "{body}: {error}"
        );
    }
}

#[test]
fn bad_fields_of_the_batch_are_dropped_with_a_note() {
    for (fields, field, code) in [
        (r#""sent_at":"x""#, "sent_at", NoteCode::BadValue),
        (r#""batch_id":"x""#, "batch_id", NoteCode::BadValue),
        (r#""app_version":{}"#, "app_version", NoteCode::BadValue),
        (r#""runtime":[]"#, "runtime", NoteCode::BadValue),
        (
            r#""runtime":{"deployment":"a b"}"#,
            "runtime.deployment",
            NoteCode::BadValue,
        ),
        (r#""lost":{"x":-1}"#, "x", NoteCode::BadValue),
        (r#""zone":1"#, "zone", NoteCode::UnknownField),
    ] {
        let body = format!(r#"{{"install":"a","events":[],{fields}}}"#);
        let decoded = native::decode(body.as_bytes()).unwrap();
        let [note] = decoded.notes.as_slice() else {
            panic!("{fields}: {:?}", decoded.notes)
        };
        assert_eq!((&*note.field, note.code), (field, code), "{fields}");
    }
    let decoded = native::decode(batch(&format!(r#"{{{ID},"type":"stats","user":1}}"#)).as_bytes());
    let decoded = decoded.unwrap();
    assert_eq!(decoded.batch.events.len(), 1);
    assert_eq!(
        (&*decoded.notes[0].field, decoded.notes[0].code),
        ("user", NoteCode::UnknownField)
    );
}

#[test]
fn local_programs_need_neither_install_nor_ids() {
    let install = InstallId::parse("mine").unwrap();
    let body = br#"{"events":[{"type":"task","namespace":"n","task":"t","value":true}]}"#;
    let decoded = native::decode_record(body, install.clone()).unwrap();
    assert_eq!(decoded.batch.install, install);
    assert_eq!(decoded.batch.events[0].id, None);
    let EventBody::Task(task) = &decoded.batch.events[0].body else {
        panic!()
    };
    assert_eq!((task.value, task.count), (Some(1.0), 1));
}
