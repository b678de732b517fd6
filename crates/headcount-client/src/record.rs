//! One recorded event as words: the form it has in the ring and in the spool. Knows no wire and no file.

use headcount_protocol::{AppStat, Deployment, Event, EventBody, InstalledApp, Page, Stats, Task};

use crate::settings::Feed;

/// Bytes a record's word holds.
const WORD: usize = 8;
/// Strings every record has, whatever its kind.
const FIXED: usize = 4;
/// Most apps in a record: far above those of any install seen (about 300), and what the protocol takes.
const MAX_APPS: usize = headcount_protocol::native::MAX_APPS;
/// Lengths of strings that one word holds.
const LENGTHS_A_WORD: usize = 4;
/// Longest string kept, in bytes; longer ones are cut at a character.
pub(crate) const MAX_STRING_BYTES: usize = 2048;
/// Words before the numbers: the shape and the moment.
const HEAD_WORDS: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Stats = 1,
    Task = 2,
    Stat = 3,
    Page = 4,
}

/// An event as the host gave it, still borrowed: numbers with `None` for "not told", and strings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Draft<'a> {
    kind: Kind,
    pub(crate) feed: Feed,
    pub(crate) at_ms: i64,
    numbers: [Option<u64>; 3],
    fixed: [&'a str; FIXED],
    /// Of a page: what the visitor opened, where the path is a pattern. For the ring alone.
    opened: &'a str,
    apps: &'a [InstalledApp],
}

impl<'a> Draft<'a> {
    pub(crate) fn stats(at_ms: i64, stats: &'a Stats) -> Self {
        let deployment = stats.deployment.as_ref().map_or("", |kind| kind.0.as_str());
        Self {
            kind: Kind::Stats,
            feed: Feed::Stats,
            at_ms,
            numbers: [stats.users, stats.tokens, stats.addons],
            fixed: [bounded(deployment), "", "", ""],
            opened: "",
            apps: &stats.apps[..stats.apps.len().min(MAX_APPS)],
        }
    }

    pub(crate) fn task(at_ms: i64, feed: Feed, run: &TaskParts<'a>) -> Self {
        Self {
            kind: Kind::Task,
            feed,
            at_ms,
            numbers: [
                run.value.map(f64::to_bits),
                Some(u64::from(run.count)),
                None,
            ],
            fixed: [run.namespace, run.task, run.result, run.label].map(bounded),
            opened: "",
            apps: &[],
        }
    }

    pub(crate) fn stat(
        at_ms: i64,
        namespace: &'a str,
        task: &'a str,
        label: &'a str,
        value: f64,
    ) -> Self {
        Self {
            kind: Kind::Stat,
            feed: Feed::Stats,
            at_ms,
            numbers: [Some(value.to_bits()), None, None],
            fixed: [namespace, task, label, ""].map(bounded),
            opened: "",
            apps: &[],
        }
    }

    pub(crate) fn page(at_ms: i64, page: &PageParts<'a>) -> Self {
        Self {
            kind: Kind::Page,
            feed: Feed::Pages,
            at_ms,
            numbers: [None; 3],
            fixed: [page.path, page.title, page.locale, page.user_agent].map(bounded),
            opened: bounded(page.opened),
            apps: &[],
        }
    }

    pub(crate) fn of(event: &'a Event, feed: Feed) -> Self {
        let at_ms = event.at_ms.unwrap_or_default();
        match &event.body {
            EventBody::Stats(stats) => Self::stats(at_ms, stats),
            EventBody::Task(task) => Self::task(
                at_ms,
                feed,
                &TaskParts {
                    namespace: &task.namespace,
                    task: &task.task,
                    result: &task.result,
                    label: &task.label,
                    value: task.value,
                    count: task.count,
                },
            ),
            EventBody::Stat(stat) => {
                Self::stat(at_ms, &stat.namespace, &stat.task, &stat.label, stat.value)
            }
            EventBody::Page(page) => Self::page(
                at_ms,
                &PageParts {
                    path: &page.path,
                    title: &page.title,
                    locale: &page.locale,
                    user_agent: &page.user_agent,
                    opened: "",
                },
            ),
        }
    }

