"""Page visits, counted exactly."""
