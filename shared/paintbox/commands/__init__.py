"""The operator's commands, one file a group: plain functions that `paintbox` registers."""
