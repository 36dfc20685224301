"""Stores: their time zones, business hours, labels, corrections and observations."""
