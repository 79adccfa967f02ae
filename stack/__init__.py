"""The real system without containers: private servers, every service's processes, nginx in front. See `python -m stack`."""
