-- photo_sync does not call it: what will, gets the right with it.

REVOKE EXECUTE ON FUNCTION projects.validate_federation_references() FROM paintbox_photo_sync;
