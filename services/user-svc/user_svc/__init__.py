"""user-svc: who the users are.

Owns: accounts with their roles, logins (families of refresh tokens), patients (就诊人), their credit (信用记录), in PostgreSQL.
Publishes: UserRegistered, ContactChanged, CodeIssued, SecurityNoted, AccountDeleted, PatientSaved, CreditChanged.
Consumes: VisitMissed, VisitCompleted, OrderWithdrawn, SessionStopped.
"""
