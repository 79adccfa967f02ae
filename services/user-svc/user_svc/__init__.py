"""user-svc: who the users are.

Owns: accounts with their roles, logins (families of refresh tokens), patients (就诊人), in PostgreSQL.
Publishes: UserRegistered, PatientSaved. Consumes: nothing.
"""
