//! Splits a payload into its pairs. Never fails: what is no pair comes as a name without a value.

use std::borrow::Cow;

use crate::text;

/// One `name=value`, decoded; `value` is `None` where there is no `=`.
pub(super) struct Pair<'a> {
    pub(super) name: Cow<'a, str>,
    pub(super) value: Option<Cow<'a, str>>,
}

pub(super) fn pairs(payload: &[u8]) -> impl Iterator<Item = Pair<'_>> {
    let payload = payload.strip_prefix(b"?").unwrap_or(payload);
    payload
        .split(|&b| b == b'&')
        .filter(|piece| !piece.is_empty())
        .map(|piece| match piece.iter().position(|&b| b == b'=') {
            Some(at) => Pair {
                name: text::form_decode(&piece[..at]),
                value: Some(text::form_decode(&piece[at + 1..])),
            },
            None => Pair {
                name: text::form_decode(piece),
                value: None,
            },
        })
}
