-- Originals with a receipt, which may leave the tablet once the office has accepted the record.
CREATE INDEX blob_slim ON blob(task) WHERE form = 3 AND delivery = 2;
