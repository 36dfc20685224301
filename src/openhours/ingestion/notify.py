"""Notifications by which PostgreSQL wakes those who follow ingestions, see `api.changes`."""

from sqlalchemy import func

from openhours.ingestion.tables import Ingestion

# A channel; each message is an ingestion's id.
CHANGED = "ingestion_changed"
ALL = (CHANGED,)
# For the statement that changes an ingestion to return: who waits is woken when it is committed.
# Statements that are SQL spell it out.
TELL_CHANGED = func.pg_notify(CHANGED, Ingestion.ingestion_id)
