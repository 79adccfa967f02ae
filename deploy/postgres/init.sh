#!/bin/bash
# Runs once, on an empty volume: a role and a database for each service, closed to the others.
# Passwords come from USER_DB_PASSWORD, SCHEDULE_DB_PASSWORD and so on, and are never on a command line.
set -euo pipefail

for name in user schedule booking payment; do
  DB_OWNER="${name}_svc" DB_PASSWORD_FROM="${name^^}_DB_PASSWORD" \
    psql --username "${POSTGRES_USER:-postgres}" --dbname postgres --no-psqlrc --quiet -v ON_ERROR_STOP=1 <<'SQL'
\getenv owner DB_OWNER
\getenv variable DB_PASSWORD_FROM
\getenv password :variable
CREATE ROLE :"owner" LOGIN PASSWORD :'password';
CREATE DATABASE :"owner" OWNER :"owner";
REVOKE ALL ON DATABASE :"owner" FROM PUBLIC;
SQL
done
