#!/bin/sh
# Makes the cluster with the role and database `hetri` where it is missing, and runs the server.
set -eu
base=/var/lib/hetri/postgres
password=$(cat /var/lib/hetri/database/password)
if [ ! -s "$base/data/PG_VERSION" ]; then
    rm -rf "$base/new"
    initdb -D "$base/new" --data-checksums -E UTF8 --locale=C.UTF-8 -U postgres --auth-local=peer --auth-host=scram-sha-256
    echo "host all all all scram-sha-256" >>"$base/new/pg_hba.conf"
    printf "CREATE ROLE hetri LOGIN PASSWORD '%s';\nCREATE DATABASE hetri OWNER hetri;\n" "$password" |
        postgres --single -D "$base/new" postgres
    mv "$base/new" "$base/data"
fi
sed "s|^listen_addresses.*|listen_addresses = '*'|; s|@sockets@|/tmp|" /opt/hetri/postgresql.conf >/tmp/postgresql.conf
exec postgres -D "$base/data" -c config_file=/tmp/postgresql.conf
