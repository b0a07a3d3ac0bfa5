-- A hash may be named with several sizes, of which one at most is true; each device brings a copy of its
-- own until one is whole. What was half here before is sent again.
CREATE TABLE blobs_0100 (
    task      TEXT NOT NULL REFERENCES tasks (id),
    sha256    TEXT NOT NULL,
    size      INTEGER NOT NULL,
    kind      TEXT NOT NULL CHECK (kind IN ('thumbnail', 'rendition', 'original', 'clip')),
    entry     TEXT NOT NULL,
    stored_at INTEGER,
    PRIMARY KEY (task, sha256, size)
) STRICT;
INSERT INTO blobs_0100 (task, sha256, size, kind, entry, stored_at)
    SELECT task, sha256, size, kind, entry, stored_at FROM blobs;
DROP TABLE blobs;
ALTER TABLE blobs_0100 RENAME TO blobs;

CREATE TABLE uploads (
    task       TEXT NOT NULL REFERENCES tasks (id),
    sha256     TEXT NOT NULL,
    size       INTEGER NOT NULL,
    device     TEXT NOT NULL REFERENCES devices (id),
    received   INTEGER NOT NULL,
    touched_at INTEGER NOT NULL,
    PRIMARY KEY (task, sha256, size, device)
) STRICT;
CREATE INDEX uploads_of_device ON uploads (device);
