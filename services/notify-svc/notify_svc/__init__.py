"""notify-svc. Owns: notifications and their delivery log (MongoDB)."""
