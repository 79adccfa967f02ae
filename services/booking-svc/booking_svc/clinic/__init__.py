"""The rules of the clinic day, pure: no clock, no database.

visits    a visit and its states: one table of moves
line      who is before whom: classes, segments, missed calls, and the bound for which nobody waits longer
checkin   when and with what proof one may check in
"""
