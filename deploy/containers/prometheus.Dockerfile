# Prometheus with Hetri's alert rules; its configuration comes from the service `prepare`.
FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends prometheus tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin hetri \
    && install -d -o hetri -g hetri /var/lib/hetri/prometheus /var/lib/hetri/metrics
COPY deploy/prometheus/rules.yml /opt/hetri/prometheus/
COPY deploy/containers/watched.sh /opt/hetri/
USER 10001
ENTRYPOINT ["tini", "--", "/opt/hetri/watched.sh", "promtool check healthy --url=http://127.0.0.1:9090"]
CMD ["prometheus", "--config.file=/var/lib/hetri/prometheus/prometheus.yml", "--storage.tsdb.path=/var/lib/hetri/metrics", \
     "--storage.tsdb.retention.time=30d", "--storage.tsdb.retention.size=2GB", "--web.listen-address=0.0.0.0:9090"]
