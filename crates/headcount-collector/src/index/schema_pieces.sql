-- Format 2: a part is kept in pieces, so that the installs of one value are read by themselves.
DELETE FROM format;
DROP TABLE parts;

-- Parts of closed days, weeks and months. A part that is made anew gets a new id, and no id is used
-- twice. span: 0 day, 1 week, 2 month.
CREATE TABLE parts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project INTEGER NOT NULL,
    span INTEGER NOT NULL,
    first_day INTEGER NOT NULL,
    kind INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX parts_by_days ON parts (project, span, first_day, kind);

-- Content of parts by value, never changed.
CREATE TABLE pieces (
    id INTEGER PRIMARY KEY,
    part INTEGER NOT NULL,
    value INTEGER NOT NULL,
    content BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX pieces_by_value ON pieces (part, value);
