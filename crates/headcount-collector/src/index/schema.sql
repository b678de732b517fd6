-- Parts of closed days, weeks and months. Content is never changed: a part that is made anew gets
-- a new id, and no id is used twice. span: 0 day, 1 week, 2 month.
CREATE TABLE parts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project INTEGER NOT NULL,
    span INTEGER NOT NULL,
    first_day INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    content BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX parts_by_days ON parts (project, span, first_day, kind);

-- Days to be derived from raw events that the store does not note: after a rebuild was asked for.
CREATE TABLE pending (
    project INTEGER NOT NULL,
    day INTEGER NOT NULL,
    PRIMARY KEY (project, day)
) STRICT, WITHOUT ROWID;

-- The format of the parts; no row until the file knows of every day.
CREATE TABLE format (
    id INTEGER PRIMARY KEY CHECK (id = 0),
    format INTEGER NOT NULL
) STRICT;
