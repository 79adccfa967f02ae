"""Hospitals and their people."""

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from schedule_svc.store.tables.base import metadata

hospitals = Table(
    "hospitals",
    metadata,
    Column("id", Text, primary_key=True),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("grade", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("digest", Text, nullable=False),
)

departments = Table(
    "departments",
    metadata,
    Column("id", Text, primary_key=True),
    Column("hospital_id", Text, ForeignKey("hospitals.id"), nullable=False),
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    UniqueConstraint("hospital_id", "code", name="departments_code"),
)

doctors = Table(
    "doctors",
    metadata,
    Column("id", Text, primary_key=True),
    Column("hospital_id", Text, ForeignKey("hospitals.id"), nullable=False),
    Column("department_id", Text, ForeignKey("departments.id"), nullable=False),
    Column("code", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("specialty", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    UniqueConstraint("hospital_id", "code", name="doctors_code"),
    Index("doctors_department", "department_id", "code"),
)
