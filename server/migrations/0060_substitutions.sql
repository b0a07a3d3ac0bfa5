-- Substitution 递补 (D4): who asked, on what ground and evidence, who decided, what followed.

-- Whose members come and go, and which object stands at a place of the draw.
ALTER TABLE task_members ADD COLUMN joined_at INTEGER;
ALTER TABLE task_members ADD COLUMN relieved_at INTEGER;
ALTER TABLE tasks ADD COLUMN withdrawn_at INTEGER;

-- Files that prove a ground; the bytes lie among the blobs under their hash.
CREATE TABLE evidence (
    sha256           TEXT PRIMARY KEY,
    name             TEXT NOT NULL,
    media            TEXT NOT NULL,
    size             INTEGER NOT NULL,
    uploaded_by      TEXT NOT NULL,
    uploaded_by_name TEXT NOT NULL,
    uploaded_at      INTEGER NOT NULL
) STRICT;

CREATE TABLE substitution_requests (
    id                TEXT PRIMARY KEY,
    draw              TEXT NOT NULL REFERENCES draws (id),
    kind              TEXT NOT NULL CHECK (kind IN ('relief', 'replace', 'pass', 'avoid')),
    -- Register ids, with the names of the day of the draw; the person is '' where the kind has none.
    object            TEXT NOT NULL,
    object_name       TEXT NOT NULL,
    person            TEXT NOT NULL,
    person_name       TEXT NOT NULL,
    ground            TEXT NOT NULL,
    explanation       TEXT NOT NULL,
    evidence          TEXT NOT NULL REFERENCES evidence (sha256),
    state             TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'refused', 'withdrawn')),
    requested_by      TEXT NOT NULL,
    requested_by_name TEXT NOT NULL,
    requested_at      INTEGER NOT NULL,
    decided_by        TEXT,
    decided_by_name   TEXT,
    decided_at        INTEGER,
    -- Why it was refused.
    reason            TEXT
) STRICT;
CREATE INDEX substitution_requests_by_draw ON substitution_requests (draw, requested_at);
CREATE INDEX substitution_requests_by_state ON substitution_requests (state, requested_at);
-- One thing is asked once at a time.
CREATE UNIQUE INDEX substitution_requests_once ON substitution_requests (draw, kind, object, person)
    WHERE state = 'pending';
CREATE TRIGGER substitution_requests_are_kept BEFORE DELETE ON substitution_requests
BEGIN SELECT RAISE(ABORT, 'a request for substitution is never deleted'); END;
CREATE TRIGGER substitution_requests_are_decided_once BEFORE UPDATE ON substitution_requests
WHEN OLD.state <> 'pending'
BEGIN SELECT RAISE(ABORT, 'a request for substitution is decided once'); END;

-- The rows of substitutions.csv, in register ids; a request has one or more.
CREATE TABLE substitution_rows (
    draw    TEXT NOT NULL REFERENCES draws (id),
    number  INTEGER NOT NULL,
    request TEXT NOT NULL REFERENCES substitution_requests (id),
    kind    TEXT NOT NULL CHECK (kind IN ('relief', 'replace', 'drop', 'pass', 'avoid', 'add')),
    object  TEXT NOT NULL,
    object_name TEXT NOT NULL,
    -- Inspectors or, of a replacement, the new object; '' where the row has none.
    leaves      TEXT NOT NULL,
    leaves_name TEXT NOT NULL,
    comes       TEXT NOT NULL,
    comes_name  TEXT NOT NULL,
    -- Unit of an inspector, district of an object.
    comes_place TEXT NOT NULL,
    ground      TEXT NOT NULL,
    PRIMARY KEY (draw, number)
) STRICT;
CREATE INDEX substitution_rows_by_request ON substitution_rows (request, number);
CREATE TRIGGER substitution_rows_never_change BEFORE UPDATE ON substitution_rows
BEGIN SELECT RAISE(ABORT, 'a substitution is never changed'); END;
CREATE TRIGGER substitution_rows_are_kept BEFORE DELETE ON substitution_rows
BEGIN SELECT RAISE(ABORT, 'a substitution is never deleted'); END;
