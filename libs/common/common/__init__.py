"""The chassis: knows how to run a service, and no word of hospitals outside messages.py."""
