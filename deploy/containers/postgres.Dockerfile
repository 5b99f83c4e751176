FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends postgresql-common \
    && sed -i 's/^#*create_main_cluster.*/create_main_cluster = false/' /etc/postgresql-common/createcluster.conf \
    && apt-get install -y --no-install-recommends postgresql-15 tini \
    && rm -rf /var/lib/apt/lists/* \
    && usermod --uid 10002 postgres \
    && install -d -o postgres -g postgres -m 0700 /var/lib/hetri/postgres
COPY deploy/postgres/postgresql.conf deploy/containers/watched.sh deploy/containers/postgres.sh /opt/hetri/
ENV PATH=/usr/lib/postgresql/15/bin:/usr/bin:/bin
USER 10002
ENTRYPOINT ["tini", "--", "/opt/hetri/postgres.sh"]
