"""Read and check CSV files: good rows as columns, bad ones with their reason. Pure."""
