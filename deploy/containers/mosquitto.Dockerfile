FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends mosquitto python3-minimal tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin hetri \
    && install -d -o hetri -g hetri -m 0700 /var/lib/hetri/mosquitto
COPY deploy/reload_watcher.py deploy/speaks.py deploy/containers/watched.sh deploy/containers/mosquitto.sh /opt/hetri/
USER 10001
ENTRYPOINT ["tini", "-g", "--", "/opt/hetri/mosquitto.sh"]
