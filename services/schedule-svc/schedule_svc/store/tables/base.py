"""What all tables of schedule-svc belong to, and what several of them compute."""

from sqlalchemy import MetaData

metadata = MetaData()

PERSON_OF = "CASE length(patient_id) WHEN 44 THEN substr(patient_id, 29) WHEN 28 THEN substr(patient_id, 5, 16) ELSE patient_id END"
"""`common.ids.person_of` of the column patient_id. The database computes it: also for rows that another release writes."""
