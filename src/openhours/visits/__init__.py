"""Visits of pages, counted exactly."""
