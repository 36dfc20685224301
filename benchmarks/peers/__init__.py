"""The default report as a script in another engine's own idiom: peers to measure against."""
