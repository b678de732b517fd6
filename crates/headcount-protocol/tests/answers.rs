//! The answers of both validation endpoints: layout, texts and codes as documented.

#![cfg(test)]

use headcount_protocol::{ga4, universal};
use serde_json::Value;

const NOW_MS: i64 = 1_678_758_461_178;

#[test]
fn debug_answer_has_the_layout_of_the_original() {
    let query = Some("v=1&tid=UA-XXXXXX-Y&cid=XXXXXX&t=pageview&dp=%2Fa");
    let expected = r#"{
  "hitParsingResult": [ {
    "valid": false,
    "parserMessage": [ {
      "messageType": "ERROR",
      "description": "The value provided for parameter 'tid' is invalid. Please see http://goo.gl/a8d4RP#tid for details.",
      "messageCode": "VALUE_INVALID",
      "parameter": "tid"
    } ],
    "hit": "/debug/collect?v=1\u0026tid=UA-XXXXXX-Y\u0026cid=XXXXXX\u0026t=pageview\u0026dp=%2Fa"
  } ],
  "parserMessage": [ {
    "messageType": "INFO",
    "description": "Found 1 hit in the request."
  } ]
}
"#;
    assert_eq!(universal::debug("/debug/collect", query, b""), expected);
}

/// Type, code and parameter of each message of the only hit, and whether it is valid.
fn v1(payload: &str) -> (bool, Vec<(String, String, String)>) {
    let answer = universal::debug("/debug/collect", Some(payload), b"");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let result = &answer["hitParsingResult"][0];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let messages = result["parserMessage"].as_array().unwrap();
    let messages = messages
        .iter()
        .map(|m| {
            (
                text(&m["messageType"]),
                text(&m["messageCode"]),
                text(&m["parameter"]),
            )
        })
        .collect();
    (result["valid"].as_bool().unwrap(), messages)
}

#[test]
fn debug_messages_name_the_parameter_and_its_fault() {
    let event = "v=1&tid=UA-1-1&cid=5&t=event&ec=a&ea=b";
    for (payload, valid, messages) in [
        (event.to_owned(), true, vec![]),
        (
            format!("{event}&uip=203.0.113.9"),
            true,
            vec![("INFO", "VALUE_MODIFIED", "")],
        ),
        (
            format!("{event}&ev=True"),
            false,
            vec![("ERROR", "VALUE_INVALID", "ev")],
        ),
        (
            format!("{event}&ev=-1"),
            false,
            vec![("ERROR", "VALUE_OUT_OF_BOUNDS", "ev")],
        ),
        (
            format!("{event}&qt=12313123123123123"),
            false,
            vec![("ERROR", "VALUE_OUT_OF_BOUNDS", "qt")],
        ),
        (
            format!("{event}&cn={}", "x".repeat(101)),
            true,
            vec![("WARN", "VALUE_OUT_OF_BOUNDS", "cn")],
        ),
        (format!("{event}&cd201=x&_gid=1"), true, vec![]),
        (
            "tid=UA-1-1&cid=5&t=event&ec=a&ea=b".to_owned(),
            false,
            vec![("ERROR", "VALUE_REQUIRED", "v")],
        ),
        (
            "v=2&tid=UA-1-1&cid=5&t=event&ec=a&ea=b".to_owned(),
            false,
            vec![("ERROR", "VALUE_INVALID", "v")],
        ),
        (
            "v=1&tid=UA-1-1&cid=5&t=event".to_owned(),
            false,
            vec![
                ("ERROR", "VALUE_REQUIRED", "ea"),
                ("ERROR", "VALUE_REQUIRED", "ec"),
            ],
        ),
        (
            "v=1&tid=UA-1-1&cid=5&t=view".to_owned(),
            false,
            vec![("ERROR", "VALUE_INVALID", "t")],
        ),
        (
            "v=1&tid=UA-1-1&cid=&t=exception".to_owned(),
            false,
            vec![
                ("INFO", "DEFAULT_VALUE_USED", "cid"),
                ("ERROR", "VALUE_REQUIRED", "cid"),
            ],
        ),
        (
            "v=1&tid=UA-1-1&uid=5&t=pageview&dl=http%3A%2F%2Fx".to_owned(),
            true,
            vec![],
        ),
        (
            "v=1&tid=G-C5VLPRS4QY&cid=5&t=exception".to_owned(),
            false,
            vec![("ERROR", "VALUE_INVALID", "tid")],
        ),
    ] {
        let (is_valid, found) = v1(&payload);
        let found: Vec<_> = found.iter().map(|(a, b, c)| (&**a, &**b, &**c)).collect();
        assert_eq!((is_valid, found), (valid, messages), "{payload}");
    }
}

