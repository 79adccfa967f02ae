"""What notify-svc can do."""
