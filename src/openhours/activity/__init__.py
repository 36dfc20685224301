"""Activity of users: events as they are recorded, and their counts per period."""
