-- Decisions on sealed records. Each names the heads that the reviewer saw.
CREATE TABLE review_decisions (
    task            TEXT NOT NULL REFERENCES tasks (id),
    round           INTEGER NOT NULL,
    verdict         TEXT NOT NULL CHECK (verdict IN ('accepted', 'returned')),
    -- Sorted hex, joined by spaces.
    heads           TEXT NOT NULL,
    -- JSON: [{"path":…,"text":…}]; empty when accepted.
    remarks         TEXT NOT NULL,
    decided_by      TEXT NOT NULL REFERENCES accounts (id),
    decided_by_name TEXT NOT NULL,
    decided_by_unit TEXT NOT NULL,
    decided_at      INTEGER NOT NULL,
    PRIMARY KEY (task, round)
) STRICT;
CREATE TRIGGER review_decisions_stand BEFORE UPDATE ON review_decisions
BEGIN SELECT RAISE(ABORT, 'a decision stands; a new round gets a new one'); END;
CREATE TRIGGER review_decisions_are_kept BEFORE DELETE ON review_decisions
BEGIN SELECT RAISE(ABORT, 'decisions are never deleted'); END;
