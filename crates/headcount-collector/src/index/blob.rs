//! Pieces of parts as bytes, in the format named by `FORMAT`. Little-endian, columns at fixed width.

use std::sync::Arc;

use roaring::RoaringBitmap;

use super::facts::{Facts, Key, Section};
use super::packed::Packed;
use super::part::{Kind, OfValue, Part, Sets, Shape, bitmap_bytes};
use crate::error::Error;
use crate::store::Sym;

/// Grows with every change of what follows: an index of another format is derived anew.
pub(super) const FORMAT: i64 = 3;

/// Names the installs that told any value; no value is as large.
pub(super) const TOLD: u64 = u64::MAX;

/// With a bucket of sizes: the numbers of its installs.
pub(super) const EXACT: u64 = 1 << 62;

/// What is read from a part by itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Piece {
    Installs(Arc<RoaringBitmap>),
    Numbers(Arc<Packed>),
    Facts(Arc<Facts>),
}

impl Piece {
    /// Rough bytes of memory.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Installs(installs) => bitmap_bytes(installs),
            Self::Numbers(numbers) => size_of::<Packed>() + numbers.bytes(),
            Self::Facts(facts) => facts.bytes(),
        }
    }
}

/// The pieces of a part with their names; none of a part with nothing in it.
pub(super) fn encode(part: &Part) -> Vec<(u64, Vec<u8>)> {
    let mut pieces = Vec::new();
    match part {
        Part::Sets(sets) if sets.told.is_empty() => {}
        Part::Sets(sets) => {
            pieces.push((TOLD, bitmap(&sets.told)));
            for of_value in &sets.values {
                pieces.push((of_value.value, bitmap(&of_value.installs)));
                if let Some(exact) = &of_value.exact {
                    let mut bytes = Vec::new();
                    put_packed(&mut bytes, exact);
                    pieces.push((EXACT | of_value.value, bytes));
                }
            }
        }
        Part::Facts(named) => {
            let piece = |(name, facts): &(u64, Arc<Facts>)| (*name, encode_facts(facts));
            pieces.extend(named.iter().map(piece));
        }
    }
    pieces
}

/// Puts a part together from all its pieces, ascending by name but for `TOLD`.
pub(super) fn assemble(kind: Kind, pieces: Vec<(u64, Piece)>) -> Result<Part, Error> {
    let damaged = || Error::Damaged(format!("{kind:?} of the index"));
    let (mut told, mut values) = (Arc::default(), Vec::new());
    let mut named = Vec::new();
    for (name, piece) in pieces {
        match piece {
            Piece::Installs(installs) if name == TOLD => told = installs,
            Piece::Installs(installs) => values.push(OfValue {
                value: name,
                installs,
                exact: None,
            }),
            Piece::Numbers(numbers) => {
                let bucket = values.iter_mut().find(|of| of.value | EXACT == name);
                let bucket = bucket.ok_or_else(damaged)?;
                if numbers.len() as u64 != bucket.installs.len() {
                    return Err(damaged());
                }
                bucket.exact = Some(numbers);
            }
            Piece::Facts(facts) => named.push((name, facts)),
        }
    }
    Ok(match kind.shape() {
        Shape::Attribute | Shape::Size | Shape::Events(_) => {
            Part::Sets(Arc::new(Sets { told, values }))
        }
        Shape::Facts | Shape::Versions => Part::Facts(Arc::new(named)),
    })
}

/// Reads a piece of a part of this kind back.
pub(super) fn decode(kind: Kind, name: u64, bytes: &[u8]) -> Result<Piece, Error> {
    let mut reader = Reader { rest: bytes };
    let piece = match kind.shape() {
        Shape::Facts | Shape::Versions => reader.facts().map(|facts| Piece::Facts(facts.into())),
        Shape::Size if name != TOLD && name & EXACT != 0 => {
            let numbers = reader.packed();
            numbers.map(|numbers| Piece::Numbers(numbers.into()))
        }
        Shape::Attribute | Shape::Size | Shape::Events(_) => {
            let installs = RoaringBitmap::deserialize_from(&mut reader.rest).ok();
            installs.map(|mut installs| {
                // Runs are small in a file, but slow to compute with.
                installs.remove_run_compression();
                Piece::Installs(installs.into())
            })
        }
    };
    piece
        .filter(|_| reader.rest.is_empty())
        .ok_or_else(|| Error::Damaged(format!("{kind:?} of the index")))
}

/// A piece that the part does not have.
pub(super) fn missing(kind: Kind, name: u64) -> Piece {
    match kind.shape() {
        Shape::Facts | Shape::Versions => Piece::Facts(Arc::default()),
        Shape::Size if name != TOLD && name & EXACT != 0 => Piece::Numbers(Arc::default()),
        Shape::Attribute | Shape::Size | Shape::Events(_) => Piece::Installs(Arc::default()),
    }
}

