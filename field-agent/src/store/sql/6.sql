-- Recordings that are no clips yet: made just now, or broken off. Their pieces lie beside the store, as
-- photos do. `gone`: it became a clip or was discarded, and only its files are still to be removed.
CREATE TABLE recording (
  recording TEXT PRIMARY KEY,
  task      TEXT NOT NULL,
  person    TEXT NOT NULL,
  media     TEXT NOT NULL,
  about     TEXT NOT NULL,
  pieces    INTEGER NOT NULL,
  bytes     INTEGER NOT NULL,
  gone      INTEGER NOT NULL DEFAULT 0
) STRICT;
