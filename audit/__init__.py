"""Compares the services' own figures and names each broken invariant with what it concerns."""
