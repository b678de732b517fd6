-- Links to the overview of a project for people without an account. filter holds one clause a line,
-- as in filter=; days is a number of days up to yesterday, else the days are fixed.
CREATE TABLE share_links (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    secret_hash BLOB NOT NULL UNIQUE,
    project INTEGER NOT NULL REFERENCES projects (number),
    name TEXT NOT NULL,
    filter TEXT NOT NULL,
    days INTEGER,
    from_day INTEGER,
    to_day INTEGER,
    parts TEXT NOT NULL,
    password_hash TEXT,
    created_by TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL,
    last_used_ms INTEGER,
    revoked_ms INTEGER,
    CHECK ((days IS NULL) = (from_day IS NOT NULL AND to_day IS NOT NULL))
) STRICT;
CREATE INDEX share_links_by_project ON share_links (project);
