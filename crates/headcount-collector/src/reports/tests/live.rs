//! The report on the last hits.

use super::fleet::fleets;
use crate::reports::Cell;

#[test]
fn live_tells_the_last_hits() {
    for fleet in fleets() {
        let table = fleet.report("live", "limit=50").unwrap();
        // Hits of one commit are told in the order of their arrival.
        let expected = fleet.events.iter().rev().take(50);
        let expected: Vec<[String; 3]> = expected
            .map(|event| {
                let install = format!("install-{}", event.install);
                [event.at(), install, "native".to_owned()]
            })
            .collect();
        let found: Vec<[String; 3]> = table
            .rows
            .iter()
            .map(|row| [0, 1, 2].map(|place| row[place].plain()))
            .collect();
        assert_eq!(found, expected);
        assert!(
            table
                .rows
                .iter()
                .all(|row| row[4] == Cell::from("accepted"))
        );
        let mut installs: Vec<&String> = expected.iter().map(|hit| &hit[1]).collect();
        installs.sort_unstable();
        installs.dedup();
        assert_eq!(table.base_installs, installs.len() as u64);
    }
}
