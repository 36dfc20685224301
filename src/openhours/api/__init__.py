"""What all routes share: dependencies, errors, bodies, headers, health and metrics."""
