"""The pure kernel: business hours and observations in, uptime and downtime out.

No I/O and no clock: `as_of` is always an argument. Every function takes columns of many stores
at once; a store is its position 0..n-1, an instant is an int64 of µs since the Unix epoch, UTC.

    dates.py        rows of hours             -> opening and closing on each local date
    hours.py        opening and closing       -> open intervals  (clocks.py: local time -> UTC)
    fill.py         open intervals + polls    -> segments        (beats.py: heartbeats -> segments)
    corrections.py  segments + corrections    -> segments
    windows.py      windows in local time     -> bounds for each store
    totals.py       segments x bounds         -> figures         (hourly.py: hour by hour)
    outages.py      segments                  -> outages
    intervals/      polls, segments           -> how sure the uptime is

axis.py makes one sorted array of the instants of all stores; segments.py holds what fill.py and
beats.py share.
"""
