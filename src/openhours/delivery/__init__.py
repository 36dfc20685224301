"""Scheduled reports, and what goes out when a report or ingestion has ended."""
