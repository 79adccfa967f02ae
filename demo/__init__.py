"""A believable demo: two hospitals with their rosters, and accounts for every role. Published as hospitals and people would."""
