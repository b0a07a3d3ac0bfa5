-- Imports of spreadsheets: what was read, what was found wrong, what became of it. The file itself
-- lies in the uploads folder under the import's id until the import is done.
CREATE TABLE imports (
    id          TEXT PRIMARY KEY,
    kind        TEXT NOT NULL CHECK (kind IN ('objects', 'inspectors', 'items', 'avoid')),
    name        TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('checked', 'applying', 'done', 'failed')),
    -- JSON of the columns with the field that each was taken for.
    columns     TEXT NOT NULL,
    rows_total  INTEGER NOT NULL,
    accepted    INTEGER NOT NULL,
    refused     INTEGER NOT NULL,
    -- JSON of the first errors.
    errors      TEXT NOT NULL,
    -- CSV of the refused rows, with what is wrong; can be corrected and imported again.
    error_file  BLOB NOT NULL,
    created_by  TEXT NOT NULL,
    created_at  INTEGER NOT NULL,
    finished_at INTEGER,
    failure     TEXT
) STRICT;
