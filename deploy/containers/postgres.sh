#!/bin/sh
# Makes the cluster with its roles and the database `hetri` where it is missing, and runs the server.
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
# Who makes backups may read the log and copy the files, and nothing else. Older clusters do not have it yet.
if ! grep -q hetri_backup "$base/data/pg_hba.conf"; then
    printf "CREATE ROLE hetri_backup LOGIN REPLICATION PASSWORD '%s' IN ROLE pg_read_all_stats;\n" \
        "$(cat /var/lib/hetri/database/backup-password)" | postgres --single -D "$base/data" postgres
    echo "host replication hetri_backup all scram-sha-256" >>"$base/data/pg_hba.conf"
fi
sed "s|^listen_addresses.*|listen_addresses = '*'|; s|@sockets@|/tmp|" /opt/hetri/postgresql.conf >/tmp/postgresql.conf
exec postgres -D "$base/data" -c config_file=/tmp/postgresql.conf
