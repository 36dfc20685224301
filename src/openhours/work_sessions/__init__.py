"""Work sessions: start, stop, save, list, and the overview by day, week and month."""
