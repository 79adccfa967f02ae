"""What schedule-svc can do.

orders    reserve, release and sell numbers: the messages of orders, a run at a time
rosters   take in what a hospital publishes
sessions  stop a session, add numbers to it
"""
