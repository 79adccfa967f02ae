"""user-svc. Owns: accounts, roles, patients (就诊人)."""
