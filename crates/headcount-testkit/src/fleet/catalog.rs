//! What a fleet of Alliance Auth installs has to show: releases, apps, browsers, languages.
//! Invented shares under real-sounding names.

/// One release of the host program: how many days before the fleet's last day it came out, how
/// much slower (above 1) or faster it was taken up, and the share of installs that skip it.
pub(crate) struct Release {
    pub(crate) version: &'static str,
    pub(crate) age_days: i32,
    pub(crate) slowness: f64,
    pub(crate) skipped_by: f64,
}

const fn minor(version: &'static str, age_days: i32, slowness: f64) -> Release {
    Release {
        version,
        age_days,
        slowness,
        skipped_by: 0.02,
    }
}

/// Patches come fast to those who take them at all.
const fn patch(version: &'static str, age_days: i32) -> Release {
    Release {
        version,
        age_days,
        slowness: 0.45,
        skipped_by: 0.45,
    }
}

/// Oldest first.
pub(crate) const RELEASES: [Release; 17] = [
    minor("3.8.1", 1_180, 1.0),
    minor("4.1.0", 1_010, 1.1),
    minor("4.2.0", 922, 1.15),
    minor("4.3.0", 670, 1.1),
    patch("4.3.1", 655),
    minor("4.4.0", 520, 1.2),
    minor("5.0.0", 411, 1.5),
    patch("5.0.1", 396),
    minor("5.1.0", 285, 1.3),
    patch("5.1.1", 262),
    minor("5.2.0", 194, 1.6),
    patch("5.2.1", 180),
    minor("5.3.0", 145, 1.3),
    patch("5.3.1", 128),
    minor("5.4.0", 68, 0.95),
    patch("5.4.1", 26),
    minor("5.5.0", 13, 0.7),
];

/// The release that made one task fail more.
pub(crate) const REGRESSION_VERSION: &str = "5.4.0";
/// Its task.
pub(crate) const REGRESSION_TASK: (&str, &str) = ("allianceauth.eveonline", "update_character");
/// How much more often that task fails from that release on.
pub(crate) const REGRESSION_FACTOR: f64 = 3.1;

/// Names of add-on apps, the most popular first; the long tail is made of `TAIL_FRONT` and
/// `TAIL_BACK`.
pub(crate) const APPS: [&str; 52] = [
    "corptools",
    "structures",
    "fleetactivitytracking",
    "memberaudit",
    "discordbot",
    "srp",
    "timerboard",
    "afat",
    "moonmining",
    "fittings",
    "standingssync",
    "killtracker",
    "hrapplications",
    "buybackprogram",
    "taxsystem",
    "mumbletemps",
    "fleetpings",
    "aasrp",
    "metenox",
    "securegroups",
    "discordproxy",
    "freight",
    "inactivity",
    "charlink",
    "intelparser",
    "opcalendar",
    "structuretimers",
    "moonstuff",
    "mailrelay",
    "package_monitor",
    "taskmonitor",
    "top",
    "ledger",
    "skillfarm",
    "sovtimer",
    "invoices",
    "fulfil",
    "eveuniverse",
    "routing",
    "assets",
    "whtools",
    "incursions",
    "contracts_board",
    "rota",
    "voicelink",
    "welcomemail",
    "blueprints",
    "drifters",
    "campaigns",
    "forum_bridge",
    "esi_status",
    "secretsanta",
];

pub(crate) const TAIL_FRONT: [&str; 11] = [
    "corp", "fleet", "moon", "member", "pilot", "alliance", "hangar", "market", "scout",
    "killmail", "jump",
];
pub(crate) const TAIL_BACK: [&str; 8] = [
    "_tools", "_stats", "_planner", "_sync", "_audit", "board", "_alerts", "_bridge",
];

/// A browser at the fleet's last day: family, major version then, days between its majors (0:
/// it stands still), share.
pub(crate) const BROWSERS: [(&str, i32, i32, f64); 6] = [
    ("Chrome", 152, 28, 0.52),
    ("Firefox", 157, 28, 0.25),
    ("Edge", 152, 28, 0.11),
    ("Safari", 27, 330, 0.07),
    ("Opera", 135, 40, 0.035),
    ("Samsung Internet", 31, 120, 0.015),
];

/// Systems a family runs on, with shares.
pub(crate) fn systems(family: &str) -> &'static [(&'static str, f64)] {
    match family {
        "Safari" => &[("macOS", 0.55), ("iOS", 0.45)],
        "Samsung Internet" => &[("Android", 1.0)],
        "Firefox" => &[
            ("Windows", 0.62),
            ("Linux", 0.26),
            ("macOS", 0.07),
            ("Android", 0.05),
        ],
        _ => &[
            ("Windows", 0.78),
            ("macOS", 0.09),
            ("Android", 0.08),
            ("Linux", 0.05),
        ],
    }
}

/// Languages of an install's users, with the share of installs that are mainly of that language.
pub(crate) const LOCALES: [(&str, f64); 9] = [
    ("en", 0.63),
    ("de", 0.13),
    ("fr", 0.06),
    ("ru", 0.06),
    ("zh-hans", 0.045),
    ("ko", 0.03),
    ("es", 0.025),
    ("ja", 0.01),
    ("it", 0.01),
];

