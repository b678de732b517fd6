-- What is worth a look, found by the server itself. One row for each subject of a project; one that
-- ended and came back is the same row, found anew. target is a path under the project's pages.
CREATE TABLE findings (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project INTEGER NOT NULL REFERENCES projects (number),
    subject TEXT NOT NULL,
    kind TEXT NOT NULL,
    strong TEXT NOT NULL,
    text TEXT NOT NULL,
    evidence TEXT NOT NULL,
    target TEXT NOT NULL,
    found_ms INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL,
    ended_ms INTEGER,
    UNIQUE (project, subject)
) STRICT;

-- Days on which reports are known to be wrong, both included. An empty feed means all of them.
CREATE TABLE breaks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project INTEGER NOT NULL REFERENCES projects (number),
    from_day INTEGER NOT NULL,
    to_day INTEGER NOT NULL,
    feed TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;

-- Where findings are posted to, at most one address for each project. The secret is readable: bodies
-- are signed with it.
CREATE TABLE webhooks (
    project INTEGER PRIMARY KEY REFERENCES projects (number),
    url TEXT NOT NULL,
    secret TEXT NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;

-- Posts that wait for their turn. Those that were taken, or given up, are gone.
CREATE TABLE webhook_posts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project INTEGER NOT NULL REFERENCES projects (number),
    finding INTEGER NOT NULL REFERENCES findings (id),
    tries INTEGER NOT NULL DEFAULT 0,
    due_ms INTEGER NOT NULL
) STRICT;