fn bitmap(installs: &RoaringBitmap) -> Vec<u8> {
    let mut installs = installs.clone();
    installs.optimize();
    let mut bytes = Vec::with_capacity(installs.serialized_size());
    // Writing to memory cannot fail.
    let _ = installs.serialize_into(&mut bytes);
    bytes
}

fn encode_facts(facts: &Facts) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(facts.bytes());
    put_u32(&mut bytes, facts.traits.len());
    for key in &facts.traits {
        put_key(&mut bytes, key);
    }
    put_u32(&mut bytes, facts.sections.len());
    for section in &facts.sections {
        put_key(&mut bytes, &section.key);
        bytes.extend_from_slice(&section.rows_end.to_le_bytes());
        bytes.extend_from_slice(&section.values_end.to_le_bytes());
    }
    put_words(&mut bytes, facts.installs.iter().map(|n| n.to_le_bytes()));
    put_packed(&mut bytes, &facts.row_traits);
    put_packed(&mut bytes, &facts.amounts);
    put_packed(&mut bytes, &facts.lengths);
    bytes.extend_from_slice(&facts.least_code.to_le_bytes());
    put_packed(&mut bytes, &facts.codes);
    put_packed(&mut bytes, &facts.counts);
    bytes
}

fn put_u32(bytes: &mut Vec<u8>, number: usize) {
    bytes.extend_from_slice(&(number as u32).to_le_bytes());
}

fn put_key(bytes: &mut Vec<u8>, key: &Key) {
    for sym in key {
        bytes.extend_from_slice(&sym.0.to_le_bytes());
    }
}

fn put_words<const N: usize>(bytes: &mut Vec<u8>, words: impl ExactSizeIterator<Item = [u8; N]>) {
    put_u32(bytes, words.len());
    for word in words {
        bytes.extend_from_slice(&word);
    }
}

const WIDTH_U8: u8 = 1;
const WIDTH_U16: u8 = 2;
const WIDTH_U32: u8 = 4;
const WIDTH_U64: u8 = 8;
const FLOATS: u8 = 9;

fn put_packed(bytes: &mut Vec<u8>, column: &Packed) {
    match column {
        Packed::U8(numbers) => {
            bytes.push(WIDTH_U8);
            put_words(bytes, numbers.iter().map(|n| n.to_le_bytes()));
        }
        Packed::U16(numbers) => {
            bytes.push(WIDTH_U16);
            put_words(bytes, numbers.iter().map(|n| n.to_le_bytes()));
        }
        Packed::U32(numbers) => {
            bytes.push(WIDTH_U32);
            put_words(bytes, numbers.iter().map(|n| n.to_le_bytes()));
        }
        Packed::U64(numbers) => {
            bytes.push(WIDTH_U64);
            put_words(bytes, numbers.iter().map(|n| n.to_le_bytes()));
        }
        Packed::F64(numbers) => {
            bytes.push(FLOATS);
            put_words(bytes, numbers.iter().map(|n| n.to_le_bytes()));
        }
    }
}

/// Takes bytes from the front; `None` where they end too early or make no sense.
struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn length(&mut self) -> Option<usize> {
        self.u32().map(|length| length as usize)
    }

    fn words<const N: usize, T>(&mut self, of: fn([u8; N]) -> T) -> Option<Vec<T>> {
        let length = self.length()?;
        let bytes = self.take(length.checked_mul(N)?)?;
        let (chunks, _) = bytes.as_chunks::<N>();
        Some(chunks.iter().map(|&chunk| of(chunk)).collect())
    }

    fn packed(&mut self) -> Option<Packed> {
        let [width] = self.array()?;
        Some(match width {
            WIDTH_U8 => Packed::U8(self.words(u8::from_le_bytes)?),
            WIDTH_U16 => Packed::U16(self.words(u16::from_le_bytes)?),
            WIDTH_U32 => Packed::U32(self.words(u32::from_le_bytes)?),
            WIDTH_U64 => Packed::U64(self.words(u64::from_le_bytes)?),
            FLOATS => Packed::F64(self.words(f64::from_le_bytes)?),
            _ => return None,
        })
    }

    fn key(&mut self) -> Option<Key> {
        let mut key = Key::default();
        for sym in &mut key {
            *sym = Sym(self.u32()?);
        }
        Some(key)
    }

    fn facts(&mut self) -> Option<Facts> {
        let mut facts = Facts::default();
        for _ in 0..self.length()? {
            facts.traits.push(self.key()?);
        }
        for _ in 0..self.length()? {
            facts.sections.push(Section {
                key: self.key()?,
                rows_end: self.u32()?,
                values_end: self.u32()?,
            });
        }
        facts.installs = self.words(u32::from_le_bytes)?;
        facts.row_traits = self.packed()?;
        facts.amounts = self.packed()?;
        facts.lengths = self.packed()?;
        facts.least_code = i32::from_le_bytes(self.array()?);
        facts.codes = self.packed()?;
        facts.counts = self.packed()?;
        facts.codes_end = facts.codes.end();
        sound(&facts).then_some(facts)
    }
}

