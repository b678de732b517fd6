//! One row of `events` as columns: how a `Row` is read back, how an app list is packed.

use rusqlite::types::ValueRef;

use super::{Day, ProjectNumber, Row, RowBody, Sym, Wire};
use crate::error::Error;

/// Columns in the order `decode` reads them.
pub(super) const COLUMNS: &str = "project, day, seq, event_id, install, at_ms, received_ms, wire, \
    version, deployment, runtime, kind, namespace, task, result, label, value, count, path, title, \
    locale, browser, os, users, tokens, addons, apps";

pub(super) const KIND_STATS: i64 = 0;
pub(super) const KIND_TASK: i64 = 1;
pub(super) const KIND_STAT: i64 = 2;
pub(super) const KIND_PAGE: i64 = 3;

pub(super) fn wire_code(wire: Wire) -> i64 {
    match wire {
        Wire::Universal => 0,
        Wire::Ga4 => 1,
        Wire::Native => 2,
    }
}

pub(super) fn wire_of(code: i64) -> Result<Wire, Error> {
    match code {
        0 => Ok(Wire::Universal),
        1 => Ok(Wire::Ga4),
        2 => Ok(Wire::Native),
        _ => Err(Error::Damaged(format!("wire {code}"))),
    }
}

pub(super) fn decode(row: &rusqlite::Row<'_>) -> Result<Row, Error> {
    let event_id = match row.get_ref(3)? {
        ValueRef::Null => None,
        value => Some(
            value
                .as_blob()
                .ok()
                .and_then(|bytes| bytes.try_into().ok())
                .ok_or_else(|| Error::Damaged("an event id that has not 16 bytes".to_owned()))?,
        ),
    };
    Ok(Row {
        project: ProjectNumber(row.get(0)?),
        day: Day(row.get(1)?),
        seq: row.get(2)?,
        event_id,
        install: row.get(4)?,
        at_ms: row.get(5)?,
        received_ms: row.get(6)?,
        wire: wire_of(row.get(7)?)?,
        version: Sym(row.get(8)?),
        deployment: Sym(row.get(9)?),
        runtime: Sym(row.get(10)?),
        body: body(row)?,
    })
}

fn body(row: &rusqlite::Row<'_>) -> Result<RowBody, Error> {
    let sym = |column: usize| row.get(column).map(Sym);
    let number = |column: usize| {
        row.get::<_, Option<i64>>(column)
            // Written from a number that was bounded by i64::MAX.
            .map(|number| number.map(i64::cast_unsigned))
    };
    Ok(match row.get(11)? {
        KIND_STATS => RowBody::Stats {
            users: number(23)?,
            tokens: number(24)?,
            addons: number(25)?,
            apps: unpack_apps(row.get_ref(26)?.as_blob_or_null().unwrap_or(None))?,
        },
        KIND_TASK => RowBody::Task {
            namespace: sym(12)?,
            task: sym(13)?,
            result: sym(14)?,
            label: sym(15)?,
            value: row.get(16)?,
            count: row.get(17)?,
        },
        KIND_STAT => RowBody::Stat {
            namespace: sym(12)?,
            task: sym(13)?,
            label: sym(15)?,
            value: row.get(16)?,
        },
        KIND_PAGE => RowBody::Page {
            path: sym(18)?,
            title: sym(19)?,
            locale: sym(20)?,
            browser: sym(21)?,
            os: sym(22)?,
        },
        kind => return Err(Error::Damaged(format!("event kind {kind}"))),
    })
}

/// Pairs of symbols as LEB128 numbers.
pub(super) fn pack_apps(apps: &[(Sym, Sym)], bytes: &mut Vec<u8>) {
    bytes.clear();
    for (name, version) in apps {
        for mut number in [name.0, version.0] {
            while number >= 0x80 {
                bytes.push((number & 0x7f) as u8 | 0x80);
                number >>= 7;
            }
            bytes.push(number as u8);
        }
    }
}

fn unpack_apps(bytes: Option<&[u8]>) -> Result<Vec<(Sym, Sym)>, Error> {
    let damaged = || Error::Damaged("an app list".to_owned());
    let mut numbers = Vec::new();
    let (mut number, mut shift) = (0_u32, 0_u32);
    for byte in bytes.unwrap_or_default() {
        let part = u32::from(byte & 0x7f)
            .checked_shl(shift)
            .ok_or_else(damaged)?;
        number |= part;
        shift += 7;
        if byte & 0x80 == 0 {
            numbers.push(Sym(number));
            (number, shift) = (0, 0);
        }
    }
    if shift != 0 || numbers.len() % 2 != 0 {
        return Err(damaged());
    }
    Ok(numbers
        .chunks_exact(2)
        .map(|pair| (pair[0], pair[1]))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn app_lists_survive_packing() {
        for apps in [
            vec![],
            vec![(Sym(1), Sym(0))],
            vec![(Sym(127), Sym(128)), (Sym(u32::MAX), Sym(300))],
        ] {
            let mut bytes = Vec::new();
            pack_apps(&apps, &mut bytes);
            assert_eq!(unpack_apps(Some(&bytes)).unwrap(), apps);
        }
        assert!(unpack_apps(Some(&[0x80])).is_err());
        assert!(unpack_apps(Some(&[1])).is_err());
        assert!(unpack_apps(Some(&[0xff; 9])).is_err());
    }
}
