-- Times are milliseconds since 1970 UTC by this tablet's clock.

CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value BLOB NOT NULL
) STRICT;

-- One row per task. `card` is what the task list shows, so that the list opens no document.
CREATE TABLE task (
  task        TEXT PRIMARY KEY,
  facts       BLOB NOT NULL,
  roster      BLOB NOT NULL,
  roster_sig  BLOB,
  card        TEXT NOT NULL,
  accepted_at INTEGER,
  withdrawn   INTEGER NOT NULL DEFAULT 0,
  changed_at  INTEGER NOT NULL
) STRICT;

-- Who an actor is, per record.
CREATE TABLE author (
  task   TEXT NOT NULL,
  actor  TEXT NOT NULL,
  device BLOB NOT NULL,
  person TEXT NOT NULL,
  epoch  INTEGER NOT NULL,
  PRIMARY KEY (task, actor)
) STRICT, WITHOUT ROWID;

-- The log of admitted changes, in the order of admission: original bytes, never re-encoded.
-- `delivery`: 0 on this tablet, 1 sent, 2 confirmed by the server, 3 refused.
CREATE TABLE change (
  position INTEGER PRIMARY KEY,
  task     TEXT NOT NULL,
  hash     BLOB NOT NULL,
  actor    TEXT NOT NULL,
  bytes    BLOB NOT NULL,
  sig      BLOB,
  delivery INTEGER NOT NULL,
  error    TEXT,
  at       INTEGER NOT NULL,
  UNIQUE (task, hash)
) STRICT;
CREATE INDEX change_undelivered ON change(task) WHERE delivery <> 2;

-- Changes of others that were not taken in: they wait, or are kept aside with the reason.
CREATE TABLE aside (
  task     TEXT NOT NULL,
  hash     BLOB NOT NULL,
  author   BLOB NOT NULL,
  bytes    BLOB NOT NULL,
  sig      BLOB,
  code     TEXT NOT NULL,
  detail   TEXT NOT NULL,
  at       INTEGER NOT NULL,
  PRIMARY KEY (task, hash)
) STRICT;

-- Statements of party and inspectors, as signed.
CREATE TABLE statement (
  id       BLOB PRIMARY KEY,
  task     TEXT NOT NULL,
  row      BLOB NOT NULL,
  round    INTEGER NOT NULL,
  delivery INTEGER NOT NULL,
  error    TEXT,
  at       INTEGER NOT NULL
) STRICT;
CREATE INDEX statement_task ON statement(task);

-- A sign-off that has begun: the fixed heads and who is not waited for.
CREATE TABLE sign_off (
  task     TEXT PRIMARY KEY,
  round    INTEGER NOT NULL,
  subject  TEXT NOT NULL,
  excluded TEXT NOT NULL,
  at       INTEGER NOT NULL
) STRICT;

-- Photo bytes by content. `form`: 1 thumbnail, 2 rendition, 3 original: the order of sending.
CREATE TABLE blob (
  task      TEXT NOT NULL,
  sha256    TEXT NOT NULL,
  form      INTEGER NOT NULL,
  size      INTEGER NOT NULL,
  here      INTEGER NOT NULL,
  delivery  INTEGER NOT NULL,
  sent      INTEGER NOT NULL DEFAULT 0,
  error     TEXT,
  permanent INTEGER NOT NULL DEFAULT 0,
  failures  INTEGER NOT NULL DEFAULT 0,
  next_at   INTEGER NOT NULL DEFAULT 0,
  at        INTEGER NOT NULL,
  PRIMARY KEY (task, sha256)
) STRICT;
CREATE INDEX blob_queue ON blob(form, at) WHERE delivery <> 2;

-- What could not be read of a photo, in plain words.
CREATE TABLE photo_remark (
  task   TEXT NOT NULL,
  photo  TEXT NOT NULL,
  remark TEXT NOT NULL,
  PRIMARY KEY (task, photo)
) STRICT;