    /// Strings after those that every record has: names and versions of the apps in turn, or what was opened.
    fn more_strings(&self) -> impl Iterator<Item = &'a str> {
        let apps = self.apps.iter().flat_map(|app| {
            let version = app.version.as_deref().unwrap_or_default();
            [bounded(&app.name), bounded(version)]
        });
        apps.chain((!self.opened.is_empty()).then_some(self.opened))
    }

    fn more(&self) -> usize {
        2 * self.apps.len() + usize::from(!self.opened.is_empty())
    }

    /// Words that `write` will put.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        let words = |text: &str| text.len().div_ceil(WORD);
        let numbers = self.numbers.iter().flatten().count();
        let fixed: usize = self.fixed.iter().map(|text| words(text)).sum();
        let mut length = HEAD_WORDS + numbers + 1 + fixed;
        let more = self.more();
        if more > 0 {
            let strings: usize = self.more_strings().map(words).sum();
            length += more.div_ceil(LENGTHS_A_WORD) + strings;
        }
        length
    }

    /// Puts the record word by word: shape and moment, numbers, lengths of the strings, their bytes.
    #[inline]
    pub(crate) fn write(&self, mut put: impl FnMut(u64)) {
        let strings = FIXED + self.more();
        let mut present = 0_u64;
        for (index, number) in self.numbers.iter().enumerate() {
            present |= u64::from(number.is_some()) << index;
        }
        put(self.kind as u64 | (self.feed as u64) << 8 | present << 16 | (strings as u64) << 32);
        put(self.at_ms.cast_unsigned());
        for number in self.numbers.iter().flatten() {
            put(*number);
        }
        put(packed_lengths(self.fixed));
        if strings > FIXED {
            self.write_more_lengths(&mut put);
        }
        for text in self.fixed {
            put_text(text.as_bytes(), &mut put);
        }
        if strings > FIXED {
            for text in self.more_strings() {
                put_text(text.as_bytes(), &mut put);
            }
        }
    }

    fn write_more_lengths(&self, put: &mut impl FnMut(u64)) {
        let mut strings = self.more_strings().peekable();
        while strings.peek().is_some() {
            put(packed_lengths(strings.by_ref().take(LENGTHS_A_WORD)));
        }
    }

    /// The record as bytes, for the spool.
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len() * WORD);
        self.write(|word| bytes.extend_from_slice(&word.to_le_bytes()));
        bytes
    }
}

/// Gives a record of the spool another moment.
pub(crate) fn set_moment(bytes: &mut [u8], at_ms: i64) {
    if let Some(moment) = bytes.get_mut(WORD..HEAD_WORDS * WORD) {
        moment.copy_from_slice(&at_ms.to_le_bytes());
    }
}

/// The parts of a task event, borrowed from the host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TaskParts<'a> {
    pub(crate) namespace: &'a str,
    pub(crate) task: &'a str,
    pub(crate) result: &'a str,
    pub(crate) label: &'a str,
    pub(crate) value: Option<f64>,
    pub(crate) count: u32,
}

/// The parts of a page view, borrowed from the host.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageParts<'a> {
    pub(crate) path: &'a str,
    pub(crate) title: &'a str,
    pub(crate) locale: &'a str,
    pub(crate) user_agent: &'a str,
    pub(crate) opened: &'a str,
}

/// A record that was read back.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) feed: Feed,
    pub(crate) event: Event,
    /// Of a page of the ring: what the visitor opened, where the path is a pattern; else empty.
    pub(crate) opened: String,
}

#[inline]
fn bounded(text: &str) -> &str {
    cut(text, MAX_STRING_BYTES)
}

#[inline]
fn packed_lengths<'a>(strings: impl IntoIterator<Item = &'a str>) -> u64 {
    strings
        .into_iter()
        .enumerate()
        .fold(0, |lengths, (index, text)| {
            lengths | (text.len() as u64) << (16 * index)
        })
}

