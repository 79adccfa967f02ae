"""The catalogue of messages: every command and event that crosses a service's border.

A message is a frozen dataclass with an explicit wire name and version, apart from the class name, so that renaming code
never changes the wire. Fields are validated on the way in and out. A published version never changes: a new version is a
new class under the same name, the old one moves to older.py and reads as the new one, and golden files prove that it does.
docs/messages.md and docs/asyncapi.yaml are generated from here.

catalogue   how a class becomes a message
parts       what messages are made of
booking, clinic, schedule, payment, user    what each service sends
older       versions that nobody sends any more
"""

from common.messages.booking import *  # noqa: F403  one place to import from
from common.messages.catalogue import *  # noqa: F403
from common.messages.clinic import *  # noqa: F403
from common.messages.older import *  # noqa: F403
from common.messages.parts import *  # noqa: F403
from common.messages.payment import *  # noqa: F403
from common.messages.schedule import *  # noqa: F403
from common.messages.user import *  # noqa: F403
