# The broker, and its plugin compiled against this very version's headers.
FROM debian:bookworm-slim AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends gcc libc6-dev libmosquitto-dev mosquitto-dev uthash-dev \
    && rm -rf /var/lib/apt/lists/*
COPY deploy/mosquitto/build_plugin.sh deploy/mosquitto/collar_rights.c /tmp/
RUN /tmp/build_plugin.sh /tmp/collar_rights.so

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends mosquitto python3-minimal tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin hetri \
    && install -d -o hetri -g hetri -m 0700 /var/lib/hetri/mosquitto
COPY deploy/reload_watcher.py deploy/speaks.py deploy/containers/watched.sh deploy/containers/mosquitto.sh /opt/hetri/
COPY --from=build /tmp/collar_rights.so /opt/hetri/
USER 10001
ENTRYPOINT ["tini", "-g", "--", "/opt/hetri/mosquitto.sh"]
