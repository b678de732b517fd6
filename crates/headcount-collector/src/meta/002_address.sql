-- Where people reach the running collector, so that commands can print whole links. One row.
CREATE TABLE address (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    url TEXT NOT NULL
) STRICT;
