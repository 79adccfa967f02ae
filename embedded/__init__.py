"""All of Haoyuan in one process: SQLite, an in-process broker, and nothing to install but Python.

For trying it, for development, and for small clinics. The services, their outboxes and their saga are the same as on the
real stack; only what is between them differs. Survives kill -9 at any moment and goes on where it was.
"""
