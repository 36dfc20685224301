"""Heartbeats of PCs: what the server keeps of them, and the agent that sends them."""
