-- Second factors (RFC 6238). The secret is readable: codes are computed from it. It is asked for
-- once it was confirmed; last_step is the newest time step used, so that each code counts once.
CREATE TABLE second_factors (
    user INTEGER PRIMARY KEY REFERENCES users (id),
    secret BLOB NOT NULL,
    last_step INTEGER NOT NULL DEFAULT 0,
    confirmed_ms INTEGER
) STRICT;

CREATE TABLE recovery_codes (
    user INTEGER NOT NULL REFERENCES users (id),
    code_hash BLOB NOT NULL,
    PRIMARY KEY (user, code_hash)
) STRICT, WITHOUT ROWID;

-- Sign-ins that wait for their second factor.
CREATE TABLE pending_sign_ins (
    token_hash BLOB PRIMARY KEY,
    user INTEGER NOT NULL REFERENCES users (id),
    tries INTEGER NOT NULL DEFAULT 0,
    expires_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Apps that authors ask for. The token is public on purpose: it is put where only somebody who
-- publishes the app can put it. granted is NULL until a manager decides.
CREATE TABLE claims (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project INTEGER NOT NULL REFERENCES projects (number),
    user INTEGER NOT NULL REFERENCES users (id),
    app TEXT NOT NULL,
    place TEXT NOT NULL,
    token TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    granted INTEGER
) STRICT;
CREATE INDEX claims_by_project ON claims (project);

CREATE TABLE saved_views (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user INTEGER NOT NULL REFERENCES users (id),
    project INTEGER NOT NULL REFERENCES projects (number),
    name TEXT NOT NULL,
    address TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    UNIQUE (user, project, name)
) STRICT;

-- Marks browsers that signed in before, so that strangers who guess passwords keep nobody out of
-- their own account. One row.
CREATE TABLE device_key (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    key BLOB NOT NULL
) STRICT;