/// A page: the app it belongs to (empty: the host), path, share of views, title in English, and
/// in German, French, Russian and Chinese where the page is translated.
pub(crate) struct PageKind {
    pub(crate) app: &'static str,
    pub(crate) path: &'static str,
    pub(crate) share: f64,
    titles: [&'static str; 5],
}

const fn page(
    app: &'static str,
    path: &'static str,
    share: f64,
    titles: [&'static str; 5],
) -> PageKind {
    PageKind {
        app,
        path,
        share,
        titles,
    }
}

impl PageKind {
    pub(crate) fn title(&self, locale: &str) -> &'static str {
        let index = ["en", "de", "fr", "ru", "zh-hans"]
            .iter()
            .position(|known| *known == locale)
            .unwrap_or(0);
        match self.titles[index] {
            "" => self.titles[0],
            title => title,
        }
    }
}

pub(crate) const PAGES: [PageKind; 30] = [
    page(
        "",
        "/dashboard/",
        30.8,
        [
            "Dashboard",
            "Übersicht",
            "Tableau de bord",
            "Панель",
            "仪表板",
        ],
    ),
    page(
        "",
        "/groups/",
        10.5,
        ["Groups", "Gruppen", "Groupes", "Группы", "组"],
    ),
    page(
        "",
        "/services/",
        9.4,
        ["Services", "Dienste", "Services", "Сервисы", "服务"],
    ),
    page(
        "corptools",
        "/audit/r/corp/:id/",
        7.5,
        ["Corp Tools: corporation", "", "", "", ""],
    ),
    page(
        "corptools",
        "/audit/r/char/:id/",
        3.0,
        ["Corp Tools: character", "", "", "", ""],
    ),
    page(
        "fleetactivitytracking",
        "/fleetactivitytracking/",
        6.3,
        [
            "Fleet Activity",
            "Flottenaktivität",
            "Activité de flotte",
            "Активность флота",
            "",
        ],
    ),
    page(
        "structures",
        "/structures/",
        5.2,
        ["Structures", "Strukturen", "", "Структуры", "建筑"],
    ),
    page(
        "srp",
        "/srp/",
        4.2,
        [
            "Ship Replacement",
            "Schiffsersatz",
            "Remplacement de vaisseau",
            "Возмещение кораблей",
            "",
        ],
    ),
    page(
        "timerboard",
        "/timers/",
        3.1,
        [
            "Structure Timers",
            "Strukturtimer",
            "",
            "Таймеры",
            "建筑计时器",
        ],
    ),
    page(
        "hrapplications",
        "/hrapplications/",
        1.9,
        [
            "Applications",
            "Bewerbungen",
            "Candidatures",
            "Заявки",
            "申请",
        ],
    ),
    page(
        "moonmining",
        "/moonmining/extractions/",
        1.7,
        ["Moon Mining", "", "", "", ""],
    ),
    page(
        "memberaudit",
        "/memberaudit/launcher/",
        2.8,
        ["My Characters | Member Audit", "", "", "", ""],
    ),
    page(
        "memberaudit",
        "/memberaudit/character_viewer/:id/",
        2.2,
        ["Character Sheet | Member Audit", "", "", "", ""],
    ),
    page(
        "afat",
        "/fleet-activity-tracking/",
        2.4,
        ["AFAT Dashboard", "AFAT Übersicht", "", "", ""],
    ),
    page(
        "fittings",
        "/fittings/",
        1.6,
        ["Fittings & Doctrines", "Fittings & Doktrinen", "", "", ""],
    ),
    page(
        "fittings",
        "/fittings/fit/:id/",
        1.1,
        ["Fit", "", "", "", ""],
    ),
    page(
        "buybackprogram",
        "/buybackprogram/",
        1.0,
        ["Buyback Program", "", "", "", ""],
    ),
    page(
        "taxsystem",
        "/taxsystem/corporation/:id/",
        0.7,
        ["Tax System", "Steuersystem", "", "", ""],
    ),
    page(
        "opcalendar",
        "/opcalendar/",
        1.2,
        ["Operation Calendar", "Einsatzkalender", "", "", ""],
    ),
    page(
        "freight",
        "/freight/",
        0.9,
        ["Freight", "Fracht", "", "", ""],
    ),
    page(
        "structuretimers",
        "/structuretimers/",
        0.9,
        ["Structure Timers II", "", "", "", ""],
    ),
    page(
        "",
        "/account/login/",
        2.6,
        ["Login", "Anmelden", "Connexion", "Вход", "登录"],
    ),
    page(
        "",
        "/notifications/",
        2.0,
        [
            "Notifications",
            "Benachrichtigungen",
            "Notifications",
            "Уведомления",
            "通知",
        ],
    ),
    page(
        "",
        "/help/",
        0.5,
        ["Help", "Hilfe", "Aide", "Помощь", "帮助"],
    ),
    page(
        "",
        "/state/",
        0.4,
        ["States", "Status", "États", "Статусы", ""],
    ),
    page(
        "",
        "/corpstats/",
        1.3,
        ["Corporation Stats", "Corporation-Statistik", "", "", ""],
    ),
    page(
        "",
        "/services/mumble/",
        0.8,
        ["Mumble", "Mumble", "Mumble", "Mumble", "Mumble"],
    ),
    page(
        "",
        "/services/discord/activate/",
        0.5,
        ["Discord", "", "", "", ""],
    ),
    page(
        "",
        "/admin-dashboard/",
        0.7,
        ["Admin Dashboard", "", "", "", ""],
    ),
    page("", "/fleetup/", 0.2, ["Fleet-Up", "", "", "", ""]),
];
