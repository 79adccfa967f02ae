"""schedule-svc. Owns: hospitals, departments, doctors, sessions, slots, reservations."""
