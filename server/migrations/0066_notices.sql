-- Notices 检查通知书 (X1): asked for by one person, issued by another, kept word for word; and the slips on
-- which objects are told their own opening.

-- A task whose team changes after its notice was issued gets another version.
CREATE TABLE notices (
    task            TEXT NOT NULL REFERENCES tasks (id),
    version         INTEGER NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('asked', 'issued', 'refused')),
    -- Canonical JSON of what the notice says, and its hash.
    content         TEXT NOT NULL,
    sha256          TEXT NOT NULL,
    -- What stands in the notice's QR code beside the opening; only who holds the notice has it.
    code            TEXT NOT NULL,
    -- How often the team had changed when it was asked for.
    team_changes    INTEGER NOT NULL,
    asked_by        TEXT NOT NULL,
    asked_by_name   TEXT NOT NULL,
    asked_at        INTEGER NOT NULL,
    decided_by      TEXT,
    decided_by_name TEXT,
    decided_at      INTEGER,
    -- Why it was refused.
    reason          TEXT,
    PRIMARY KEY (task, version)
) STRICT;
CREATE UNIQUE INDEX notices_asked_once ON notices (task) WHERE state = 'asked';
CREATE TRIGGER notices_are_kept BEFORE DELETE ON notices
BEGIN SELECT RAISE(ABORT, 'a notice is never deleted'); END;
CREATE TRIGGER notices_are_decided_once BEFORE UPDATE ON notices
WHEN OLD.state <> 'asked' OR NEW.content <> OLD.content OR NEW.code <> OLD.code
BEGIN SELECT RAISE(ABORT, 'a notice is decided once and never changed'); END;

-- Whether an object of the transcript was drawn.
CREATE INDEX draw_results_by_blinded ON draw_results (draw, blinded);
