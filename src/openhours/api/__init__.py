"""Code that all routes share: dependencies, errors, bodies, headers, health and metrics."""
