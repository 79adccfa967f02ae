"""haoyuan-roster: checks a hospital's roster, publishes it to Haoyuan over AMQP, and shows what became of it.

hours, money, encoding   what people write, read exactly
csvfile, plan            a CSV file's lines, and the sessions that they stand for
jsonfile                 a JSON document, read row by row
roster                   one file looked at: its sound rows, kept on disk, and what is wrong with the others
ledger                   which version a row was last sent under
parts                    the events that a roster becomes
link                     the broker: publishing with confirms, reading results
show                     tables and progress
cli                      the commands

Knows of the platform nothing but the format (haoyuan_roster_format) and two names on the broker.
"""
