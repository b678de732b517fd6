-- Projects with a public page. Without a row there is none.
CREATE TABLE publications (
    project INTEGER PRIMARY KEY REFERENCES projects (number),
    k INTEGER NOT NULL,
    licence TEXT NOT NULL,
    -- Origins that may frame the page, with spaces between.
    embedders TEXT NOT NULL
) STRICT;

-- What was published of a week, for ever as it was: published twice with different numbers, the
-- difference could tell of a single install. content is 'null' for a week that must not be shown.
CREATE TABLE published_weeks (
    project INTEGER NOT NULL REFERENCES projects (number),
    last_day INTEGER NOT NULL,
    k INTEGER NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (project, last_day)
) STRICT, WITHOUT ROWID;
