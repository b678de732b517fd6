//! The background tasks and self-reported numbers of a fleet's apps. Invented rates.

/// One background task: the app that must be installed (empty: the host itself).
pub(crate) struct Duty {
    pub(crate) app: &'static str,
    pub(crate) namespace: &'static str,
    pub(crate) task: &'static str,
    /// Runs a day on an install of 60 users.
    pub(crate) runs: f64,
    /// Share of runs that fail.
    pub(crate) failing: f64,
    /// Median of the value of a successful run.
    pub(crate) value: f64,
    /// Exceptions, the most common first.
    pub(crate) exceptions: &'static [&'static str],
}

const GATEWAY: &[&str] = &[
    "HTTPBadGateway",
    "TokenExpiredError",
    "ObjectNotFound",
    "OperationalError",
];
const TOKENS: &[&str] = &["TokenExpiredError", "TokenInvalidError", "HTTPBadGateway"];
const SERVICE: &[&str] = &["RateLimited", "DiscordApiTooBusy", "ConnectionError"];
const VOICE: &[&str] = &["ConnectionError", "TeamspeakError", "TimeoutError"];
const DATABASE: &[&str] = &["OperationalError", "IntegrityError"];
const DATA: &[&str] = &["KeyError", "ValueError", "DoesNotExist"];
/// What the regression raises.
pub(crate) const REGRESSION_EXCEPTIONS: &[&str] = &[
    "HTTPGatewayTimeout",
    "HTTPGatewayTimeout",
    "SoftTimeLimitExceeded",
];

/// Name of app and namespace are the same for most add-ons.
const fn of(
    app: &'static str,
    task: &'static str,
    numbers: [f64; 3],
    exceptions: &'static [&'static str],
) -> Duty {
    core(app, app, task, numbers, exceptions)
}

const fn core(
    app: &'static str,
    namespace: &'static str,
    task: &'static str,
    numbers: [f64; 3],
    exceptions: &'static [&'static str],
) -> Duty {
    Duty {
        app,
        namespace,
        task,
        runs: numbers[0],
        failing: numbers[1],
        value: numbers[2],
        exceptions,
    }
}

