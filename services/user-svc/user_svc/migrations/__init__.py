"""user-svc's schema, step by step."""
