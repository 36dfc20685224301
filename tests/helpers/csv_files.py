"""Files of one store, as they are uploaded, and the CSV of a report."""

import csv
import io

ID = "8139926242460185114"  # 19 digits: a float would round them


def status_csv(polls: list[str], store: str = ID) -> bytes:
    rows = (poll.rsplit(" ", 1) for poll in polls)
    lines = [f"{store},{status},{instant} UTC" for instant, status in rows]
    return "\n".join(["store_id,status,timestamp_utc", *lines, ""]).encode()


def hours_csv(hours: list[tuple[int, str, str]], store: str = ID) -> bytes:
    lines = [f"{store},{day},{opens},{closes}" for day, opens, closes in hours]
    return "\n".join(["store_id,day,start_time_local,end_time_local", *lines, ""]).encode()


def zone_csv(zone: str = "UTC", store: str = ID) -> bytes:
    return f"store_id,timezone_str\n{store},{zone}\n".encode()


def rows_of(text: str) -> dict[str, dict[str, str]]:
    return {row["store_id"]: row for row in csv.DictReader(io.StringIO(text))}
