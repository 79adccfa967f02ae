"""What all tables of schedule-svc belong to."""

from sqlalchemy import MetaData

metadata = MetaData()