/// The longest part of at most `max_bytes` bytes from the start that ends at a character.
#[inline]
pub(crate) fn cut(text: &str, max_bytes: usize) -> &str {
    if text.len() <= max_bytes {
        return text;
    }
    let mut end = max_bytes;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[inline]
fn put_text(bytes: &[u8], put: &mut impl FnMut(u64)) {
    let (whole, rest) = bytes.as_chunks::<WORD>();
    for chunk in whole {
        put(u64::from_le_bytes(*chunk));
    }
    if rest.is_empty() {
        return;
    }
    // Without a call for a copy of a few bytes: the last word of the text, shifted, where there is one.
    put(match bytes.last_chunk::<WORD>() {
        Some(last) => u64::from_le_bytes(*last) >> (8 * (WORD - rest.len())),
        None => short_word(rest),
    });
}

/// Up to seven bytes as a word. Of four and more, both ends are read, which agree where they overlap.
#[inline]
fn short_word(bytes: &[u8]) -> u64 {
    let half = |four: &[u8; 4]| u64::from(u32::from_le_bytes(*four));
    match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => half(first) | half(last) << (8 * (bytes.len() - 4)),
        _ => bytes
            .iter()
            .rev()
            .fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

/// Reads a record back; `None` when the words are no record.
pub(crate) fn decode(words: &[u64]) -> Option<Decoded> {
    let mut reader = Reader { words };
    let shape = reader.word()?;
    let feed = Feed::from_number((shape >> 8) as u8)?;
    let at_ms = Some(reader.word()?.cast_signed());
    let mut numbers = [None; 3];
    for (index, number) in numbers.iter_mut().enumerate() {
        if shape >> (16 + index) & 1 == 1 {
            *number = Some(reader.word()?);
        }
    }
    let count = usize::try_from(shape >> 32).ok()?;
    let mut strings = reader.strings(count)?;
    let is_opened = shape as u8 == Kind::Page as u8 && count > FIXED;
    let opened = strings.pop_if(|_| is_opened).unwrap_or_default();
    let body = body_of(shape as u8, numbers, strings)?;
    let id = None;
    let event = Event { id, at_ms, body };
    Some(Decoded {
        feed,
        event,
        opened,
    })
}

/// Reads a record of the spool.
pub(crate) fn decode_bytes(bytes: &[u8]) -> Option<(Feed, Event)> {
    let (chunks, rest) = bytes.as_chunks::<WORD>();
    if !rest.is_empty() {
        return None;
    }
    let words: Vec<u64> = chunks
        .iter()
        .map(|chunk| u64::from_le_bytes(*chunk))
        .collect();
    decode(&words).map(|read| (read.feed, read.event))
}

fn body_of(kind: u8, numbers: [Option<u64>; 3], strings: Vec<String>) -> Option<EventBody> {
    let mut strings = strings.into_iter();
    let mut next = || strings.next();
    let (first, second, third, fourth) = (next()?, next()?, next()?, next()?);
    Some(match kind {
        1 => EventBody::Stats(Stats {
            users: numbers[0],
            tokens: numbers[1],
            addons: numbers[2],
            deployment: (!first.is_empty()).then_some(Deployment(first)),
            apps: apps_of(strings)?,
        }),
        2 => EventBody::Task(Task {
            namespace: first,
            task: second,
            result: third,
            label: fourth,
            value: numbers[0].map(f64::from_bits),
            count: u32::try_from(numbers[1]?).ok()?,
        }),
        3 => EventBody::Stat(AppStat {
            namespace: first,
            task: second,
            label: third,
            value: f64::from_bits(numbers[0]?),
        }),
        4 => EventBody::Page(Page {
            path: first,
            title: second,
            locale: third,
            user_agent: fourth,
        }),
        _ => return None,
    })
}

fn apps_of(mut strings: impl Iterator<Item = String>) -> Option<Vec<InstalledApp>> {
    let mut apps = Vec::new();
    while let Some(name) = strings.next() {
        let version = strings.next()?;
        let version = (!version.is_empty()).then_some(version);
        apps.push(InstalledApp { name, version });
    }
    Some(apps)
}

struct Reader<'a> {
    words: &'a [u64],
}

impl Reader<'_> {
    fn word(&mut self) -> Option<u64> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(*first)
    }

    fn strings(&mut self, count: usize) -> Option<Vec<String>> {
        if count > FIXED + 2 * MAX_APPS {
            return None;
        }
        let mut lengths = Vec::with_capacity(count);
        while lengths.len() < count {
            let packed = self.word()?;
            for index in 0..LENGTHS_A_WORD.min(count - lengths.len()) {
                lengths.push(usize::from((packed >> (16 * index)) as u16));
            }
        }
        lengths
            .into_iter()
            .map(|length| self.string(length))
            .collect()
    }

    fn string(&mut self, length: usize) -> Option<String> {
        let (data, rest) = self.words.split_at_checked(length.div_ceil(WORD))?;
        self.words = rest;
        let mut bytes = Vec::with_capacity(data.len() * WORD);
        for word in data {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
        bytes.truncate(length);
        String::from_utf8(bytes).ok()
    }
}

#[cfg(test)]
mod tests;