/// The first is the task that a release breaks; it runs everywhere.
pub(crate) const DUTIES: [Duty; 60] = [
    core(
        "",
        "allianceauth.eveonline",
        "update_character",
        [81.0, 0.0093, 1.0],
        GATEWAY,
    ),
    core(
        "",
        "allianceauth.eveonline",
        "update_corp",
        [9.0, 0.022, 1.0],
        GATEWAY,
    ),
    core(
        "",
        "allianceauth.eveonline",
        "update_alliance",
        [3.0, 0.012, 1.0],
        GATEWAY,
    ),
    core(
        "",
        "allianceauth.eveonline",
        "run_model_update",
        [4.0, 0.001, 60.0],
        DATABASE,
    ),
    core(
        "",
        "allianceauth.authentication",
        "check_character_ownership",
        [11.0, 0.003, 1.0],
        TOKENS,
    ),
    core(
        "",
        "allianceauth.authentication",
        "check_all_character_ownership",
        [4.0, 0.001, 58.0],
        DATABASE,
    ),
    core(
        "",
        "allianceauth.services.modules.discord",
        "update_groups",
        [22.0, 0.009, 3.0],
        SERVICE,
    ),
    core(
        "",
        "allianceauth.services.modules.discord",
        "update_nickname",
        [14.0, 0.007, 1.0],
        SERVICE,
    ),
    core(
        "",
        "allianceauth.services.modules.discord",
        "update_all_groups",
        [1.0, 0.002, 55.0],
        SERVICE,
    ),
    core(
        "",
        "allianceauth.services.modules.teamspeak3",
        "run_ts3_group_update",
        [4.0, 0.055, 12.0],
        VOICE,
    ),
    core(
        "",
        "allianceauth.services.modules.mumble",
        "update_groups",
        [6.0, 0.004, 2.0],
        VOICE,
    ),
    core(
        "",
        "allianceauth.services.tasks",
        "validate_services",
        [8.0, 0.001, 4.0],
        DATABASE,
    ),
    core(
        "",
        "allianceauth.groupmanagement",
        "sync_state_groups",
        [1.0, 0.001, 7.0],
        DATABASE,
    ),
    core(
        "",
        "allianceauth.notifications",
        "clear_expired",
        [1.0, 0.0, 23.0],
        DATABASE,
    ),
    core("", "esi", "cleanup_token", [24.0, 0.002, 2.0], TOKENS),
    core("", "esi", "refresh_token", [19.0, 0.016, 1.0], TOKENS),
    of("timerboard", "clear_old_timers", [1.0, 0.0, 5.0], DATABASE),
    of(
        "corptools",
        "update_character_assets",
        [46.0, 0.019, 412.0],
        GATEWAY,
    ),
    of(
        "corptools",
        "update_character_wallet",
        [40.0, 0.012, 35.0],
        GATEWAY,
    ),
    of(
        "corptools",
        "update_all_eve_names",
        [2.0, 0.014, 120.0],
        GATEWAY,
    ),
    of(
        "corptools",
        "update_character_skill_list",
        [24.0, 0.009, 180.0],
        GATEWAY,
    ),
    of(
        "corptools",
        "update_corp_structures",
        [8.0, 0.026, 11.0],
        TOKENS,
    ),
    of(
        "structures",
        "update_structures_for_owner",
        [52.0, 0.041, 14.0],
        TOKENS,
    ),
    of(
        "structures",
        "fetch_notifications_for_owner",
        [96.0, 0.018, 6.0],
        TOKENS,
    ),
    of("structures", "update_sov_map", [4.0, 0.008, 400.0], GATEWAY),
    of(
        "memberaudit",
        "update_character_wallet",
        [48.0, 0.015, 27.0],
        GATEWAY,
    ),
    of(
        "memberaudit",
        "update_character_assets",
        [28.0, 0.021, 380.0],
        GATEWAY,
    ),
    of(
        "memberaudit",
        "update_mail_labels",
        [11.0, 0.013, 5.0],
        GATEWAY,
    ),
    of(
        "memberaudit",
        "update_character_contacts",
        [21.0, 0.010, 44.0],
        GATEWAY,
    ),
    of(
        "memberaudit",
        "run_regular_updates",
        [20.0, 0.001, 58.0],
        DATABASE,
    ),
    of(
        "fleetactivitytracking",
        "close_expired_links",
        [12.0, 0.0, 1.0],
        DATABASE,
    ),
    of("afat", "process_fats", [7.0, 0.008, 22.0], DATA),
    of("afat", "update_esi_fatlinks", [48.0, 0.004, 1.0], GATEWAY),
    of("afat", "logrotate", [1.0, 0.0, 12.0], DATABASE),
    of("srp", "notify_requests", [4.0, 0.002, 1.0], DATA),
    of(
        "discordbot",
        "send_channel_message",
        [9.0, 0.034, 1.0],
        SERVICE,
    ),
    of(
        "discordbot",
        "send_direct_message",
        [5.0, 0.061, 1.0],
        SERVICE,
    ),
    of(
        "moonmining",
        "run_regular_updates",
        [10.0, 0.023, 9.0],
        TOKENS,
    ),
    of("moonmining", "run_value_updates", [1.0, 0.004, 60.0], DATA),
    of("fittings", "update_fits", [5.0, 0.002, 18.0], DATA),
    of(
        "standingssync",
        "sync_character",
        [26.0, 0.017, 240.0],
        GATEWAY,
    ),
    of(
        "standingssync",
        "run_regular_sync",
        [12.0, 0.003, 21.0],
        TOKENS,
    ),
    of("killtracker", "run_tracker", [60.0, 0.007, 8.0], GATEWAY),
    of(
        "killtracker",
        "send_messages_to_webhook",
        [33.0, 0.019, 1.0],
        SERVICE,
    ),
    of(
        "buybackprogram",
        "update_prices",
        [3.0, 0.001, 9_000.0],
        GATEWAY,
    ),
    of("taxsystem", "update_corp", [14.0, 0.022, 1.0], TOKENS),
    of("taxsystem", "update_payments", [9.0, 0.011, 16.0], DATA),
    of("fleetpings", "send_ping", [2.0, 0.015, 1.0], SERVICE),
    of("aasrp", "notify_srp_team", [1.5, 0.005, 1.0], SERVICE),
    of("metenox", "update_holdings", [8.0, 0.030, 6.0], TOKENS),
    of(
        "securegroups",
        "run_smart_group_update",
        [16.0, 0.006, 9.0],
        DATABASE,
    ),
    of("freight", "run_contracts_sync", [24.0, 0.020, 12.0], TOKENS),
    of("inactivity", "check_inactivity", [1.0, 0.004, 4.0], DATA),
    of("charlink", "import_apps", [1.0, 0.001, 14.0], DATA),
    of(
        "opcalendar",
        "import_all_npsi_fleets",
        [6.0, 0.048, 5.0],
        DATA,
    ),
    of(
        "structuretimers",
        "send_test_message",
        [0.5, 0.010, 1.0],
        SERVICE,
    ),
    of(
        "package_monitor",
        "update_distributions",
        [4.0, 0.012, 70.0],
        GATEWAY,
    ),
    of(
        "taskmonitor",
        "delete_stale_tasklogs",
        [1.0, 0.001, 20_000.0],
        DATABASE,
    ),
    of("ledger", "update_corporation", [9.0, 0.025, 3.0], TOKENS),
    of(
        "sovtimer",
        "run_sov_campaign_updates",
        [48.0, 0.006, 11.0],
        GATEWAY,
    ),
];

/// A number that an add-on reports about itself once a day: app, namespace, task, label, median.
pub(crate) const APP_STATS: [(&str, &str, &str, &str, f64); 8] = [
    (
        "metenox",
        "metenox.analytics",
        "send_daily_stats",
        "moons",
        12.0,
    ),
    (
        "metenox",
        "metenox.analytics",
        "send_daily_stats",
        "corporations",
        2.0,
    ),
    (
        "memberaudit",
        "memberaudit.analytics",
        "report_daily",
        "characters",
        140.0,
    ),
    (
        "memberaudit",
        "memberaudit.analytics",
        "report_daily",
        "skill_sets",
        9.0,
    ),
    (
        "moonmining",
        "moonmining.analytics",
        "daily",
        "refineries",
        6.0,
    ),
    ("structures", "structures.analytics", "daily", "owners", 3.0),
    (
        "structures",
        "structures.analytics",
        "daily",
        "structures",
        31.0,
    ),
    ("afat", "afat.analytics", "send_stats", "fatlinks", 48.0),
];
