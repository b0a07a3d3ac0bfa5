-- Tasks, and the tablets on which they are carried out.

CREATE TABLE tasks (
    id            TEXT PRIMARY KEY,
    draw          TEXT NOT NULL,
    rank          INTEGER NOT NULL,
    number        TEXT NOT NULL UNIQUE,
    title         TEXT NOT NULL,
    department    TEXT NOT NULL REFERENCES departments (code),
    object        TEXT NOT NULL,
    object_name   TEXT NOT NULL,
    district      TEXT NOT NULL,
    from_date     TEXT NOT NULL,
    until_date    TEXT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('dispatched', 'sealed', 'returned', 'accepted', 'withdrawn')),
    round         INTEGER NOT NULL,
    -- Canonical JSON of the facts that went to the tablets.
    facts         TEXT NOT NULL,
    roster_version INTEGER NOT NULL,
    dispatched_at INTEGER NOT NULL,
    UNIQUE (draw, object)
) STRICT;
CREATE INDEX tasks_by_department ON tasks (department, state);

CREATE TABLE task_items (
    task    TEXT NOT NULL REFERENCES tasks (id),
    item    TEXT NOT NULL,
    name    TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (task, item)
) STRICT;

CREATE TABLE task_members (
    task        TEXT NOT NULL REFERENCES tasks (id),
    person      TEXT NOT NULL,
    position    INTEGER NOT NULL,
    name        TEXT NOT NULL,
    unit        TEXT NOT NULL,
    certificate TEXT NOT NULL,
    role        TEXT NOT NULL CHECK (role IN ('leader', 'member', 'expert')),
    status      TEXT NOT NULL CHECK (status IN ('active', 'relieved')),
    PRIMARY KEY (task, person)
) STRICT;
CREATE INDEX task_members_by_person ON task_members (person);

CREATE TABLE devices (
    id             TEXT PRIMARY KEY,
    key            TEXT NOT NULL UNIQUE,
    name           TEXT NOT NULL,
    department     TEXT NOT NULL REFERENCES departments (code),
    version        TEXT NOT NULL,
    enrolled_at    INTEGER NOT NULL,
    last_contact_at INTEGER,
    unsynced       INTEGER NOT NULL,
    free_bytes     INTEGER,
    -- Device clock minus server clock at the last contact.
    clock_offset_ms INTEGER,
    -- Sequence of the newest event in the device's feed.
    feed_seq       INTEGER NOT NULL,
    revoked_at     INTEGER,
    revoked_reason TEXT
) STRICT;

-- The public half of the key with which a person signs on that tablet.
CREATE TABLE device_inspectors (
    device      TEXT NOT NULL REFERENCES devices (id),
    person      TEXT NOT NULL,
    key         TEXT NOT NULL,
    enrolled_at INTEGER NOT NULL,
    PRIMARY KEY (device, person)
) STRICT;
CREATE INDEX device_inspectors_by_person ON device_inspectors (person);

-- Only the hash of a code is kept.
CREATE TABLE enrolment_codes (
    code_sha256 TEXT PRIMARY KEY,
    device_name TEXT NOT NULL,
    department  TEXT NOT NULL REFERENCES departments (code),
    created_by  TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    used_by     TEXT,
    used_at     INTEGER
) STRICT;

CREATE TABLE enrolment_code_inspectors (
    code_sha256 TEXT NOT NULL REFERENCES enrolment_codes (code_sha256),
    person      TEXT NOT NULL,
    PRIMARY KEY (code_sha256, person)
) STRICT;
