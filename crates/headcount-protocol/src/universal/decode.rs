//! Decodes one v1 payload in one pass: known parameters into slots, then the slots into an event.

use std::borrow::Cow;

use super::parameters::{self, HitType, Parameter};
use super::values::{self, Fault};
use super::{Decoded, payload};
use crate::event::{AppStat, Event, EventBody, InstallId, Page, Task};
use crate::native::{MAX_NAMESPACE_BYTES, MAX_TEXT_BYTES, MAX_USER_AGENT_BYTES};
use crate::notes::{NoteCode, Notes, Refusal, RefusalCode};
use crate::{text, vocabulary};

/// Decodes one payload. The moment of the event is `received_ms` (Unix milliseconds) less `qt`;
/// without `qt` it is left open and means the moment of receipt.
///
/// Of a parameter that comes twice the last one counts; unknown ones are not used. Never fails:
/// what cannot be counted comes back with its refusal.
#[must_use]
pub fn decode(payload: &[u8], received_ms: i64) -> Decoded {
    let mut notes = Notes::default();
    let mut slots = Slots::default();
    slots.fill(payload, &mut notes);
    let install = install(&slots);
    let kind = slots.t.as_deref().map(HitType::parse);
    let outcome = match (&slots.tid, install.as_ref(), kind) {
        (None, _, _) => Err(Refusal::missing("tid")),
        (_, None, _) => Err(no_install(&slots)),
        (_, _, None) => Err(Refusal::missing("t")),
        (_, _, Some(None)) => Err(Refusal::new(
            RefusalCode::UnknownKind,
            "t",
            "t is no hit type of the protocol",
        )),
        (_, _, Some(Some(hit))) => event(&slots, hit, received_ms, &mut notes),
    };
    let name = match &outcome {
        Ok(event) => event.body.name(),
        Err(_) => {
            let words = [slots.t.as_deref(), slots.ec.as_deref(), slots.ea.as_deref()];
            let words: Vec<&str> = words.into_iter().flatten().collect();
            text::cut(&words.join(" "), MAX_TEXT_BYTES).to_owned()
        }
    };
    Decoded {
        tracking_id: owned(slots.tid.as_ref()).trim().to_owned(),
        install,
        app: slots
            .an
            .as_deref()
            .map(text::collapse)
            .filter(|word| !word.is_empty()),
        app_version: slots
            .av
            .as_deref()
            .map(text::collapse)
            .filter(|word| !word.is_empty()),
        user_agent: slots.ua.as_deref().map(user_agent),
        name,
        outcome,
        notes: notes.0,
    }
}

type Slot<'a> = Option<Cow<'a, str>>;

/// The parameters an event is made of. Empty values count as absent.
#[derive(Default)]
struct Slots<'a> {
    v: Slot<'a>,
    tid: Slot<'a>,
    cid: Slot<'a>,
    uid: Slot<'a>,
    t: Slot<'a>,
    qt: Slot<'a>,
    an: Slot<'a>,
    av: Slot<'a>,
    ua: Slot<'a>,
    ul: Slot<'a>,
    ec: Slot<'a>,
    ea: Slot<'a>,
    el: Slot<'a>,
    ev: Slot<'a>,
    dl: Slot<'a>,
    dp: Slot<'a>,
    dt: Slot<'a>,
    cd: Slot<'a>,
    pa: Slot<'a>,
    ti: Slot<'a>,
    ta: Slot<'a>,
    tr: Slot<'a>,
    item: Slot<'a>,
    iq: Slot<'a>,
    sn: Slot<'a>,
    sa: Slot<'a>,
    st: Slot<'a>,
    utc: Slot<'a>,
    utv: Slot<'a>,
    utt: Slot<'a>,
    utl: Slot<'a>,
    exd: Slot<'a>,
    exf: Slot<'a>,
    /// Parameters that came and belong to some hit types only.
    bound: Vec<&'static Parameter>,
}

