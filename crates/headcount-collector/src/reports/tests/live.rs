//! The report on the last hits.

use super::fleet::Fleet;
use super::rows;

#[test]
fn live_tells_the_last_hits() {
    let fleet = Fleet::stored();
    let table = fleet.report("live", "limit=5").unwrap();
    assert_eq!(table.rows.len(), 5);
    assert!(
        rows(&table)
            .iter()
            .all(|row| row.contains("|native|") && row.ends_with("|accepted|"))
    );
}
