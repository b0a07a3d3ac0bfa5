-- Which files the photos and clips of a record have, so that what is where can be told without opening
-- the record. Follows from the log; `form` as in `blob`.
CREATE TABLE piece (
  task    TEXT NOT NULL,
  sha256  TEXT NOT NULL,
  entry   TEXT NOT NULL,
  id      TEXT NOT NULL,
  form    INTEGER NOT NULL,
  caption TEXT NOT NULL,
  kind    TEXT NOT NULL,
  PRIMARY KEY (task, sha256, entry, id, form)
) STRICT, WITHOUT ROWID;
