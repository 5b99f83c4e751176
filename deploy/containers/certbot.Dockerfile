# Certbot, and what puts a new certificate in place.
FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install -y --no-install-recommends certbot openssl tini \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin hetri \
    && install -d -o hetri -g hetri -m 0700 /var/lib/hetri/acme /var/lib/hetri/certificate \
    && install -d -o hetri -g hetri /var/lib/hetri/webroot
COPY deploy/certbot/certificate.py deploy/containers/watched.sh /opt/hetri/
USER 10001
ENTRYPOINT ["tini", "--", "/opt/hetri/watched.sh", "true", "python3", "/opt/hetri/certificate.py"]
CMD ["--acme", "/var/lib/hetri/acme", "--into", "/var/lib/hetri/certificate/server.pem"]
