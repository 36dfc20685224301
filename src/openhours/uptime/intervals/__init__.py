"""How sure is an uptime that polls an hour apart tell? docs/spec.md, "How sure".

    gaps.py      polls + open time      -> gaps, whole or in pieces, of each window
    cells.py     whole gaps             -> counts by kind and length
    bridge.py    a gap's ends, rates    -> moments of its up time; likelihood
    rates.py     counts                 -> likelihood on a grid of rates; the fleet's prior
    sums.py      counts, pieces, rates  -> a window's moments, and how likely it is all or nothing
    mixture.py   all of it              -> expected uptime, p05 and p95  (beta.py: quantiles)
    verdicts.py  p05 and p95, target    -> met, missed, or neither
    reliability.py  every second poll, predicted from the others

A store's interval has the same bytes whatever stores are computed with it.
"""
