-- Events that wait, once each, and who they wait for.
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id BLOB NOT NULL,
    at_ms INTEGER NOT NULL,
    feed INTEGER NOT NULL,
    body BLOB NOT NULL,
    raw BLOB
) STRICT;

CREATE TABLE deliveries (
    destination INTEGER NOT NULL,
    event INTEGER NOT NULL,
    batched INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (destination, event)
) STRICT, WITHOUT ROWID;

CREATE INDEX deliveries_by_event ON deliveries (event);

-- How delivery to each destination stands. `reported` are the losses it was told of, `batch_lost` those
-- that the batch in flight tells it.
CREATE TABLE destinations (
    id INTEGER PRIMARY KEY,
    lease_owner BLOB,
    lease_until_ms INTEGER NOT NULL DEFAULT 0,
    batch_id BLOB,
    -- Hits of the batch that were already taken, where one batch needs several requests.
    batch_progress INTEGER NOT NULL DEFAULT 0,
    batch_lost TEXT NOT NULL DEFAULT '{}',
    reported TEXT NOT NULL DEFAULT '{}',
    batch_limit INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at_ms INTEGER NOT NULL DEFAULT 0,
    stopped TEXT,
    last_at_ms INTEGER,
    last_status INTEGER,
    last_note TEXT,
    last_events INTEGER
) STRICT;

-- One row: what the caps are measured against.
CREATE TABLE totals (
    events INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT;

INSERT INTO totals VALUES (0, 0);

-- Losses by reason; destination 0 counts what was lost before a destination was known.
CREATE TABLE losses (
    destination INTEGER NOT NULL,
    reason TEXT NOT NULL,
    events INTEGER NOT NULL,
    PRIMARY KEY (destination, reason)
) STRICT, WITHOUT ROWID;

-- How far each ring was taken over, in the same transaction as its events.
CREATE TABLE rings (
    id BLOB PRIMARY KEY,
    drained INTEGER NOT NULL,
    losses TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Single facts about the install: the last daily report, the last look for what is too old.
CREATE TABLE facts (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What left, byte for byte. `hash` covers everything but the answer, and the hash before it.
CREATE TABLE ledger (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    destination INTEGER NOT NULL,
    head TEXT NOT NULL,
    body BLOB NOT NULL,
    events INTEGER NOT NULL,
    try INTEGER NOT NULL,
    previous BLOB NOT NULL,
    hash BLOB NOT NULL,
    status INTEGER,
    note TEXT
) STRICT;

-- Requests to be forgotten that no destination has acknowledged yet.
CREATE TABLE forgets (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    destination INTEGER NOT NULL,
    name TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    token TEXT NOT NULL,
    install TEXT NOT NULL,
    proof BLOB NOT NULL,
    asked_at_ms INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_at_ms INTEGER NOT NULL DEFAULT 0,
    last_note TEXT
) STRICT;
