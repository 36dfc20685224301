"""Reports by the clock, and what goes out when a report or ingestion has ended."""
