-- What every step stands on: who acts, what was done, what is still to do.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE departments (
    code  TEXT PRIMARY KEY,
    name  TEXT NOT NULL UNIQUE,
    level TEXT NOT NULL CHECK (level IN ('city', 'district'))
) STRICT;

CREATE TABLE accounts (
    id                   TEXT PRIMARY KEY,
    login                TEXT NOT NULL UNIQUE,
    name                 TEXT NOT NULL,
    department           TEXT REFERENCES departments (code),
    password_hash        TEXT NOT NULL,
    must_change_password INTEGER NOT NULL,
    status               TEXT NOT NULL CHECK (status IN ('active', 'disabled')),
    created_at           INTEGER NOT NULL
) STRICT;

-- department '' means: in every department.
CREATE TABLE account_roles (
    account    TEXT NOT NULL REFERENCES accounts (id),
    role       TEXT NOT NULL,
    department TEXT NOT NULL,
    PRIMARY KEY (account, role, department)
) STRICT;

-- Only the hash of a session's token is kept: who reads the database cannot sign in with it.
CREATE TABLE sessions (
    token_sha256 TEXT PRIMARY KEY,
    account      TEXT NOT NULL REFERENCES accounts (id),
    csrf         TEXT NOT NULL,
    origin       TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    seen_at      INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_account ON sessions (account);

-- `entry` holds the exact bytes that `hash` covers; the other columns repeat parts of it for searching.
CREATE TABLE journal (
    seq     INTEGER PRIMARY KEY,
    at      INTEGER NOT NULL,
    actor   TEXT NOT NULL,
    act     TEXT NOT NULL,
    subject TEXT NOT NULL,
    entry   TEXT NOT NULL,
    hash    TEXT NOT NULL UNIQUE
) STRICT;
CREATE INDEX journal_by_subject ON journal (subject);
CREATE INDEX journal_by_act ON journal (act);
CREATE TRIGGER journal_keeps_entries BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_loses_nothing BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;

CREATE TABLE jobs (
    id          TEXT PRIMARY KEY,
    kind        TEXT NOT NULL,
    payload     TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
    actor       TEXT NOT NULL,
    attempts    INTEGER NOT NULL,
    run_at      INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    finished_at INTEGER,
    result      TEXT,
    error       TEXT
) STRICT;
CREATE INDEX jobs_due ON jobs (state, run_at);
