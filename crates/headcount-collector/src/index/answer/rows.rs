//! The cells of a bucket as rows of the answer: values become texts, those not asked are left out.

use super::super::calendar::month_text;
use super::super::numbers::size_text;
use super::super::part::unpair;
use super::{Asking, Cells, Figures};
use crate::query::{AnswerRow, Dimension};
use crate::store::{Day, Sym};

impl Asking<'_> {
    /// The values that `Query::only` names of an attribute, ascending; `None` where all are looked at.
    pub(super) fn named(&self, dimension: Dimension) -> Option<Vec<u64>> {
        let texts = match dimension {
            Dimension::Version | Dimension::App | Dimension::Deployment => &self.query.only,
            _ => return None,
        };
        if texts.is_empty() {
            return None;
        }
        let syms = texts.iter().filter_map(|text| self.store.sym(text));
        let mut values: Vec<u64> = syms.map(|sym| u64::from(sym.0)).collect();
        values.sort_unstable();
        values.dedup();
        Some(values)
    }

    fn is_told(&self, key: &[(u64, String)]) -> bool {
        let only = &self.query.only;
        only.is_empty() || key.last().is_none_or(|(_, text)| only.contains(text))
    }

    pub(super) fn rows(&self, bucket: Day, cells: Cells) -> Vec<AnswerRow> {
        let mut keyed: Vec<(Vec<(u64, String)>, Figures)> = cells
            .into_iter()
            .map(|(key, figures)| {
                let dimensions = self.query.by.iter();
                let texts = dimensions.zip(key).map(|(&d, value)| self.text(d, value));
                (texts.collect(), figures)
            })
            .filter(|(key, _): &(Vec<_>, _)| self.is_told(key))
            .collect();
        keyed.sort_by(|a, b| a.0.cmp(&b.0));
        keyed
            .into_iter()
            .map(|(key, figures)| AnswerRow {
                bucket,
                key: key.into_iter().map(|(_, text)| text).collect(),
                installs: figures.installs,
                amount: figures.amount,
                failures: figures.failures,
                median: figures.quantiles.map(|(median, _)| median),
                p90: figures.quantiles.map(|(_, p90)| p90),
            })
            .collect()
    }

    /// A value's place among others, where texts do not sort by themselves, and its text.
    fn text(&self, dimension: Dimension, value: u64) -> (u64, String) {
        let text = |sym: Sym| self.store.text(sym).to_string();
        match dimension {
            Dimension::Users | Dimension::Tokens => (value, size_text(value)),
            Dimension::FirstSeen => (0, month_text(Day(value as u32 as i32))),
            Dimension::AppVersion => {
                let (app, version) = unpair(value);
                (0, format!("{}={}", text(app), text(version)))
            }
            Dimension::Version
            | Dimension::App
            | Dimension::Deployment
            | Dimension::Namespace
            | Dimension::Task
            | Dimension::Result
            | Dimension::Label
            | Dimension::Path
            | Dimension::Title
            | Dimension::Locale
            | Dimension::Browser
            | Dimension::Os => (0, text(Sym(value as u32))),
        }
    }
}
