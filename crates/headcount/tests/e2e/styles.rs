//! The two stylesheets that look alike and cannot import each other: their tokens must be the same.

use std::collections::BTreeMap;

const OPERATOR: &str = include_str!("../../../headcount-client/static/operator.css");
const COLLECTOR: &str = include_str!("../../../headcount-collector/static/headcount.css");

/// Tokens with their values: the light ones, and those that are set again for dark screens.
fn tokens(css: &str) -> [BTreeMap<&str, &str>; 2] {
    let mut blocks = css.split(":root {").skip(1).map(|rest| {
        let block = rest.split('}').next().unwrap();
        let rules = block.split(';').map(str::trim);
        // A comment may stand before a rule.
        let rules = rules.map(|rule| rule.rsplit("*/").next().unwrap().trim());
        let set = rules.filter_map(|rule| rule.split_once(':'));
        set.filter(|(name, _)| name.starts_with("--")).collect()
    });
    [blocks.next().unwrap(), blocks.next().unwrap()]
}

#[test]
fn the_operators_pages_have_the_tokens_of_the_collectors() {
    let known = tokens(COLLECTOR);
    for (own, known) in tokens(OPERATOR).iter().zip(&known) {
        assert!(own.len() > 15, "{own:?}");
        for (name, value) in own {
            assert_eq!(known.get(name), Some(value), "{name}");
        }
    }
}
