CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;

CREATE TABLE slot (
  person      TEXT PRIMARY KEY,
  position    INTEGER NOT NULL,
  name        TEXT NOT NULL,
  unit        TEXT NOT NULL,
  certificate TEXT NOT NULL,
  public_key  BLOB NOT NULL,
  salt        BLOB NOT NULL,
  m_kib       INTEGER NOT NULL,
  passes      INTEGER NOT NULL,
  nonce       BLOB NOT NULL,
  sealed      BLOB NOT NULL,
  failures    INTEGER NOT NULL,
  failed_at   INTEGER NOT NULL
) STRICT;
