"""The pure kernel: business hours and observations in, uptime and downtime out.

No I/O and no clock: `as_of` is always an argument. Every function takes columns of many stores
at once; a store is its position 0..n-1, an instant is an int64 of µs since the Unix epoch, UTC.

    hours.py    business hours           -> open intervals   (clocks.py: local time -> UTC)
    fill.py     open intervals + polls   -> segments         (beats.py: heartbeats -> segments)
    totals.py   segments x windows       -> figures          (hourly.py: hour by hour)

axis.py makes one sorted array of the instants of all stores; segments.py holds what fill.py and
beats.py share.
"""
