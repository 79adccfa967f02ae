# One image for each service, the same file for all of them:
#   docker build --build-arg SERVICE=booking-svc -t haoyuan/booking-svc .
# The image runs the API; the worker, the migration and the dead-letter tool are the same image with another command.
# The payment sandbox and the mailbox, for development, are made of it too: --build-arg SERVICE=payment-sandbox --build-arg FOLDER=tools;
# and the audit, which is one package by itself: --build-arg SERVICE=audit --build-arg FOLDER=. --build-arg INTO=audit.

FROM python:3.12-slim AS libraries
RUN python -m venv --without-pip /opt/venv
COPY constraints.txt requirements/run.txt /src/
# Hash-checked byte code does not depend on file times: the same sources give the same layer.
RUN pip --python /opt/venv/bin/python install --no-cache-dir --no-compile -r /src/run.txt -c /src/constraints.txt \
    && python -m compileall -q --invalidation-mode unchecked-hash /opt/venv/lib

FROM libraries AS code
ARG FOLDER=services
ARG SERVICE
ARG INTO
WORKDIR /app
COPY libs/common/common common
COPY libs/roster/haoyuan_roster_format haoyuan_roster_format
COPY libs/waiting/haoyuan_waiting haoyuan_waiting
COPY ${FOLDER}/${SERVICE}/ ./${INTO}
# A missing or misspelt SERVICE ends the build here, not the container later.
RUN test -f ./${INTO:-*_s*}/__init__.py \
    && python -m compileall -q --invalidation-mode unchecked-hash .

FROM python:3.12-slim
ARG SERVICE
ENV SERVICE=${SERVICE} \
    PATH=/opt/venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONPATH=/app \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PORT=8000 \
    WORKER_PORT=8000
WORKDIR /app
COPY --from=libraries /opt/venv /opt/venv
COPY --from=code /app /app
# Where the payment sandbox and the mailbox have their volumes; the services keep nothing.
RUN install -d -o 10001 -g 10001 /data
USER 10001:10001
EXPOSE 8000
# API and worker answer /readyz on the same port, so one check fits both.
HEALTHCHECK --interval=15s --timeout=5s --start-period=120s --start-interval=4s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/readyz', timeout=4)"]
# /dev/shm: gunicorn's heartbeat files must not wait for a disk. `exec` makes gunicorn process 1, which gets SIGTERM.
CMD ["sh", "-c", "exec gunicorn -c python:common.gunicorn_conf --worker-tmp-dir /dev/shm \"common.run:api('${SERVICE}')\""]
