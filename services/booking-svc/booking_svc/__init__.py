"""booking-svc. Owns: orders and the saga."""
