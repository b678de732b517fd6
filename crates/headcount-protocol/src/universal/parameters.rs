//! The parameter table of Measurement Protocol v1, as data: decoding and debug answers share it.

/// Set of hit types, one bit each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HitTypes(u8);

impl HitTypes {
    /// Whether `hit` is in the set.
    #[must_use]
    pub const fn has(self, hit: HitType) -> bool {
        self.0 & (1 << hit as u8) != 0
    }

    const fn of(hit: HitType) -> Self {
        Self(1 << hit as u8)
    }
}

/// The value of parameter `t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HitType {
    /// `pageview`
    Pageview,
    /// `screenview`, of old `appview`
    Screenview,
    /// `event`
    Event,
    /// `transaction`
    Transaction,
    /// `item`
    Item,
    /// `social`
    Social,
    /// `exception`
    Exception,
    /// `timing`
    Timing,
}

impl HitType {
    /// Reads the value of `t`, case as prescribed.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "pageview" => Self::Pageview,
            "screenview" | "appview" => Self::Screenview,
            "event" => Self::Event,
            "transaction" => Self::Transaction,
            "item" => Self::Item,
            "social" => Self::Social,
            "exception" => Self::Exception,
            "timing" => Self::Timing,
            _ => return None,
        })
    }

    /// The value of `t`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pageview => "pageview",
            Self::Screenview => "screenview",
            Self::Event => "event",
            Self::Transaction => "transaction",
            Self::Item => "item",
            Self::Social => "social",
            Self::Exception => "exception",
            Self::Timing => "timing",
        }
    }
}

/// The type of a parameter's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text and the most bytes of its decoded form ([`NO_LIMIT`]: only the payload's).
    Text(u16),
    /// Decimal number; what stands before its first digit, `-` or `.` is dropped.
    Currency,
    /// `1` or `0`.
    Boolean,
    /// 64-bit integer.
    Integer,
    /// 64-bit integer from 0 on.
    Count,
    /// Integer or decimal number.
    Number,
}

/// No limit but the payload's own.
pub const NO_LIMIT: u16 = u16::MAX;

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// The name; `#` stands for an index.
    pub pattern: &'static str,
    /// Type and length of the value.
    pub kind: Kind,
    /// The hit types it belongs to.
    pub hits: HitTypes,
    /// The hit types that must have it.
    pub required: HitTypes,
    /// The parameter that makes it needless; empty if there is none.
    pub unless: &'static str,
}

const NONE: HitTypes = HitTypes(0);
pub(super) const ALL: HitTypes = HitTypes(0xff);
const PAGEVIEW: HitTypes = HitTypes::of(HitType::Pageview);
const SCREENVIEW: HitTypes = HitTypes::of(HitType::Screenview);
const EVENT: HitTypes = HitTypes::of(HitType::Event);
const TRANSACTION: HitTypes = HitTypes::of(HitType::Transaction);
const ITEM: HitTypes = HitTypes::of(HitType::Item);
const SALE: HitTypes = HitTypes(TRANSACTION.0 | ITEM.0);
const SOCIAL: HitTypes = HitTypes::of(HitType::Social);
const EXCEPTION: HitTypes = HitTypes::of(HitType::Exception);
const TIMING: HitTypes = HitTypes::of(HitType::Timing);

const fn any(pattern: &'static str, kind: Kind) -> Parameter {
    row(pattern, kind, ALL)
}

const fn row(pattern: &'static str, kind: Kind, hits: HitTypes) -> Parameter {
    needed(pattern, kind, hits, NONE)
}

const fn needed(
    pattern: &'static str,
    kind: Kind,
    hits: HitTypes,
    required: HitTypes,
) -> Parameter {
    needed_unless(pattern, kind, hits, required, "")
}

const fn needed_unless(
    pattern: &'static str,
    kind: Kind,
    hits: HitTypes,
    required: HitTypes,
    unless: &'static str,
) -> Parameter {
    Parameter {
        pattern,
        kind,
        hits,
        required,
        unless,
    }
}

/// Highest index of content groups.
const MAX_CONTENT_GROUP: u32 = 5;
/// Highest index of everything else that is numbered.
const MAX_INDEX: u32 = 200;

