"""The worker process: jobs, schedules and its supervisor."""
