-- What pages compare of a finding, when it was found for the first time, and whether a manager muted it.
-- since is a version, empty for findings that are not about one. strength is how many times as often a
-- task fails, or how many hits are rejected, 1 for findings that have none; muted_strength is what it was when it was muted.
ALTER TABLE findings ADD COLUMN since TEXT NOT NULL DEFAULT '';
ALTER TABLE findings ADD COLUMN since_day INTEGER NOT NULL DEFAULT 0;
ALTER TABLE findings ADD COLUMN strength REAL NOT NULL DEFAULT 1;
ALTER TABLE findings ADD COLUMN first_ms INTEGER NOT NULL DEFAULT 0;
ALTER TABLE findings ADD COLUMN muted_ms INTEGER;
ALTER TABLE findings ADD COLUMN muted_by TEXT NOT NULL DEFAULT '';
ALTER TABLE findings ADD COLUMN muted_strength REAL NOT NULL DEFAULT 1;
UPDATE findings SET first_ms = found_ms;
