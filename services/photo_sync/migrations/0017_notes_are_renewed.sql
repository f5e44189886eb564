-- A note that is done beside the batches, a slice by turns, is renewed with each slice, so that no other copy of the service takes
-- it for one that was left behind: created_at is when it was last worked at.

GRANT UPDATE (created_at) ON projects.projection_todo TO paintbox_photo_sync;