impl<'a> Slots<'a> {
    fn of(&mut self, name: &str) -> Option<&mut Slot<'a>> {
        Some(match name {
            "v" => &mut self.v,
            "tid" => &mut self.tid,
            "cid" => &mut self.cid,
            "uid" => &mut self.uid,
            "t" => &mut self.t,
            "qt" => &mut self.qt,
            "an" => &mut self.an,
            "av" => &mut self.av,
            "ua" => &mut self.ua,
            "ul" => &mut self.ul,
            "ec" => &mut self.ec,
            "ea" => &mut self.ea,
            "el" => &mut self.el,
            "ev" => &mut self.ev,
            "dl" => &mut self.dl,
            "dp" => &mut self.dp,
            "dt" => &mut self.dt,
            "cd" => &mut self.cd,
            "pa" => &mut self.pa,
            "ti" => &mut self.ti,
            "ta" => &mut self.ta,
            "tr" => &mut self.tr,
            "in" => &mut self.item,
            "iq" => &mut self.iq,
            "sn" => &mut self.sn,
            "sa" => &mut self.sa,
            "st" => &mut self.st,
            "utc" => &mut self.utc,
            "utv" => &mut self.utv,
            "utt" => &mut self.utt,
            "utl" => &mut self.utl,
            "exd" => &mut self.exd,
            "exf" => &mut self.exf,
            _ => return None,
        })
    }

    fn fill(&mut self, payload: &'a [u8], notes: &mut Notes) {
        for pair in payload::pairs(payload) {
            let Some(value) = pair.value else {
                let message = "a part without =, left over from a value with a bare &";
                notes.add_named(NoteCode::BrokenPair, pair.name.trim(), message);
                continue;
            };
            let Some(row) = parameters::find(&pair.name) else {
                continue;
            };
            if row.hits != parameters::ALL && !value.is_empty() {
                self.bound.push(row);
            }
            let value = checked(row, value, notes);
            if let Some(slot) = self.of(row.pattern) {
                if slot.is_some() && value.is_some() && *slot != value {
                    notes.add(
                        NoteCode::Duplicate,
                        row.pattern,
                        "came twice, the last one counts",
                    );
                }
                *slot = value;
            }
        }
    }
}

/// The value as far as it can be used; what cannot is noted.
fn checked<'a>(row: &'static Parameter, value: Cow<'a, str>, notes: &mut Notes) -> Slot<'a> {
    if value.trim().is_empty() {
        return None;
    }
    match values::check(row, &value) {
        Ok(()) => Some(value),
        Err(Fault::Long(max)) => {
            notes.add(
                NoteCode::Cut,
                row.pattern,
                format!("longer than {max} bytes"),
            );
            Some(Cow::Owned(text::cut(&value, usize::from(max)).to_owned()))
        }
        Err(Fault::Word) => {
            notes.add(NoteCode::Converted, row.pattern, "a boolean read as 1 or 0");
            Some(value)
        }
        Err(Fault::Invalid) => {
            notes.add(NoteCode::BadValue, row.pattern, "not valid for its type");
            None
        }
        Err(Fault::OutOfBounds) => {
            notes.add(
                NoteCode::OutOfBounds,
                row.pattern,
                "outside the numbers allowed",
            );
            None
        }
    }
}

fn owned(slot: Option<&Cow<'_, str>>) -> String {
    slot.map(|text| text::collapse(text)).unwrap_or_default()
}

fn user_agent(value: &str) -> String {
    text::cut(&text::collapse(value), MAX_USER_AGENT_BYTES).to_owned()
}

fn install(slots: &Slots<'_>) -> Option<InstallId> {
    slots
        .cid
        .as_deref()
        .or(slots.uid.as_deref())
        .and_then(InstallId::parse)
}

fn no_install(slots: &Slots<'_>) -> Refusal {
    if slots.cid.is_none() && slots.uid.is_none() {
        return Refusal::missing("cid");
    }
    let message = "cid must be text of 1 to 128 bytes without control characters";
    Refusal::new(RefusalCode::BadValue, "cid", message)
}

fn event(
    slots: &Slots<'_>,
    hit: HitType,
    received_ms: i64,
    notes: &mut Notes,
) -> Result<Event, Refusal> {
    match slots.v.as_deref() {
        Some("1") => {}
        Some(_) => notes.add(NoteCode::BadValue, "v", "the protocol version must be 1"),
        None => notes.add(NoteCode::Missing, "v", "the protocol version is missing"),
    }
    for row in &slots.bound {
        // A product action makes the parameters of sales part of any hit.
        let by_action = slots.pa.is_some() && row.pattern.starts_with('t');
        if !row.hits.has(hit) && !by_action {
            notes.add(
                NoteCode::NotForKind,
                row.pattern,
                "does not belong to this hit type",
            );
        }
    }
    let body = match hit {
        HitType::Event => event_body(slots, notes)?,
        HitType::Pageview => page(slots, slots.dp.as_deref().or(slots.dl.as_deref()))?,
        HitType::Screenview => screen(slots)?,
        HitType::Timing => timing(slots)?,
        HitType::Exception => exception(slots),
        HitType::Transaction | HitType::Item | HitType::Social => other(slots, hit, notes),
    };
    Ok(Event {
        id: None,
        at_ms: moment(slots, received_ms, notes),
        body,
    })
}

fn moment(slots: &Slots<'_>, received_ms: i64, notes: &mut Notes) -> Option<i64> {
    let queued_ms = values::lenient_integer(slots.qt.as_deref()?)?;
    if queued_ms > received_ms {
        notes.add(
            NoteCode::OutOfBounds,
            "qt",
            "longer than there have been clocks",
        );
        return None;
    }
    Some(received_ms - queued_ms)
}

fn required(slot: &Slot<'_>, field: &'static str) -> Result<String, Refusal> {
    let text = owned(slot.as_ref());
    if text.is_empty() {
        Err(Refusal::missing(field))
    } else {
        Ok(text)
    }
}

