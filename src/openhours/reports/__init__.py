"""Reports: durable jobs that turn observations into uptime and downtime.

    trigger.py    a row of `reports` and its job in the queue, in one transaction
    job.py        run_report, in a worker: the stages that follow, in one snapshot
      plan.py       stores -> partitions
      executors.py  each partition -> a process of this machine or a Dask worker
      targets.py    labels -> each store's target, in a report with intervals
      partition.py  there: read (columns.py), fill and sum up (uptime/) -> figures
      write.py      figures -> rows of `report_rows`, as partitions come; then "complete"
    downloads.py  rows of `report_rows`, a page at a time
      layouts.py    -> a line a store, or a line a store and window
      formats.py    -> CSV, JSON, Parquet; xlsx.py -> a workbook

A store's page reads and fills one store by the same functions: timeline_query.py finds what it is
made of, timeline.py cuts it into pieces, explain.py says in a sentence why each counts as it does.
"""
