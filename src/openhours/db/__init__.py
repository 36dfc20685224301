"""PostgreSQL: the engine, the embedded server, bulk transfer, the job queue."""
