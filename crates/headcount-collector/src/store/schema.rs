//! Tables of `store.sqlite`. A script that was released is never changed.

pub(super) const MIGRATIONS: &[&str] = &[V1, V2];

const V1: &str = "
-- Every text that occurs in a row, once. sym 0 is the empty text.
CREATE TABLE texts (
    sym INTEGER PRIMARY KEY,
    text TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO texts (sym, text) VALUES (0, '');

-- Which texts a project uses where: what the cap on distinct values counts.
CREATE TABLE vocabulary (
    project INTEGER NOT NULL,
    field INTEGER NOT NULL,
    sym INTEGER NOT NULL,
    PRIMARY KEY (project, field, sym)
) STRICT, WITHOUT ROWID;

-- Numbered from 0 per project in order of first sight.
CREATE TABLE installs (
    project INTEGER NOT NULL,
    number INTEGER NOT NULL,
    name TEXT NOT NULL,
    first_day INTEGER NOT NULL,
    PRIMARY KEY (project, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX installs_by_name ON installs (project, name);

-- kind: 0 stats, 1 task, 2 stat, 3 page. Columns of other kinds are NULL. The columns version to os
-- hold texts.sym; apps holds pairs of (name, version) syms as LEB128 numbers.
CREATE TABLE events (
    project INTEGER NOT NULL,
    day INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    event_id BLOB,
    install INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    wire INTEGER NOT NULL,
    version INTEGER NOT NULL,
    deployment INTEGER NOT NULL,
    runtime INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    namespace INTEGER,
    task INTEGER,
    result INTEGER,
    label INTEGER,
    value REAL,
    count INTEGER,
    path INTEGER,
    title INTEGER,
    locale INTEGER,
    browser INTEGER,
    os INTEGER,
    users INTEGER,
    tokens INTEGER,
    addons INTEGER,
    apps BLOB,
    PRIMARY KEY (project, day, seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX events_by_id ON events (project, event_id) WHERE event_id IS NOT NULL;

-- Days whose index is behind, with the last seq that touched them.
CREATE TABLE dirty_days (
    project INTEGER NOT NULL,
    day INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (project, day)
) STRICT, WITHOUT ROWID;

-- The seq of the next row; never goes back, whatever is deleted.
CREATE TABLE sequence (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    next INTEGER NOT NULL
) STRICT;
INSERT INTO sequence (id, next) VALUES (0, 1);

-- Refused hits, and accepted ones of which something was dropped, for a day. Project 0: unknown.
CREATE TABLE flagged (
    id INTEGER PRIMARY KEY,
    project INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    install TEXT NOT NULL,
    wire INTEGER NOT NULL,
    event TEXT NOT NULL,
    verdict INTEGER NOT NULL,
    reason TEXT NOT NULL,
    payload TEXT NOT NULL
) STRICT;
CREATE INDEX flagged_by_project ON flagged (project, id);

-- What clients say they had to drop, and what the collector itself could not keep.
CREATE TABLE losses (
    project INTEGER NOT NULL,
    day INTEGER NOT NULL,
    reason TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (project, day, reason)
) STRICT, WITHOUT ROWID;
";

const V2: &str = "
-- Installs that asked to be forgotten, or were erased. They stay known by a hash of their name, so
-- that what still comes of them is refused. The name itself stands here until all is erased.
CREATE TABLE forgets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project INTEGER NOT NULL,
    hash BLOB NOT NULL,
    name TEXT,
    install INTEGER,
    first_day INTEGER NOT NULL,
    receipt TEXT NOT NULL,
    asked_by TEXT NOT NULL,
    asked_ms INTEGER NOT NULL,
    events INTEGER NOT NULL DEFAULT 0,
    done_ms INTEGER,
    UNIQUE (project, hash)
) STRICT;
CREATE INDEX forgets_open ON forgets (id) WHERE done_ms IS NULL;

-- The first day of each project whose raw events are kept: what is older is removed or about to be,
-- and cannot be derived any more.
CREATE TABLE horizons (
    project INTEGER PRIMARY KEY,
    day INTEGER NOT NULL
) STRICT;

-- How often the two tables above changed; the writer of events looks here before each commit.
CREATE TABLE changes (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    count INTEGER NOT NULL
) STRICT;
INSERT INTO changes (id, count) VALUES (0, 0);
CREATE TRIGGER forgets_change AFTER INSERT ON forgets BEGIN
    UPDATE changes SET count = count + 1;
END;
CREATE TRIGGER horizons_insert AFTER INSERT ON horizons BEGIN
    UPDATE changes SET count = count + 1;
END;
CREATE TRIGGER horizons_update AFTER UPDATE ON horizons BEGIN
    UPDATE changes SET count = count + 1;
END;
";
