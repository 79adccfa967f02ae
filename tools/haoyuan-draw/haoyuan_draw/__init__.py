"""Repeats a draw from its public record, offline, with the standard library alone.

Written from the specification (docs/draws.md), not from the platform's code, of which it imports nothing: what two
programs find independently, one of them cannot have made up.

record   reads a record or a receipt, and is strict about its shape
merkle   the tree over the list of entrants
check    repeats the draw and compares
receipt  an entrant's proof that she took part
noted    what a record was compared with, and what not
fetch    files and URLs
cli      the command line
"""
