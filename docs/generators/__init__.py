"""One module for each kind of page. Deterministic: the same code gives the same bytes."""
