-- Clips (form 4) may leave the tablet as originals may.
DROP INDEX blob_slim;
CREATE INDEX blob_slim ON blob(task) WHERE form >= 3 AND delivery = 2;