fn event_body(slots: &Slots<'_>, notes: &mut Notes) -> Result<EventBody, Refusal> {
    let namespace = required(&slots.ec, "ec")?;
    let task = required(&slots.ea, "ea")?;
    let result = owned(slots.el.as_ref());
    let value = slots
        .ev
        .as_deref()
        .and_then(values::lenient_integer)
        .map(|v| v as f64);
    match vocabulary::part_of_stats(&namespace, &task, &result, value) {
        Some(Ok(stats)) => return Ok(EventBody::Stats(stats)),
        Some(Err(stats)) => {
            notes.add(NoteCode::Missing, "ev", "a statistic without its number");
            return Ok(EventBody::Stats(stats));
        }
        None => {}
    }
    Ok(EventBody::Task(Task {
        namespace,
        task,
        result,
        label: String::new(),
        value,
        count: 1,
    }))
}

fn page(slots: &Slots<'_>, location: Option<&str>) -> Result<EventBody, Refusal> {
    let path = text::path_of(location.ok_or_else(|| Refusal::missing("dp"))?);
    let path = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    };
    Ok(EventBody::Page(Page {
        path: text::collapse(&path),
        ..view(slots)
    }))
}

fn view(slots: &Slots<'_>) -> Page {
    Page {
        path: String::new(),
        title: owned(slots.dt.as_ref()),
        locale: slots
            .ul
            .as_deref()
            .and_then(text::locale)
            .unwrap_or_default(),
        user_agent: slots.ua.as_deref().map(user_agent).unwrap_or_default(),
    }
}

/// A screen view is a page view with the screen's name as its path.
fn screen(slots: &Slots<'_>) -> Result<EventBody, Refusal> {
    let name = owned(slots.cd.as_ref());
    if !name.is_empty() {
        return Ok(EventBody::Page(Page {
            path: name,
            ..view(slots)
        }));
    }
    page(slots, slots.dp.as_deref().or(slots.dl.as_deref())).map_err(|_| Refusal::missing("cd"))
}

fn timing(slots: &Slots<'_>) -> Result<EventBody, Refusal> {
    let namespace = required(&slots.utc, "utc")?;
    let task = required(&slots.utv, "utv")?;
    let value = slots.utt.as_deref().and_then(values::lenient_integer);
    let value = value.ok_or_else(|| Refusal::missing("utt"))? as f64;
    Ok(EventBody::Stat(AppStat {
        namespace,
        task,
        label: owned(slots.utl.as_ref()),
        value,
    }))
}

fn exception(slots: &Slots<'_>) -> EventBody {
    let fatal = slots
        .exf
        .as_deref()
        .and_then(values::boolean)
        .unwrap_or(true);
    let mut task = task_of(HitType::Exception);
    task.result = owned(slots.exd.as_ref());
    if task.result.is_empty() {
        "Exception".clone_into(&mut task.result);
    }
    if fatal {
        "fatal".clone_into(&mut task.label);
    }
    EventBody::Task(task)
}

fn task_of(hit: HitType) -> Task {
    Task {
        namespace: vocabulary::UA_NAMESPACE.to_owned(),
        task: hit.as_str().to_owned(),
        result: String::new(),
        label: String::new(),
        value: None,
        count: 1,
    }
}

fn other(slots: &Slots<'_>, hit: HitType, notes: &mut Notes) -> EventBody {
    let mut task = task_of(hit);
    let (label, needed): (&[&Slot<'_>], &[(&Slot<'_>, &'static str)]) = match hit {
        HitType::Transaction => {
            task.value = slots.tr.as_deref().and_then(values::currency);
            (&[&slots.ta], &[(&slots.ti, "ti")])
        }
        HitType::Item => {
            task.value = slots
                .iq
                .as_deref()
                .and_then(values::lenient_integer)
                .map(|v| v as f64);
            (&[&slots.item], &[(&slots.ti, "ti"), (&slots.item, "in")])
        }
        HitType::Social
        | HitType::Pageview
        | HitType::Screenview
        | HitType::Event
        | HitType::Exception
        | HitType::Timing => (
            &[&slots.sn, &slots.sa, &slots.st],
            &[(&slots.sn, "sn"), (&slots.sa, "sa"), (&slots.st, "st")],
        ),
    };
    for (slot, field) in needed {
        if slot.is_none() {
            notes.add(NoteCode::Missing, *field, "asked for by this hit type");
        }
    }
    let words: Vec<String> = label
        .iter()
        .map(|slot| owned(slot.as_ref()))
        .filter(|word| !word.is_empty())
        .collect();
    text::cut(&words.join(" "), MAX_TEXT_BYTES).clone_into(&mut task.label);
    EventBody::Task(task)
}

// The table's limits of category, action and label are the bounds of the native wire.
const _: () = assert!(MAX_NAMESPACE_BYTES == 150 && MAX_TEXT_BYTES == 500);
