-- Video and sound of a visit are blobs as photos are; `entry` is the id of the photo or clip.
CREATE TABLE blobs_0090 (
    task      TEXT NOT NULL REFERENCES tasks (id),
    sha256    TEXT NOT NULL,
    size      INTEGER NOT NULL,
    kind      TEXT NOT NULL CHECK (kind IN ('thumbnail', 'rendition', 'original', 'clip')),
    entry     TEXT NOT NULL,
    received  INTEGER NOT NULL,
    stored_at INTEGER,
    PRIMARY KEY (task, sha256)
) STRICT;
INSERT INTO blobs_0090 (task, sha256, size, kind, entry, received, stored_at)
    SELECT task, sha256, size, kind, photo, received, stored_at FROM blobs;
DROP TABLE blobs;
ALTER TABLE blobs_0090 RENAME TO blobs;
