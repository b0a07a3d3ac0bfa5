-- The records: an append-only log of change bytes, what was signed over them, what was refused.

-- `ord` is the order of admission: dependencies come first.
CREATE TABLE record_changes (
    ord           INTEGER PRIMARY KEY,
    task          TEXT NOT NULL REFERENCES tasks (id),
    hash          TEXT NOT NULL,
    actor         TEXT NOT NULL,
    seq           INTEGER NOT NULL,
    author_key    TEXT NOT NULL,
    author_person TEXT NOT NULL,
    author_epoch  INTEGER NOT NULL,
    bytes         BLOB NOT NULL,
    sig           BLOB,
    received_at   INTEGER NOT NULL,
    -- Device that brought it; '' for the server's own.
    via_device    TEXT NOT NULL,
    UNIQUE (task, hash),
    UNIQUE (task, actor, seq)
) STRICT;
CREATE TRIGGER record_changes_are_kept BEFORE DELETE ON record_changes
BEGIN SELECT RAISE(ABORT, 'changes of a record are never deleted'); END;

-- A cache of the document, and figures for lists; both can be made anew from the log.
CREATE TABLE record_docs (
    task      TEXT PRIMARY KEY REFERENCES tasks (id),
    cache     BLOB NOT NULL,
    heads     TEXT NOT NULL,
    summary   TEXT NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;

-- Changes that wait for others.
CREATE TABLE record_waiting (
    task          TEXT NOT NULL REFERENCES tasks (id),
    hash          TEXT NOT NULL,
    author_key    TEXT NOT NULL,
    author_person TEXT NOT NULL,
    author_epoch  INTEGER NOT NULL,
    bytes         BLOB NOT NULL,
    sig           BLOB,
    received_at   INTEGER NOT NULL,
    via_device    TEXT NOT NULL,
    PRIMARY KEY (task, hash)
) STRICT;

CREATE TABLE record_signatures (
    id          TEXT NOT NULL,
    task        TEXT NOT NULL REFERENCES tasks (id),
    kind        TEXT NOT NULL CHECK (kind IN ('party', 'inspector')),
    -- The statement as it was sent, CBOR of the whole row.
    row         BLOB NOT NULL,
    received_at INTEGER NOT NULL,
    via_device  TEXT NOT NULL,
    PRIMARY KEY (task, id)
) STRICT;
CREATE TRIGGER record_signatures_are_kept BEFORE DELETE ON record_signatures
BEGIN SELECT RAISE(ABORT, 'signatures are never deleted'); END;

-- One row for each round that was sealed.
CREATE TABLE record_seals (
    task           TEXT NOT NULL REFERENCES tasks (id),
    round          INTEGER NOT NULL,
    subject_sha256 TEXT NOT NULL,
    heads          TEXT NOT NULL,
    -- End of the site visit as the record says, milliseconds; day 0 of the 20 working days when round = 1.
    ended_at       INTEGER NOT NULL,
    sealed_at      INTEGER NOT NULL,
    PRIMARY KEY (task, round)
) STRICT;

CREATE TABLE quarantine (
    id          TEXT PRIMARY KEY,
    task        TEXT NOT NULL,
    device      TEXT NOT NULL,
    kind        TEXT NOT NULL CHECK (kind IN ('change', 'signature')),
    hash        TEXT NOT NULL,
    code        TEXT NOT NULL,
    detail      TEXT NOT NULL,
    author_key  TEXT NOT NULL,
    author_person TEXT NOT NULL,
    author_epoch INTEGER NOT NULL,
    bytes       BLOB NOT NULL,
    sig         BLOB,
    received_at INTEGER NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('held', 'released', 'discarded')),
    decided_by  TEXT,
    decided_at  INTEGER,
    reason      TEXT,
    UNIQUE (task, hash, code)
) STRICT;
CREATE INDEX quarantine_by_state ON quarantine (state, received_at);

-- What each device has not heard yet, in one sequence per device.
CREATE TABLE feed (
    device TEXT NOT NULL REFERENCES devices (id),
    seq    INTEGER NOT NULL,
    kind   TEXT NOT NULL CHECK (kind IN ('grant', 'withdraw', 'changes', 'signature', 'state', 'blob')),
    task   TEXT NOT NULL,
    -- changes: 'first-last' of ord; signature: its id; blob: its hash.
    ref    TEXT NOT NULL,
    PRIMARY KEY (device, seq)
) STRICT;

-- Blobs that admitted changes name, and how much of each is here.
CREATE TABLE blobs (
    task      TEXT NOT NULL REFERENCES tasks (id),
    sha256    TEXT NOT NULL,
    size      INTEGER NOT NULL,
    kind      TEXT NOT NULL CHECK (kind IN ('thumbnail', 'rendition', 'original')),
    photo     TEXT NOT NULL,
    received  INTEGER NOT NULL,
    stored_at INTEGER,
    PRIMARY KEY (task, sha256)
) STRICT;
