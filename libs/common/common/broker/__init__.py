"""How committed messages travel: through RabbitMQ, or within this process in embedded mode.

topology   names and declaration of everything in RabbitMQ
publisher  pika: a window of publisher confirms, matched by tag
wire       the publisher's hot paths, in bytes
consumer   kombu: batches of what is there now, acknowledged after the commit
inprocess  the same promises without a broker
dlq        the command that lists, replays and drops parked messages

Only here pika and kombu may be imported. Nothing is imported by this page itself: embedded mode needs neither.
"""
