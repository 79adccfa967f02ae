"""Waiting times: what booking-svc tells patients and managers, and what the studies in bench/ measure it by.

formulas    M/M/1, M/M/c (Erlang C), M/G/c (Allen-Cunneen): steady states, with what they assume
service     how long a consultation takes: log-normal, learnt from few data, with those that are not over yet
observed    averages of a day that is not over: who still waits counts
line        a live queue as the models see it
usual       what is assumed of clinics where their past says little
simulate    what may become of a live queue: everybody's wait, in many runs at once
away        ... with those who are sent to examinations and come back
day         whole days: what one more doctor would change

Times are seconds, rates are per second. Nothing here knows a database, a clock, or a patient.
"""
