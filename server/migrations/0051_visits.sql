-- Visits of an object in a year are counted for every frame and shown with the object (K3).
CREATE INDEX tasks_by_object ON tasks (object, from_date);
