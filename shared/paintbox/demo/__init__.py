"""`paintbox demo`: traffic of both vendors through the whole stack, compared field by field at the end."""
