"""`make bench`: ratios, measured side by side in one run, since machines are noisy."""
