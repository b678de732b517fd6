//! Parts as bytes, in the format named by `FORMAT`. Little-endian, columns at fixed width.

use std::ops::Range;

use roaring::RoaringBitmap;

use super::facts::{Facts, Key, Section};
use super::packed::Packed;
use super::part::{Kind, Part, Sets};
use crate::error::Error;
use crate::store::Sym;

/// Grows with every change of what follows: an index of another format is derived anew.
pub(super) const FORMAT: i64 = 1;

/// The bytes of a part, `None` for one with nothing in it.
pub(super) fn encode(part: &Part) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    match part {
        Part::Sets(sets) if sets.told.is_empty() => return None,
        Part::Facts(facts) if facts.sections.is_empty() => return None,
        Part::Sets(sets) => encode_sets(sets, &mut bytes),
        Part::Facts(facts) => encode_facts(facts, &mut bytes),
    }
    Some(bytes)
}

/// Reads a part of this kind back.
pub(super) fn decode(kind: Kind, bytes: &[u8]) -> Result<Part, Error> {
    let mut reader = Reader { rest: bytes };
    let part = if kind.has_facts() {
        reader.facts().map(|facts| Part::Facts(facts.into()))
    } else {
        reader.sets().map(|sets| Part::Sets(sets.into()))
    };
    part.filter(|_| reader.rest.is_empty())
        .ok_or_else(|| Error::Damaged(format!("{kind:?} of the index")))
}

/// Where the bitmaps of a part lie in its bytes.
pub(super) struct Directory {
    /// Of all that told a value.
    pub(super) told: Range<usize>,
    /// Of each value, ascending.
    pub(super) values: Vec<(u64, Range<usize>)>,
}

/// Bytes before the entries of a directory, and of one entry.
pub(super) const HEAD_BYTES: usize = 8;
const ENTRY_BYTES: usize = 16;

/// Bytes of a part of sets that its directory takes, from the first `HEAD_BYTES` of it.
pub(super) fn directory_bytes(head: [u8; HEAD_BYTES]) -> usize {
    let [a, b, c, d, ..] = head;
    HEAD_BYTES + u32::from_le_bytes([a, b, c, d]) as usize * ENTRY_BYTES
}

/// Reads the first `directory_bytes` of a part of sets.
pub(super) fn directory(bytes: &[u8]) -> Result<Directory, Error> {
    let read = || {
        let mut reader = Reader { rest: bytes };
        let (count, told) = (reader.length()?, reader.length()?);
        let mut end = bytes.len() + told;
        let told = bytes.len()..end;
        let mut values = Vec::new();
        for _ in 0..count {
            let value = u64::from_le_bytes(reader.array()?);
            let (start, length) = (end, reader.length()?);
            reader.length()?;
            end = start + length;
            values.push((value, start..end));
        }
        Some(Directory { told, values })
    };
    read().ok_or_else(|| Error::Damaged("a directory of the index".to_owned()))
}

/// Reads one bitmap of a part of sets.
pub(super) fn bitmap(bytes: &[u8]) -> Result<RoaringBitmap, Error> {
    RoaringBitmap::deserialize_from(bytes)
        .map_err(|error| Error::Damaged(format!("a bitmap of the index: {error}")))
}

/// Number of values, length of `told`, then value, length of its bitmap and of its exact numbers for
/// each, then the bytes of all of them in this order.
fn encode_sets(sets: &Sets, bytes: &mut Vec<u8>) {
    put_u32(bytes, sets.values.len());
    put_u32(bytes, sets.told.serialized_size());
    let mut exact = Vec::new();
    for (index, (value, installs)) in sets.values.iter().enumerate() {
        let before = exact.len();
        if let Some(numbers) = sets.exact.get(index) {
            put_packed(&mut exact, numbers);
        }
        bytes.extend_from_slice(&value.to_le_bytes());
        put_u32(bytes, installs.serialized_size());
        put_u32(bytes, exact.len() - before);
    }
    put_bitmap(bytes, &sets.told);
    for (_, installs) in &sets.values {
        put_bitmap(bytes, installs);
    }
    bytes.extend_from_slice(&exact);
}

fn encode_facts(facts: &Facts, bytes: &mut Vec<u8>) {
    put_u32(bytes, facts.traits.len());
    for key in &facts.traits {
        put_key(bytes, key);
    }
    put_u32(bytes, facts.sections.len());
    for section in &facts.sections {
        put_key(bytes, &section.key);
        bytes.extend_from_slice(&section.rows_end.to_le_bytes());
        bytes.extend_from_slice(&section.values_end.to_le_bytes());
    }
    put_words(bytes, facts.installs.iter().map(|n| n.to_le_bytes()));
    put_packed(bytes, &facts.row_traits);
    put_packed(bytes, &facts.amounts);
    put_words(bytes, facts.value_installs.iter().map(|n| n.to_le_bytes()));
    put_packed(bytes, &facts.value_traits);
    put_words(bytes, facts.value_codes.iter().map(|n| n.to_le_bytes()));
    put_packed(bytes, &facts.value_counts);
}

