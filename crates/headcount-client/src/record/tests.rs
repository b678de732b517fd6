//! Events of hosts as words in the ring: what fits, what is cut, what is counted.

use super::*;
use proptest::prelude::*;

fn any_body() -> impl Strategy<Value = EventBody> {
    let text = "\\PC{0,40}";
    let app = (text, proptest::option::of("[0-9.]{1,9}"))
        .prop_map(|(name, version)| InstalledApp { name, version });
    prop_oneof![
        (
            any::<Option<u64>>(),
            any::<Option<u64>>(),
            proptest::collection::vec(app, 0..20)
        )
            .prop_map(|(users, tokens, apps)| EventBody::Stats(Stats {
                users,
                tokens,
                apps,
                ..Stats::default()
            })),
        (text, text, text, text, any::<Option<i32>>(), 1_u32..9).prop_map(
            |(namespace, task, result, label, value, count)| EventBody::Task(Task {
                namespace,
                task,
                result,
                label,
                value: value.map(f64::from),
                count,
            })
        ),
        (text, text, text, any::<i32>()).prop_map(|(namespace, task, label, value)| {
            EventBody::Stat(AppStat {
                namespace,
                task,
                label,
                value: f64::from(value),
            })
        }),
        (text, text, text, text).prop_map(|(path, title, locale, user_agent)| {
            EventBody::Page(Page {
                path,
                title,
                locale,
                user_agent,
            })
        }),
    ]
}

proptest! {
    #[test]
    fn a_record_reads_back_as_it_was_written(body in any_body(), at_ms in any::<i64>()) {
        let feed = match body {
            EventBody::Task(_) => Feed::Tasks,
            EventBody::Page(_) => Feed::Pages,
            EventBody::Stats(_) | EventBody::Stat(_) => Feed::Stats,
        };
        let event = Event { id: None, at_ms: Some(at_ms), body };
        let draft = Draft::of(&event, feed);
        let bytes = draft.to_bytes();
        prop_assert_eq!(bytes.len(), draft.len() * WORD);
        prop_assert_eq!(decode_bytes(&bytes), Some((feed, event)));
    }

    #[test]
    fn no_words_make_the_reader_panic(words in proptest::collection::vec(any::<u64>(), 0..40)) {
        let _ = decode(&words);
    }
}

#[test]
fn long_strings_are_cut_at_a_character() {
    let path = "é".repeat(MAX_STRING_BYTES);
    let parts = PageParts {
        path: &path,
        title: "",
        locale: "",
        user_agent: "",
        opened: &path,
    };
    let (_, event) = decode_bytes(&Draft::page(0, &parts).to_bytes()).unwrap();
    let EventBody::Page(page) = event.body else {
        panic!("not a page")
    };
    assert_eq!(page.path.len(), MAX_STRING_BYTES);
}

#[test]
fn what_was_opened_reads_back_and_changes_nothing_else() {
    let read = |opened: &str| {
        let parts = PageParts {
            path: "/users/<pk>/",
            title: "User",
            locale: "en",
            user_agent: "Firefox",
            opened,
        };
        let draft = Draft::page(7, &parts);
        let mut words = Vec::new();
        draft.write(|word| words.push(word));
        assert_eq!(words.len(), draft.len());
        decode(&words).unwrap()
    };
    let (with, without) = (read("/users/17/"), read(""));
    assert_eq!(with.opened, "/users/17/");
    assert_eq!(without.opened, "");
    assert_eq!(with.event, without.event);
    let kept = Draft::of(&with.event, with.feed).to_bytes();
    assert!(!kept.windows(2).any(|pair| pair == b"17"));
}
