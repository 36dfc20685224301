"""Reports: durable jobs that turn observations into uptime and downtime."""
