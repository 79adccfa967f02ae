"""schedule-svc: who sits where and when, how many numbers there are, and who has them.

Owns: hospitals, departments, doctors, sessions (出诊), slots (segments of a session), reservations, the waitlist (候补),
the log of rosters taken in.
Publishes: SlotReserved, SlotRejected, SlotWaitlisted, SlotReleased; SessionPublished, SessionChanged, SessionStopped;
ClinicRulesSet; RosterApplied.
Consumes: ReserveSlot, ReleaseSlot, OrderConfirmed, VisitCompleted, CreditChanged.
"""
