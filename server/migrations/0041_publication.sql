-- What the public reads. A version is never changed: a correction is the next one (U6).
CREATE TABLE publications (
    task           TEXT NOT NULL REFERENCES tasks (id),
    version        INTEGER NOT NULL,
    -- Canonical JSON; its SHA-256 is in the journal.
    body           TEXT NOT NULL,
    sha256         TEXT NOT NULL,
    -- Why it was corrected; empty for version 1.
    reason         TEXT NOT NULL,
    published_by   TEXT NOT NULL REFERENCES accounts (id),
    published_at   INTEGER NOT NULL,
    PRIMARY KEY (task, version)
) STRICT;
CREATE TRIGGER publications_stand BEFORE UPDATE ON publications
BEGIN SELECT RAISE(ABORT, 'what was published stands; a correction is a new version'); END;
CREATE TRIGGER publications_are_kept BEFORE DELETE ON publications
BEGIN SELECT RAISE(ABORT, 'nothing published vanishes'); END;

-- The newest version of each, for searching; made anew from `publications` at any time.
CREATE TABLE publication_index (
    task            TEXT PRIMARY KEY REFERENCES tasks (id),
    version         INTEGER NOT NULL,
    number          TEXT NOT NULL,
    object_name     TEXT NOT NULL,
    object_code     TEXT NOT NULL,
    department      TEXT NOT NULL,
    -- China dates.
    inspected_on    TEXT NOT NULL,
    published_on    TEXT NOT NULL,
    publicity_until TEXT NOT NULL,
    published_at    INTEGER NOT NULL,
    corrected_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX publication_index_by_day ON publication_index (published_on DESC, task);
CREATE INDEX publication_index_by_department ON publication_index (department, published_on);