fn put_u32(bytes: &mut Vec<u8>, number: usize) {
    bytes.extend_from_slice(&(number as u32).to_le_bytes());
}

fn put_key(bytes: &mut Vec<u8>, key: &Key) {
    for sym in key {
        bytes.extend_from_slice(&sym.0.to_le_bytes());
    }
}

fn put_bitmap(bytes: &mut Vec<u8>, bitmap: &RoaringBitmap) {
    // Writing to memory cannot fail.
    let _ = bitmap.serialize_into(bytes);
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

    fn bitmap(&mut self, length: usize) -> Option<RoaringBitmap> {
        RoaringBitmap::deserialize_from(self.take(length)?).ok()
    }

    fn sets(&mut self) -> Option<Sets> {
        let count = self.length()?;
        let told = self.length()?;
        let mut entries = Vec::new();
        for _ in 0..count {
            let value = u64::from_le_bytes(self.array()?);
            entries.push((value, self.length()?, self.length()?));
        }
        let told = self.bitmap(told)?;
        let mut sets = Sets {
            told,
            ..Sets::default()
        };
        for &(value, length, _) in &entries {
            sets.values.push((value, self.bitmap(length)?));
        }
        let with_numbers = entries.iter().zip(&sets.values);
        for (_, (_, installs)) in with_numbers.filter(|(entry, _)| entry.2 > 0) {
            let numbers = self.packed()?;
            if numbers.len() as u64 != installs.len() {
                return None;
            }
            sets.exact.push(numbers);
        }
        Some(sets)
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
        facts.value_installs = self.words(u32::from_le_bytes)?;
        facts.value_traits = self.packed()?;
        facts.value_codes = self.words(i32::from_le_bytes)?;
        facts.value_counts = self.packed()?;
        sound(&facts).then_some(facts)
    }
}

/// Whether every position that facts name exists.
fn sound(facts: &Facts) -> bool {
    let traits = facts.traits.len() as u64;
    let known = |column: &Packed| (0..column.len()).all(|at| column.whole(at) < traits);
    let ends = |of: fn(&Section) -> u32, length: usize| {
        facts.sections.is_sorted_by_key(of)
            && facts.sections.last().map_or(0, of) as usize == length
    };
    let (rows, values) = (facts.installs.len(), facts.value_installs.len());
    [facts.row_traits.len(), facts.amounts.len()] == [rows; 2]
        && [
            facts.value_traits.len(),
            facts.value_codes.len(),
            facts.value_counts.len(),
        ] == [values; 3]
        && ends(|section| section.rows_end, rows)
        && ends(|section| section.values_end, values)
        && known(&facts.row_traits)
        && known(&facts.value_traits)
}

#[cfg(test)]
mod tests {
    use super::super::facts::FactsBuilder;
    use super::*;

    fn examples() -> Vec<(Kind, Part)> {
        let installs: RoaringBitmap = (0..70_000).step_by(3).collect();
        let pairs = vec![(7, 3), (9, 6), (7, 60_000)];
        let sizes = [(1, 12), (5, 19), (6, 70_000), (9, u64::MAX)];
        let mut builder = FactsBuilder::default();
        for n in 0..300 {
            let section = builder.section([Sym(n % 7), Sym(1), Sym(0), Sym(0)]);
            let traits = builder.traits([Sym(n), Sym(0), Sym(0), Sym(0)]);
            builder.add_amount(section, traits, n * 40, f64::from(n) / 2.0);
            builder.add_values(section, traits, n * 40, (-3, 2));
        }
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
            (Kind::Tasks, Part::Facts(builder.finish().into())),
        ]
    }

    #[test]
    fn parts_survive_their_bytes() {
        for (kind, part) in examples() {
            let bytes = encode(&part).unwrap();
            assert_eq!(decode(kind, &bytes).unwrap(), part, "{kind:?}");
        }
        assert_eq!(encode(&Part::Sets(Sets::default().into())), None);
        assert_eq!(encode(&Part::Facts(Facts::default().into())), None);
    }

    #[test]
    fn directories_tell_where_bitmaps_lie() {
        for (kind, part) in examples() {
            let bytes = encode(&part).unwrap();
            let Part::Sets(sets) = part else { continue };
            let (head, _) = bytes.split_first_chunk().unwrap();
            let directory = directory(&bytes[..directory_bytes(*head)]).unwrap();
            assert_eq!(
                bitmap(&bytes[directory.told]).unwrap(),
                sets.told,
                "{kind:?}"
            );
            let values: Vec<_> = directory
                .values
                .into_iter()
                .map(|(value, at)| (value, bitmap(&bytes[at]).unwrap()))
                .collect();
            assert_eq!(values, sets.values, "{kind:?}");
        }
    }

    #[test]
    fn cut_bytes_are_refused() {
        for (kind, part) in examples() {
            let bytes = encode(&part).unwrap();
            for length in (0..bytes.len()).step_by(bytes.len() / 50 + 1) {
                assert!(decode(kind, &bytes[..length]).is_err(), "{kind:?} {length}");
            }
        }
    }
}
