-- The ceremony (D2, D3, D5): witnesses with their capacity, rolls one by one, drand rounds, grounds of void draws,
-- minutes and what is attached to them.

-- Where the last source is one round of drand quicknet; then `sides` and `rolls` are 0.
ALTER TABLE draws ADD COLUMN drand_round INTEGER;
ALTER TABLE draws ADD COLUMN drand_signature TEXT;
-- After the seed a draw becomes void on a legal ground only, approved by a second person.
ALTER TABLE draws ADD COLUMN void_ground TEXT;
ALTER TABLE draws ADD COLUMN void_approved_by_name TEXT;

-- A witness is entered first and hands in later: by the own telephone, at a terminal of the hall, or on paper.
CREATE TABLE draw_witnesses_entered (
    draw         TEXT NOT NULL REFERENCES draws (id),
    position     INTEGER NOT NULL,
    name         TEXT NOT NULL,
    capacity     TEXT NOT NULL,
    -- 12 characters, what stands in the short link; NULL for who never had one.
    code         TEXT UNIQUE,
    committed    TEXT,
    committed_at INTEGER,
    committed_by TEXT CHECK (committed_by IN ('phone', 'terminal', 'officer')),
    value        TEXT,
    said_at      INTEGER,
    said_by      TEXT CHECK (said_by IN ('phone', 'terminal', 'officer')),
    state        TEXT NOT NULL CHECK (state IN ('entered', 'committed', 'revealed', 'withheld')),
    PRIMARY KEY (draw, position),
    UNIQUE (draw, name),
    CHECK ((state = 'entered') = (committed IS NULL)),
    CHECK ((state = 'revealed') = (value IS NOT NULL))
) STRICT;
INSERT INTO draw_witnesses_entered (draw, position, name, capacity, committed, committed_by, value, state)
    SELECT draw, position, name, 'public', committed, 'officer', value, state FROM draw_witnesses;
DROP TABLE draw_witnesses;
ALTER TABLE draw_witnesses_entered RENAME TO draw_witnesses;
CREATE TRIGGER draw_witnesses_are_never_deleted BEFORE DELETE ON draw_witnesses
BEGIN SELECT RAISE(ABORT, 'a witness is never deleted'); END;

-- Each entry of a roll; a correction is a later entry of the same roll, with the reason.
CREATE TABLE draw_rolls (
    draw    TEXT NOT NULL REFERENCES draws (id),
    entry   INTEGER NOT NULL,
    roll    INTEGER NOT NULL,
    value   INTEGER NOT NULL,
    reason  TEXT NOT NULL,
    by_name TEXT NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (draw, entry)
) STRICT;
CREATE TRIGGER draw_rolls_never_change BEFORE UPDATE ON draw_rolls
BEGIN SELECT RAISE(ABORT, 'a roll is corrected by another entry'); END;
CREATE TRIGGER draw_rolls_are_never_deleted BEFORE DELETE ON draw_rolls
BEGIN SELECT RAISE(ABORT, 'a roll is never deleted'); END;

-- Who asked to make a draw void after the seed, on which ground, and what a second person decided.
CREATE TABLE draw_void_requests (
    draw            TEXT NOT NULL REFERENCES draws (id),
    number          INTEGER NOT NULL,
    ground          TEXT NOT NULL,
    reason          TEXT NOT NULL,
    by_account      TEXT NOT NULL,
    by_name         TEXT NOT NULL,
    at              INTEGER NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('asked', 'approved', 'refused')),
    decided_by_name TEXT,
    decided_at      INTEGER,
    remark          TEXT,
    PRIMARY KEY (draw, number)
) STRICT;
CREATE UNIQUE INDEX draw_void_requests_one_open ON draw_void_requests (draw) WHERE state = 'asked';

-- What the minutes 抽取记录 say beside what the server knows itself.
CREATE TABLE draw_minutes (
    draw     TEXT PRIMARY KEY REFERENCES draws (id),
    place    TEXT NOT NULL,
    host     TEXT NOT NULL,
    recorder TEXT NOT NULL,
    -- JSON list of {name, capacity, unit}.
    present  TEXT NOT NULL,
    notes    TEXT NOT NULL,
    by_name  TEXT NOT NULL,
    at       INTEGER NOT NULL
) STRICT;

-- Photos and video of the ceremony: the file, or its hash alone.
CREATE TABLE draw_attachments (
    id       TEXT PRIMARY KEY,
    draw     TEXT NOT NULL REFERENCES draws (id),
    name     TEXT NOT NULL,
    note     TEXT NOT NULL,
    media    TEXT NOT NULL,
    sha256   TEXT NOT NULL,
    size     INTEGER NOT NULL,
    stored   INTEGER NOT NULL CHECK (stored IN (0, 1)),
    by_name  TEXT NOT NULL,
    at       INTEGER NOT NULL,
    UNIQUE (draw, sha256)
) STRICT;
CREATE TRIGGER draw_attachments_never_change BEFORE UPDATE ON draw_attachments WHEN OLD.stored = 1 OR NEW.sha256 <> OLD.sha256
BEGIN SELECT RAISE(ABORT, 'an attachment never changes'); END;
CREATE TRIGGER draw_attachments_are_never_deleted BEFORE DELETE ON draw_attachments
BEGIN SELECT RAISE(ABORT, 'an attachment is never deleted'); END;
