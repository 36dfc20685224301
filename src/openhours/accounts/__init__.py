"""Users, tokens and API keys: who is asking, and what may be answered."""
