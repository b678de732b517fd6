//! The names of all fields a native batch can carry. The dictionary is checked against them.

/// Fields of the batch itself and of its `runtime`; `runtime.*` stands for any further fact.
pub const BATCH_FIELDS: [&str; 9] = [
    "install",
    "app",
    "app_version",
    "batch_id",
    "sent_at",
    "runtime.deployment",
    "runtime.*",
    "events",
    "lost.*",
];

/// Fields of the events as `type.field`; `*` stands for every type.
pub const EVENT_FIELDS: [&str; 23] = [
    "*.id",
    "*.at",
    "*.type",
    "stats.users",
    "stats.tokens",
    "stats.addons",
    "stats.deployment",
    "stats.apps[].name",
    "stats.apps[].version",
    "task.namespace",
    "task.task",
    "task.result",
    "task.label",
    "task.value",
    "task.count",
    "stat.namespace",
    "stat.task",
    "stat.label",
    "stat.value",
    "page.path",
    "page.title",
    "page.locale",
    "page.user_agent",
];