/// Whether every position that facts name exists.
fn sound(facts: &Facts) -> bool {
    let ends = |of: fn(&Section) -> u32, length: usize| {
        facts.sections.is_sorted_by_key(of)
            && facts.sections.last().map_or(0, of) as usize == length
    };
    let (rows, values) = (facts.installs.len(), facts.codes.len());
    let lengths = facts.lengths.len();
    let of_rows = |column: &Packed| column.len() == rows || column.len() == 0;
    let with_traits = rows == 0 || facts.row_traits.end() <= facts.traits.len();
    facts.amounts.len() == rows
        && of_rows(&facts.row_traits)
        && with_traits
        && of_rows(&facts.lengths)
        && (values == 0 || lengths == rows)
        && facts.counts.len() == values
        && i64::from(facts.least_code) + facts.codes_end as i64 <= i64::from(i32::MAX)
        && ends(|section| section.rows_end, rows)
        && ends(|section| section.values_end, values)
        && values_lie_in_sections(facts)
}

/// Whether the values of each section are those of its rows.
fn values_lie_in_sections(facts: &Facts) -> bool {
    let has_lengths = facts.lengths.len() > 0;
    facts.sections().all(|(_, extent)| {
        let lengths = if has_lengths {
            facts.lengths.total(extent.rows)
        } else {
            0
        };
        lengths == extent.values.len() as u64
    })
}

#[cfg(test)]
mod tests {
    use super::super::columns::{Columns, Loose, Row, Values};
    use super::*;

    fn facts(version: u32) -> Arc<Facts> {
        let mut columns = Columns::default();
        for n in 0..7 {
            let mut loose = Loose::default();
            for install in 0..60 {
                let traits = [Sym(version), Sym(install % 5), Sym(0), Sym(0)];
                loose.rows.push(Row {
                    install: install * 40,
                    traits,
                    amount: f64::from(n) / 2.0,
                });
                loose.values.push(Values {
                    install: install * 40,
                    traits,
                    code: -3 + install as i32 * 20,
                    count: 2,
                });
            }
            columns.add([Sym(n), Sym(1), Sym(0), Sym(0)], loose);
        }
        columns.finish().into()
    }

    fn examples() -> Vec<(Kind, Part)> {
        let installs: RoaringBitmap = (0..70_000).step_by(3).collect();
        let pairs = vec![(7, 3), (9, 6), (7, 60_000)];
        let sizes = [(1, 12), (5, 19), (6, 70_000), (9, u64::MAX)];
        let named = |names: [u64; 2]| {
            let pieces = names.map(|name| (name, facts(name as u32))).to_vec();
            Part::Facts(pieces.into())
        };
        vec![
            (
                Kind::Active,
                Part::Sets(Sets::of_values(installs.clone(), vec![]).into()),
            ),
            (
                Kind::Version,
                Part::Sets(Sets::of_values(installs, pairs).into()),
            ),
            (Kind::Users, Part::Sets(Sets::of_sizes(&sizes).into())),
            (Kind::Tasks, named([3, 7 << 32 | 1])),
            (Kind::TasksByVersion, named([1, 4])),
        ]
    }

    #[test]
    fn parts_survive_their_bytes() {
        for (kind, part) in examples() {
            let mut pieces = encode(&part);
            pieces.sort_by_key(|piece| piece.0.cast_signed());
            let read = |(name, bytes): (u64, Vec<u8>)| (name, decode(kind, name, &bytes).unwrap());
            let pieces = pieces.into_iter().map(read).collect();
            assert_eq!(assemble(kind, pieces).unwrap(), part, "{kind:?}");
        }
        for kind in Kind::ALL {
            assert_eq!(encode(&Part::empty(kind)), []);
        }
    }

    #[test]
    fn cut_bytes_are_refused() {
        for (kind, part) in examples() {
            for (name, bytes) in encode(&part) {
                for length in (0..bytes.len()).step_by(bytes.len() / 50 + 1) {
                    let cut = decode(kind, name, &bytes[..length]);
                    assert!(cut.is_err(), "{kind:?} {length}");
                }
            }
        }
    }

    #[test]
    fn facts_that_name_what_is_not_there_are_refused() {
        let spoil: [fn(&mut Facts); 4] = [
            |facts| facts.traits.truncate(2),
            |facts| facts.sections[0].values_end += 1,
            |facts| facts.lengths = Packed::U8(vec![2; facts.installs.len()]),
            |facts| facts.installs.truncate(5),
        ];
        for spoil in spoil {
            let mut spoilt = facts(1).as_ref().clone();
            spoil(&mut spoilt);
            assert!(decode(Kind::Tasks, 0, &encode_facts(&spoilt)).is_err());
        }
    }
}
