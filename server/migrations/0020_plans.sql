-- Plans 计划: what is to be inspected in a year, and how many of each class are drawn.

CREATE TABLE plans (
    id               TEXT PRIMARY KEY,
    department       TEXT NOT NULL REFERENCES departments (code),
    year             INTEGER NOT NULL,
    title            TEXT NOT NULL,
    from_date        TEXT NOT NULL,
    until_date       TEXT NOT NULL,
    team             INTEGER NOT NULL CHECK (team BETWEEN 2 AND 10),
    -- JSON of the filter on the object register.
    scope            TEXT NOT NULL,
    state            TEXT NOT NULL
        CHECK (state IN ('draft', 'submitted', 'returned', 'approved', 'locked')),
    return_reason    TEXT,
    drafted_by       TEXT NOT NULL REFERENCES accounts (id),
    drafted_by_name  TEXT NOT NULL,
    drafted_at       INTEGER NOT NULL,
    submitted_by     TEXT REFERENCES accounts (id),
    submitted_at     INTEGER,
    approved_by      TEXT REFERENCES accounts (id),
    approved_by_name TEXT,
    approved_at      INTEGER,
    locked_by_name   TEXT,
    locked_at        INTEGER
) STRICT;
CREATE INDEX plans_by_department ON plans (department, year);

CREATE TABLE plan_items (
    plan     TEXT NOT NULL REFERENCES plans (id),
    position INTEGER NOT NULL,
    item     TEXT NOT NULL,
    code     TEXT NOT NULL,
    name     TEXT NOT NULL,
    version  INTEGER NOT NULL,
    -- JSON list of words.
    needs    TEXT NOT NULL,
    PRIMARY KEY (plan, item)
) STRICT;

-- risk_class '' is: without a class. objects is the count when the plan was last saved.
CREATE TABLE plan_cells (
    plan       TEXT NOT NULL REFERENCES plans (id),
    position   INTEGER NOT NULL,
    risk_class TEXT NOT NULL,
    ratio_ppm  INTEGER CHECK (ratio_ppm BETWEEN 0 AND 1000000),
    number     INTEGER CHECK (number >= 0),
    reserves   INTEGER NOT NULL CHECK (reserves >= 0),
    objects    INTEGER NOT NULL,
    PRIMARY KEY (plan, position),
    UNIQUE (plan, risk_class),
    CHECK ((ratio_ppm IS NULL) <> (number IS NULL))
) STRICT;

-- Everyone who had a hand in the text of a plan: none of them approves it (S1).
CREATE TABLE plan_hands (
    plan    TEXT NOT NULL REFERENCES plans (id),
    account TEXT NOT NULL REFERENCES accounts (id),
    PRIMARY KEY (plan, account)
) STRICT;
