FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends redis-server redis-tools tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin hetri
USER 10001
# Queues and live news only: what must last is in PostgreSQL, and the sweeps find it again there.
ENTRYPOINT ["tini", "--", "sh", "-c", "exec redis-server --port 6379 --bind '* -::*' --save '' --appendonly no --dir /tmp --requirepass \"$(cat /var/lib/hetri/queue/password)\""]
