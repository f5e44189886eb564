"""What travels between processes: topics, headers, values. The only place where services meet."""