/// The row of a parameter; `None` when the name is not known or an index is out of its range.
#[must_use]
pub fn find(name: &str) -> Option<&'static Parameter> {
    let Some(first) = name.bytes().position(|b| b.is_ascii_digit()) else {
        return if name.contains('#') {
            None
        } else {
            row_of(name)
        };
    };
    // The longest pattern is `il#pi#nm`; longer names are no parameters.
    if name.len() > 16 {
        return None;
    }
    let highest = if &name[..first] == "cg" {
        MAX_CONTENT_GROUP
    } else {
        MAX_INDEX
    };
    let mut pattern = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(start) = rest.bytes().position(|b| b.is_ascii_digit()) {
        let end = rest[start..].bytes().position(|b| !b.is_ascii_digit());
        let end = end.map_or(rest.len(), |length| start + length);
        let index: u32 = rest[start..end].parse().ok()?;
        if !(1..=highest).contains(&index) {
            return None;
        }
        pattern.push_str(&rest[..start]);
        pattern.push('#');
        rest = &rest[end..];
    }
    pattern.push_str(rest);
    row_of(&pattern)
}

fn row_of(pattern: &str) -> Option<&'static Parameter> {
    static TABLE: [Parameter; PARAMETERS.len()] = PARAMETERS;
    let at = TABLE
        .binary_search_by(|row| row.pattern.cmp(pattern))
        .ok()?;
    Some(&TABLE[at])
}

