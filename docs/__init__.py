"""Documentation; `generate` writes the pages that follow from the code."""
