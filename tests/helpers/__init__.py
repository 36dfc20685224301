"""What tests share: a running service, clients, sample data."""