/// All parameters, sorted by pattern.
pub const PARAMETERS: [Parameter; 110] = [
    any("aid", Kind::Text(150)),
    any("aiid", Kind::Text(150)),
    any("aip", Kind::Boolean),
    any("an", Kind::Text(100)),
    any("av", Kind::Text(100)),
    any("cc", Kind::Text(500)),
    needed("cd", Kind::Text(2048), SCREENVIEW, SCREENVIEW),
    any("cd#", Kind::Text(150)),
    any("cg#", Kind::Text(100)),
    any("ci", Kind::Text(100)),
    needed_unless("cid", Kind::Text(NO_LIMIT), ALL, ALL, "uid"),
    any("ck", Kind::Text(500)),
    row("clt", Kind::Count, TIMING),
    any("cm", Kind::Text(50)),
    any("cm#", Kind::Number),
    any("cn", Kind::Text(100)),
    any("col", Kind::Text(NO_LIMIT)),
    any("cos", Kind::Integer),
    any("cs", Kind::Text(100)),
    any("cu", Kind::Text(10)),
    any("dclid", Kind::Text(NO_LIMIT)),
    any("de", Kind::Text(20)),
    any("dh", Kind::Text(100)),
    row("dit", Kind::Count, TIMING),
    any("dl", Kind::Text(2048)),
    row("dns", Kind::Count, TIMING),
    needed_unless("dp", Kind::Text(2048), ALL, PAGEVIEW, "dl"),
    any("dr", Kind::Text(2048)),
    any("ds", Kind::Text(NO_LIMIT)),
    any("dt", Kind::Text(1500)),
    needed("ea", Kind::Text(500), EVENT, EVENT),
    needed("ec", Kind::Text(150), EVENT, EVENT),
    row("el", Kind::Text(500), EVENT),
    row("ev", Kind::Count, EVENT),
    row("exd", Kind::Text(150), EXCEPTION),
    row("exf", Kind::Boolean, EXCEPTION),
    any("exp", Kind::Text(NO_LIMIT)),
    any("fl", Kind::Text(20)),
    any("gclid", Kind::Text(NO_LIMIT)),
    any("geoid", Kind::Text(NO_LIMIT)),
    row("ic", Kind::Text(500), ITEM),
    any("il#nm", Kind::Text(NO_LIMIT)),
    any("il#pi#br", Kind::Text(500)),
    any("il#pi#ca", Kind::Text(500)),
    any("il#pi#cd#", Kind::Text(150)),
    any("il#pi#cm#", Kind::Integer),
    any("il#pi#id", Kind::Text(500)),
    any("il#pi#nm", Kind::Text(500)),
    any("il#pi#pr", Kind::Currency),
    any("il#pi#ps", Kind::Integer),
    any("il#pi#va", Kind::Text(500)),
    needed("in", Kind::Text(500), ITEM, ITEM),
    row("ip", Kind::Currency, ITEM),
    row("iq", Kind::Integer, ITEM),
    row("iv", Kind::Text(500), ITEM),
    any("je", Kind::Boolean),
    any("linkid", Kind::Text(NO_LIMIT)),
    any("ni", Kind::Boolean),
    any("npa", Kind::Boolean),
    any("pa", Kind::Text(NO_LIMIT)),
    any("pal", Kind::Text(NO_LIMIT)),
    row("pdt", Kind::Count, TIMING),
    row("plt", Kind::Count, TIMING),
    any("pr#br", Kind::Text(500)),
    any("pr#ca", Kind::Text(500)),
    any("pr#cc", Kind::Text(500)),
    any("pr#cd#", Kind::Text(150)),
    any("pr#cm#", Kind::Integer),
    any("pr#id", Kind::Text(500)),
    any("pr#nm", Kind::Text(500)),
    any("pr#pr", Kind::Currency),
    any("pr#ps", Kind::Integer),
    any("pr#qt", Kind::Integer),
    any("pr#va", Kind::Text(500)),
    any("promo#cr", Kind::Text(NO_LIMIT)),
    any("promo#id", Kind::Text(NO_LIMIT)),
    any("promo#nm", Kind::Text(NO_LIMIT)),
    any("promo#ps", Kind::Text(NO_LIMIT)),
    any("promoa", Kind::Text(NO_LIMIT)),
    any("qt", Kind::Count),
    row("rrt", Kind::Count, TIMING),
    needed("sa", Kind::Text(50), SOCIAL, SOCIAL),
    any("sc", Kind::Text(NO_LIMIT)),
    any("sd", Kind::Text(20)),
    needed("sn", Kind::Text(50), SOCIAL, SOCIAL),
    any("sr", Kind::Text(20)),
    row("srt", Kind::Count, TIMING),
    needed("st", Kind::Text(2048), SOCIAL, SOCIAL),
    needed("t", Kind::Text(NO_LIMIT), ALL, ALL),
    row("ta", Kind::Text(500), TRANSACTION),
    any("tcc", Kind::Text(NO_LIMIT)),
    row("tcp", Kind::Count, TIMING),
    needed("ti", Kind::Text(500), SALE, SALE),
    needed("tid", Kind::Text(NO_LIMIT), ALL, ALL),
    row("tr", Kind::Currency, TRANSACTION),
    row("ts", Kind::Currency, TRANSACTION),
    row("tt", Kind::Currency, TRANSACTION),
    any("ua", Kind::Text(NO_LIMIT)),
    any("uid", Kind::Text(NO_LIMIT)),
    any("uip", Kind::Text(NO_LIMIT)),
    any("ul", Kind::Text(20)),
    needed("utc", Kind::Text(150), TIMING, TIMING),
    row("utl", Kind::Text(500), TIMING),
    needed("utt", Kind::Count, TIMING, TIMING),
    needed("utv", Kind::Text(500), TIMING, TIMING),
    needed("v", Kind::Text(NO_LIMIT), ALL, ALL),
    any("vp", Kind::Text(20)),
    any("xid", Kind::Text(40)),
    any("xvar", Kind::Text(NO_LIMIT)),
    any("z", Kind::Text(NO_LIMIT)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_sorted() {
        assert!(
            PARAMETERS
                .windows(2)
                .all(|pair| pair[0].pattern < pair[1].pattern)
        );
    }

    #[test]
    fn names_are_found_by_pattern() {
        for (name, pattern) in [
            ("cd", Some("cd")),
            ("cd3", Some("cd#")),
            ("cd200", Some("cd#")),
            ("cd201", None),
            ("cd0", None),
            ("cm", Some("cm")),
            ("cm3", Some("cm#")),
            ("cg5", Some("cg#")),
            ("cg6", None),
            ("pr1pr", Some("pr#pr")),
            ("pr12cd3", Some("pr#cd#")),
            ("il1pi2ps", Some("il#pi#ps")),
            ("il1nm", Some("il#nm")),
            ("promo1id", Some("promo#id")),
            ("promoa", Some("promoa")),
            ("99999999999", None),
            ("é1", None),
            ("_gid", None),
            ("cd#", None),
        ] {
            let found = find(name).map(|row| row.pattern);
            assert_eq!(found, pattern, "{name}");
        }
    }

    #[test]
    fn hit_types_read_their_own_names() {
        for hit in [
            HitType::Pageview,
            HitType::Screenview,
            HitType::Event,
            HitType::Timing,
        ] {
            assert_eq!(HitType::parse(hit.as_str()), Some(hit));
        }
        assert_eq!(HitType::parse("appview"), Some(HitType::Screenview));
        assert_eq!(HitType::parse("Event"), None);
    }
}
