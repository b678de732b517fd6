//! `deployment`: how installs are run, by what each told last, and on what share before. Installs that
//! did not tell stand under an empty name.

use super::apps::share_before;
use super::{Body, Cell, Over, Params, ReportError, Source, share};
use crate::query::{Answer, Dimension, Measure};

pub(crate) const COLUMNS: [&str; 4] = ["deployment", "installs", "share", "previous_share"];

pub(crate) fn run(source: &Source<'_>, params: &Params) -> Result<Body, ReportError> {
    let by = [Dimension::Deployment];
    let now = source.ask(Measure::Active, &by, &params.whole())?;
    let before = source
        .before(params, "stats")
        .map(|before| source.ask(Measure::Active, &by, &Over::whole(before, &params.filter)))
        .transpose()?;
    let was = before.as_ref().map_or_else(Vec::new, with_untold);
    let mut found = with_untold(&now);
    found.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let rows = found
        .into_iter()
        .map(|(deployment, installs)| {
            let earlier = was.iter().find(|(known, _)| *known == deployment);
            let earlier = earlier.map_or(0, |(_, installs)| *installs);
            vec![
                Cell::Text(deployment),
                Cell::Count(installs),
                Cell::Number(share(installs, now.base)),
                share_before(earlier, before.as_ref()),
            ]
        })
        .collect();
    Ok(Body {
        base: now.base,
        rows,
    })
}

fn with_untold(answer: &Answer) -> Vec<(String, u64)> {
    let mut found: Vec<(String, u64)> = answer
        .rows
        .iter()
        .map(|row| (row.key[0].clone(), row.installs))
        .collect();
    let told: u64 = found.iter().map(|(_, installs)| installs).sum();
    if answer.base > told {
        found.push((String::new(), answer.base - told));
    }
    found
}
