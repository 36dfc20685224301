"""What users did: events as they are recorded, and their counts per period."""
