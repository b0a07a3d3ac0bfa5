-- What is on its way is told, and the next to be sent found, without walking through a log of thousands.
DROP INDEX change_undelivered;
CREATE INDEX change_open ON change(position, delivery, at) WHERE delivery <> 2;
CREATE INDEX change_state ON change(task, delivery, at);
