"""The rules of the clinic day, pure: no clock, no database.

visits    a visit and its states: one table of moves
line      who is before whom: classes, segments, missed calls, and the bound for which nobody waits longer
queue     what is true of a whole line, and its desks: time that never goes back, pauses, numbers
staff     who may act in a queue
checkin   when and with what proof one may check in
ending    when a queue's day is over, and what that makes of who is still in it
"""
