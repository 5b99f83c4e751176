#!/bin/sh
# Makes the cluster with its roles and the database `hetri` where it is missing, and runs the server.
set -eu
base=/var/lib/hetri/postgres
password=$(cat /var/lib/hetri/database/password)
backup_password=$(cat /var/lib/hetri/database/backup-password)
if [ ! -s "$base/data/PG_VERSION" ]; then
    rm -rf "$base/new"
    initdb -D "$base/new" --data-checksums -E UTF8 --locale=C.UTF-8 -U postgres --auth-local=peer --auth-host=scram-sha-256
    echo "host all all all scram-sha-256" >>"$base/new/pg_hba.conf"
    printf "CREATE ROLE hetri LOGIN;\nCREATE DATABASE hetri OWNER hetri;\n" | postgres --single -D "$base/new" postgres
    mv "$base/new" "$base/data"
fi
# Who makes backups may read the log and copy the files, and nothing else. Older clusters do not have it yet.
if ! grep -q hetri_backup "$base/data/pg_hba.conf"; then
    echo "CREATE ROLE hetri_backup LOGIN REPLICATION IN ROLE pg_read_all_stats;" | postgres --single -D "$base/data" postgres
    echo "host replication hetri_backup all scram-sha-256" >>"$base/data/pg_hba.conf"
fi
# At each start: after a restore the cluster may know the passwords of another installation.
printf "ALTER ROLE hetri PASSWORD '%s';\nALTER ROLE hetri_backup PASSWORD '%s';\n" "$password" "$backup_password" |
    postgres --single -D "$base/data" postgres
sed "s|^listen_addresses.*|listen_addresses = '*'|; s|@sockets@|/tmp|" /opt/hetri/postgresql.conf >/tmp/postgresql.conf
# 1: it is there and takes nobody yet, as while it replays its log after a crash.
exec /opt/hetri/watched.sh "pg_isready -q -h /tmp -t 4 || [ \$? -eq 1 ]" \
    postgres -D "$base/data" -c config_file=/tmp/postgresql.conf
