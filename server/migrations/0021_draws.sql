-- Draws 抽取: numbered without gaps, never deleted, never repeated (D5).

CREATE TABLE draws (
    id                  TEXT PRIMARY KEY,
    department          TEXT NOT NULL REFERENCES departments (code),
    year                INTEGER NOT NULL,
    seq                 INTEGER NOT NULL,
    number              TEXT NOT NULL UNIQUE,
    plan                TEXT NOT NULL REFERENCES plans (id),
    title               TEXT NOT NULL,
    state               TEXT NOT NULL CHECK (state IN
        ('defined', 'checked', 'committed', 'closed', 'revealed', 'drawn', 'dispatched', 'void')),
    ceremony_at         INTEGER NOT NULL,
    sides               INTEGER NOT NULL,
    rolls               INTEGER NOT NULL,
    -- 'draw' or a China date.
    public_from         TEXT NOT NULL,
    -- The key of the blinded ids and the server's nonce: secret, made when the draw is defined.
    salt_key            BLOB NOT NULL,
    nonce               TEXT NOT NULL,
    -- JSON of the frame as it was checked.
    frame               TEXT,
    commitment          TEXT,
    committed_at        INTEGER,
    witness_list_sha256 TEXT,
    closed_at           INTEGER,
    revealed_at         INTEGER,
    -- JSON list of the rolls.
    dice                TEXT,
    seed                TEXT,
    drawn_at            INTEGER,
    dispatched_at       INTEGER,
    void_reason         TEXT,
    void_by_name        TEXT,
    void_at             INTEGER,
    created_by_name     TEXT NOT NULL,
    created_at          INTEGER NOT NULL,
    UNIQUE (department, year, seq)
) STRICT;
-- A plan is drawn once; a void draw makes room for its successor.
CREATE UNIQUE INDEX draws_once_per_plan ON draws (plan) WHERE state <> 'void';
CREATE TRIGGER draws_are_never_deleted BEFORE DELETE ON draws
BEGIN SELECT RAISE(ABORT, 'a draw is never deleted'); END;

-- The transcript, and the openings, byte for byte.
CREATE TABLE draw_files (
    draw  TEXT NOT NULL REFERENCES draws (id),
    name  TEXT NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (draw, name)
) STRICT;
CREATE TRIGGER draw_files_never_change BEFORE UPDATE ON draw_files WHEN OLD.name <> 'substitutions.csv'
BEGIN SELECT RAISE(ABORT, 'a committed file is never changed'); END;
CREATE TRIGGER draw_files_are_never_deleted BEFORE DELETE ON draw_files
BEGIN SELECT RAISE(ABORT, 'a committed file is never deleted'); END;

CREATE TABLE draw_witnesses (
    draw      TEXT NOT NULL REFERENCES draws (id),
    position  INTEGER NOT NULL,
    name      TEXT NOT NULL,
    committed TEXT NOT NULL,
    value     TEXT,
    state     TEXT NOT NULL CHECK (state IN ('committed', 'revealed', 'withheld')),
    PRIMARY KEY (draw, position),
    UNIQUE (draw, name)
) STRICT;

-- What the filter meant and the rules keep out, as last checked.
CREATE TABLE draw_excluded (
    draw        TEXT NOT NULL REFERENCES draws (id),
    object      TEXT NOT NULL,
    object_name TEXT NOT NULL,
    ground      TEXT NOT NULL,
    PRIMARY KEY (draw, object)
) STRICT;

-- The drawn and the reserves, with the names of that day; `object` and `inspector` are register ids.
CREATE TABLE draw_results (
    draw        TEXT NOT NULL REFERENCES draws (id),
    role        TEXT NOT NULL CHECK (role IN ('drawn', 'reserve')),
    cell        INTEGER NOT NULL,
    rank        INTEGER NOT NULL,
    object      TEXT NOT NULL,
    blinded     TEXT NOT NULL,
    object_name TEXT NOT NULL,
    district    TEXT NOT NULL,
    ticket      TEXT NOT NULL,
    PRIMARY KEY (draw, object)
) STRICT;
CREATE INDEX draw_results_in_order ON draw_results (draw, role, cell, rank);

CREATE TABLE draw_teams (
    draw      TEXT NOT NULL,
    object    TEXT NOT NULL,
    position  INTEGER NOT NULL,
    inspector TEXT NOT NULL,
    name      TEXT NOT NULL,
    unit      TEXT NOT NULL,
    PRIMARY KEY (draw, object, position),
    FOREIGN KEY (draw, object) REFERENCES draw_results (draw, object)
) STRICT;
