"""PostgreSQL, or SQLite as its fast double: the only place with SQL.

tables     what is kept, and the constraints that guard it
sql        statements over many rows for both databases
desk       sessions, slots and reservations of a run of orders: the hot path
catalogue  hospitals, their people, sessions by their codes
browse     what the API shows
figures    for the audit
"""
