"""Notifications by which PostgreSQL wakes those who wait for reports, see `api.changes`."""

from sqlalchemy import func

from openhours.reports.tables import Report

# Channels; each message is a report's id.
ENDED, PROGRESS = ALL = "report_ended", "report_progress"
# For the statement that changes a report to return: who waits is woken when it is committed.
TELL_ENDED = func.pg_notify(ENDED, Report.report_id)
TELL_PROGRESS = func.pg_notify(PROGRESS, Report.report_id)
