FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends redis-server redis-tools tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin hetri
COPY deploy/containers/watched.sh deploy/containers/redis.sh /opt/hetri/
USER 10001
ENTRYPOINT ["tini", "--", "/opt/hetri/redis.sh"]
