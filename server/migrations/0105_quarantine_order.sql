-- The place of a held change among its author's, so that a list can stand in the order of writing. What was held
-- before, and signatures, have 0 and stand in the order in which they came.
ALTER TABLE quarantine ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;
