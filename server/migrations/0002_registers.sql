-- The two registers 两库 and the list of items 一单.

CREATE TABLE objects (
    id            TEXT PRIMARY KEY,
    kind          TEXT NOT NULL CHECK (kind IN ('organisation', 'person', 'area')),
    name          TEXT NOT NULL,
    -- Credit code of an organisation, citizen ID of a person, none for an area.
    code          TEXT UNIQUE,
    address       TEXT NOT NULL,
    -- Six digits; NULL: not known, and then in no frame.
    district      TEXT,
    -- 'F52 零售业': code and name, so that a prefix is a filter.
    industry      TEXT NOT NULL,
    responsible   TEXT NOT NULL,
    contact       TEXT NOT NULL,
    -- Internal; never public.
    risk_class    TEXT CHECK (risk_class IN ('A', 'B', 'C', 'D')),
    credit_status TEXT NOT NULL,
    status        TEXT NOT NULL CHECK (status IN ('active', 'moved', 'revoked', 'cancelled')),
    -- JSON array, sorted.
    tags          TEXT NOT NULL,
    lat_e7        INTEGER,
    lon_e7        INTEGER,
    changed_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX objects_by_name ON objects (name);
CREATE INDEX objects_by_district ON objects (district, status, risk_class);
CREATE INDEX objects_by_industry ON objects (industry, status, risk_class);
CREATE INDEX objects_by_risk ON objects (risk_class, status);
CREATE INDEX objects_by_status ON objects (status);
CREATE INDEX objects_by_responsible ON objects (responsible);
CREATE UNIQUE INDEX areas_by_name ON objects (name) WHERE kind = 'area';

CREATE TABLE inspectors (
    id                TEXT PRIMARY KEY,
    name              TEXT NOT NULL,
    sex               TEXT NOT NULL CHECK (sex IN ('', 'male', 'female')),
    certificate       TEXT NOT NULL UNIQUE,
    certificate_until TEXT,
    department        TEXT NOT NULL REFERENCES departments (code),
    unit              TEXT NOT NULL,
    post              TEXT NOT NULL,
    -- JSON arrays, sorted. No district: the whole city.
    districts         TEXT NOT NULL,
    expertise         TEXT NOT NULL,
    languages         TEXT NOT NULL,
    -- Tasks in one draw; NULL: no limit of their own.
    capacity          INTEGER CHECK (capacity > 0),
    -- Experts assist and are in no pool (I2).
    expert            INTEGER NOT NULL,
    status            TEXT NOT NULL CHECK (status IN ('active', 'on_leave', 'left')),
    changed_at        INTEGER NOT NULL
) STRICT;
CREATE INDEX inspectors_by_department ON inspectors (department, status);
CREATE INDEX inspectors_by_name ON inspectors (name);

CREATE TABLE avoidances (
    id           TEXT PRIMARY KEY,
    inspector    TEXT NOT NULL REFERENCES inspectors (id),
    kind         TEXT NOT NULL CHECK (kind IN ('object', 'legal_person', 'household', 'former_employer')),
    object       TEXT REFERENCES objects (id),
    -- Name of a responsible person: all objects that they are responsible for.
    legal_person TEXT,
    ground       TEXT NOT NULL,
    -- Last day on which it holds; NULL: without end.
    until        TEXT,
    created_at   INTEGER NOT NULL,
    removed_at   INTEGER,
    CHECK ((object IS NULL) <> (legal_person IS NULL))
) STRICT;
CREATE INDEX avoidances_by_inspector ON avoidances (inspector);
CREATE INDEX avoidances_by_object ON avoidances (object);

-- Every change of a row of a register: when, by whom, from which source, why (O4).
CREATE TABLE register_history (
    subject    TEXT NOT NULL,
    at         INTEGER NOT NULL,
    actor      TEXT NOT NULL,
    actor_name TEXT NOT NULL,
    source     TEXT NOT NULL,
    reason     TEXT NOT NULL,
    -- JSON array of {field, before, after}; empty when the row was made.
    changes    TEXT NOT NULL
) STRICT;
CREATE INDEX register_history_by_subject ON register_history (subject, at);

CREATE TABLE items (
    id         TEXT PRIMARY KEY,
    code       TEXT NOT NULL UNIQUE,
    department TEXT NOT NULL REFERENCES departments (code),
    version    INTEGER NOT NULL,
    status     TEXT NOT NULL CHECK (status IN ('draft', 'active', 'retired'))
) STRICT;

-- A version is never changed: draws, tasks and records name it (L2).
CREATE TABLE item_versions (
    item       TEXT NOT NULL REFERENCES items (id),
    version    INTEGER NOT NULL,
    -- JSON of the item's facts and of its check sheet.
    facts      TEXT NOT NULL,
    sheet      TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    reason     TEXT NOT NULL,
    PRIMARY KEY (item, version)
) STRICT;
CREATE TRIGGER item_versions_stay BEFORE UPDATE ON item_versions
BEGIN SELECT RAISE(ABORT, 'a version of an item is never changed'); END;
