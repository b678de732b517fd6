-- Numbers are never used twice: the store keeps rows under them.
CREATE TABLE projects (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    slug TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    closed_ms INTEGER
) STRICT;

-- What senders name a project by. Readable on purpose: each of these is written into the settings
-- of every installation, and may only add events; `project show` prints them again.
CREATE TABLE keys (
    id INTEGER PRIMARY KEY,
    project INTEGER NOT NULL REFERENCES projects (number),
    kind TEXT NOT NULL CHECK (kind IN ('tracking_id', 'measurement_id', 'ingest_key')),
    key TEXT NOT NULL,
    secret TEXT CHECK ((kind = 'measurement_id') = (secret IS NOT NULL)),
    created_ms INTEGER NOT NULL,
    revoked_ms INTEGER,
    UNIQUE (kind, key)
) STRICT;
CREATE INDEX keys_by_project ON keys (project);

-- all_projects: manager of every project, also of those made later.
CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    email TEXT NOT NULL UNIQUE COLLATE NOCASE,
    password_hash TEXT,
    all_projects INTEGER NOT NULL DEFAULT 0,
    created_ms INTEGER NOT NULL,
    signed_in_ms INTEGER,
    disabled_ms INTEGER
) STRICT;

CREATE TABLE members (
    user INTEGER NOT NULL REFERENCES users (id),
    project INTEGER NOT NULL REFERENCES projects (number),
    role TEXT NOT NULL CHECK (role IN ('manager', 'viewer', 'author')),
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (user, project)
) STRICT, WITHOUT ROWID;

-- The apps an author may see.
CREATE TABLE member_namespaces (
    user INTEGER NOT NULL,
    project INTEGER NOT NULL,
    namespace TEXT NOT NULL,
    PRIMARY KEY (user, project, namespace),
    FOREIGN KEY (user, project) REFERENCES members (user, project) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    token_hash BLOB NOT NULL UNIQUE,
    user INTEGER NOT NULL REFERENCES users (id),
    device TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    seen_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_user ON sessions (user);

CREATE TABLE links (
    token_hash BLOB PRIMARY KEY,
    user INTEGER NOT NULL REFERENCES users (id),
    created_ms INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE report_tokens (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    token_hash BLOB NOT NULL UNIQUE,
    project INTEGER NOT NULL REFERENCES projects (number),
    name TEXT NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('reports', 'export')),
    created_ms INTEGER NOT NULL,
    last_used_ms INTEGER,
    revoked_ms INTEGER
) STRICT;

-- actor is the e-mail address at that moment, or 'command line', or 'server'.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    project INTEGER,
    subject TEXT NOT NULL
) STRICT;
CREATE INDEX audit_by_project ON audit (project, id);
