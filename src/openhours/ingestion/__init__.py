"""Files into the database.

What happens to a file, and to each row of it:

    receive     uploads, inbox     the file is on the disk of this machine
    queue       write.add_ingestion    one row of `ingestions` and one job, in one transaction
    run         job.run_ingestion      a worker counts the attempt; the rest happens in a child
    ingest      ingest.ingest_file     one transaction and one lock around everything below
      resume    resume                 a grown file: what was loaded before is not parsed again
      read      csv                    good rows as columns, rejected rows with their reason
      load      load_status, load_hours, load_special_hours, load_timezones, load_labels
                                       rows into their tables; polls are sorted by day on the way
      stage     staging                all but polls: into a temporary table first
      reject    rejects                rejected rows into `rejected_rows`: the first 10,000
      complete  write.complete         counts, hash, and state of the ingestion
"""
