-- Posts stay after they were taken or given up, so that the settings page tells what became of them.
-- The body is fixed with the first try: every repeat is the same, byte for byte. No row is lost here:
-- nothing could set a webhook before this step.
DROP TABLE webhook_posts;

CREATE TABLE webhook_posts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project INTEGER NOT NULL REFERENCES projects (number),
    key TEXT NOT NULL UNIQUE,
    -- NULL for a test.
    finding INTEGER REFERENCES findings (id),
    body TEXT,
    queued_ms INTEGER NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    -- NULL once it was taken or given up.
    due_ms INTEGER,
    tried_ms INTEGER,
    answer TEXT NOT NULL DEFAULT '',
    taken INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX webhook_posts_due ON webhook_posts (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX webhook_posts_project ON webhook_posts (project, id);

ALTER TABLE webhooks ADD COLUMN taken INTEGER NOT NULL DEFAULT 0;
ALTER TABLE webhooks ADD COLUMN given_up INTEGER NOT NULL DEFAULT 0;
