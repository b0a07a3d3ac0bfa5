-- The server does not take a file that no change which it admitted names: that is no failure of the way.
ALTER TABLE blob ADD COLUMN unwanted INTEGER NOT NULL DEFAULT 0;
-- When the office said last where the task stands, by its own clock: an older file of it takes nothing back.
ALTER TABLE task ADD COLUMN said_at INTEGER NOT NULL DEFAULT 0;