#[test]
fn debug_answers_one_result_for_each_line() {
    let body = b"v=1&tid=UA-1-1&cid=5&t=exception\r\nv=1&dt=a%20b\n";
    let answer = universal::debug("/debug/collect", None, body);
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let results = answer["hitParsingResult"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    assert_eq!(
        (&results[0]["valid"], &results[1]["valid"]),
        (&Value::Bool(true), &Value::Bool(false))
    );
    // A posted payload is shown decoded.
    assert_eq!(results[1]["hit"], "/debug/collect?v=1&dt=a b");
    assert_eq!(
        answer["parserMessage"][0]["description"],
        "Found 2 hits in the request."
    );
    let many = vec!["t=x"; 21].join("\n");
    let answer = universal::debug("/debug/collect", None, many.as_bytes());
    assert!(
        answer.contains("hit 21 of a request that may hold 20"),
        "{answer}"
    );
}

const QUERY: &str = "measurement_id=G-1&api_secret=s";

fn ga4(query: &str, body: &str) -> Vec<(String, String, &'static str)> {
    ga4::validate(Some(query), body.as_bytes(), NOW_MS)
        .into_iter()
        .map(|m| {
            (
                m.field_path.unwrap_or_default(),
                m.description,
                m.validation_code,
            )
        })
        .collect()
}

#[test]
fn a_fine_ga4_request_gets_the_empty_list() {
    let body = br#"{"client_id":"1","events":[{"name":"a","params":{"session_id":"3f0e","value":1.5,"items":[{"item_id":"x","google_business_vertical":"retail","price":9.99}]}}]}"#;
    let answer = ga4::debug(Some(QUERY), body, NOW_MS);
    assert_eq!(answer, "{\n  \"validationMessages\": [ ]\n}\n");
    assert_eq!(answer.len(), 32);
}

#[test]
fn ga4_messages_have_the_documented_texts() {
    let event = |event: &str| format!(r#"{{"client_id":"1","events":[{event}]}}"#);
    for (query, body, path, text, code) in [
        (
            "measurement_id=G-1",
            event(r#"{"name":"a"}"#),
            "api_secret",
            "Unable to find non-empty parameter [api_secret] value in request.",
            "VALUE_REQUIRED",
        ),
        (
            QUERY,
            r#"{"events":[{"name":"a"}]}"#.to_owned(),
            "client_id",
            "Measurement requires a client_id.",
            "VALUE_REQUIRED",
        ),
        (
            "firebase_app_id=1:1:ios:a&api_secret=s",
            event(r#"{"name":"a"}"#),
            "app_instance_id",
            "Measurement requires an app_instance_id.",
            "VALUE_REQUIRED",
        ),
        (
            QUERY,
            event(r#"{"name":"_badEventName"}"#),
            "events",
            "Event at index: [0] has invalid name [_badEventName]. Names must start with an alphabetic character.",
            "NAME_INVALID",
        ),
        (
            QUERY,
            event(r#"{"name":"campaign@details"}"#),
            "events",
            "Event at index: [0] has invalid name [campaign@details]. Only alphanumeric characters and underscores are allowed.",
            "NAME_INVALID",
        ),
        (
            QUERY,
            event(r#"{"name":"session_start"}"#),
            "events",
            "Event at index: [0] has name [session_start] which is reserved.",
            "NAME_RESERVED",
        ),
        (
            QUERY,
            r#"{"client_id":"1","timestamp_micros":1,"events":[{"name":"a"}]}"#.to_owned(),
            "timestamp_micros",
            "Measurement timestamp_micros has timestamp too far in the past. Measurement protocol only supports timestamps [72h] into the past. The current time in UNIX microseconds is [1678758461178000].",
            "VALUE_INVALID",
        ),
        (
            QUERY,
            event(r#"{"name":"a","params":{"items":[{"price":"$19"}]}}"#),
            "",
            "Validation of item.price should prevent conversion from unsupported value [string_value: \"$19\"]",
            "INTERNAL_ERROR",
        ),
    ] {
        let found = ga4(query, &body);
        let expected = (path.to_owned(), text.to_owned(), code);
        assert_eq!(found, [expected], "{body}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn ga4_faults_have_path_and_code() {
    let event = |event: &str| format!(r#"{{"client_id":"1","events":[{event}]}}"#);
    let params = |params: &str| event(&format!(r#"{{"name":"a","params":{{{params}}}}}"#));
    let strict = |body: &str| {
        body.replacen(
            '{',
            r#"{"validation_behavior":"ENFORCE_RECOMMENDATIONS","#,
            1,
        )
    };
    let properties = |properties: &str| {
        format!(r#"{{"clientId":"1","userProperties":{{{properties}}},"events":[{{"name":"a"}}]}}"#)
    };
    let numbered = |count: usize| {
        (0..count)
            .map(|n| format!(r#""p{n}":{{"value":1}}"#))
            .collect::<Vec<_>>()
            .join(",")
    };
    let text = |count: usize| "x".repeat(count);
    for (body, path, code) in [
        ("{".to_owned(), "", "VALUE_INVALID"),
        ("[]".to_owned(), "", "VALUE_INVALID"),
        (text(130_001), "", "VALUE_OUT_OF_BOUNDS"),
        (
            r#"{"client_id":"1","events":[]}"#.to_owned(),
            "events",
            "VALUE_REQUIRED",
        ),
        (
            r#"{"client_id":"1","events":{"name":"a"}}"#.to_owned(),
            "events",
            "VALUE_INVALID",
        ),
        (
            r#"{"client_id":"1","ip":"x","events":[{"name":"a"}]}"#.to_owned(),
            "ip",
            "VALUE_INVALID",
        ),
        (
            format!(
                r#"{{"client_id":"1","user_id":"{}","events":[{{"name":"a"}}]}}"#,
                text(257)
            ),
            "user_id",
            "VALUE_OUT_OF_BOUNDS",
        ),
        (
            r#"{"client_id":"1","consent":{"ad_user_data":"yes"},"events":[{"name":"a"}]}"#
                .to_owned(),
            "consent.ad_user_data",
            "VALUE_INVALID",
        ),
        (
            r#"{"client_id":"1","validation_behavior":"NO","events":[{"name":"a"}]}"#.to_owned(),
            "validation_behavior",
            "VALUE_INVALID",
        ),
        (
            event(&vec![r#"{"name":"a"}"#; 26].join(",")),
            "events",
            "EXCEEDED_MAX_ENTITIES",
        ),
        (
            event(&format!(r#"{{"name":"{}"}}"#, text(41))),
            "events",
            "NAME_INVALID",
        ),
        (event(r#"{"params":{}}"#), "events", "VALUE_REQUIRED"),
        (event("5"), "events", "VALUE_INVALID"),
        (
            params(
                &(0..26)
                    .map(|n| format!(r#""p{n}":1"#))
                    .collect::<Vec<_>>()
                    .join(","),
            ),
            "events.params",
            "EXCEEDED_MAX_ENTITIES",
        ),
        (params(r#""x":1,"x":2"#), "events.params", "NAME_DUPLICATED"),
        (
            params(r#""firebase_conversion":1"#),
            "events.params",
            "NAME_RESERVED",
        ),
        (params(r#""1x":1"#), "events.params", "NAME_INVALID"),
        (params(r#""x":[1]"#), "events.params.x", "VALUE_INVALID"),
        (
            params(&format!(r#""x":"{}""#, text(101))),
            "events.params.x",
            "VALUE_OUT_OF_BOUNDS",
        ),
        (
            params(&format!(r#""items":[{}]"#, vec!["{}"; 201].join(","))),
            "events.params.items",
            "EXCEEDED_MAX_ENTITIES",
        ),
        (
            strict(&params(r#""value":"much""#)),
            "events.params.value",
            "VALUE_INVALID",
        ),
        (
            strict(&params(r#""items":[{"x":1}]"#)),
            "events.params.items",
            "VALUE_REQUIRED",
        ),
        (
            strict(&event(r#"{"name":"ga_x"}"#)),
            "events",
            "NAME_RESERVED",
        ),
        (
            properties(r#""user_id":{"value":1}"#),
            "user_properties",
            "NAME_RESERVED",
        ),
        (
            properties(&format!(r#""{}":{{"value":1}}"#, text(25))),
            "user_properties",
            "NAME_INVALID",
        ),
        (
            properties(r#""plan":"pro""#),
            "user_properties.plan",
            "VALUE_REQUIRED",
        ),
        (
            properties(&format!(r#""plan":{{"value":"{}"}}"#, text(37))),
            "user_properties.plan",
            "VALUE_OUT_OF_BOUNDS",
        ),
        (
            properties(&numbered(26)),
            "user_properties",
            "EXCEEDED_MAX_ENTITIES",
        ),
    ] {
        let found = ga4(QUERY, &body);
        let found: Vec<_> = found
            .iter()
            .map(|(path, _, code)| (&**path, *code))
            .collect();
        assert_eq!(found, [(path, code)], "{body}");
    }
    for (body, fine) in [
        (
            params(&format!(r#""page_location":"{}""#, text(1000))),
            true,
        ),
        (params(&format!(r#""page_title":"{}""#, text(301))), false),
        (params(&format!(r#""session_id":"{}""#, text(500))), true),
        (event(r#"{"name":"ga_x"}"#), true),
    ] {
        assert_eq!(ga4(QUERY, &body).is_empty(), fine, "{body}");
    }
    let neither: Vec<_> = ga4("api_secret=s", &event(r#"{"name":"a"}"#));
    assert_eq!(neither.len(), 2, "{neither:?}");
}
