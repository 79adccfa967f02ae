"""Measures the real system beside its limits: `python -m bench` (or `make bench`). docs/performance.md tells what comes out.

load     the clients: a lean loop over keep-alive sockets, in a process of its own
cpu      CPU time of every process of the system, by group
pgbench  the limit: the same statements by pgbench, on the same PostgreSQL, in the same minute
world    the system to measure: rosters, patients, tokens
figures  what is measured, each a function; rosters, draws, waits: those of them that need room of their own
report   the table and the JSON file

How often intervals of waiting times hold is no matter of speed, and no figure of these: `python -m bench.waits_report` (docs/waiting.md).
plain is the rule of a line in plain Python, clinics the days that waits_study looks at.
"""
