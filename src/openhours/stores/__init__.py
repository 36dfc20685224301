"""Stores: their time zones, business hours and observations, and how these get in."""
