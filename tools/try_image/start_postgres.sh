#!/bin/sh -e
# Make the database at the first start, as the image postgres does; then be its server.
export PGDATA=/var/lib/postgresql/data
if [ ! -d $PGDATA ]; then
    echo "$POSTGRES_PASSWORD" > /tmp/password
    initdb --username="$POSTGRES_USER" --pwfile=/tmp/password > /dev/null
    echo 'host all all all scram-sha-256' >> $PGDATA/pg_hba.conf
    echo "CREATE DATABASE $POSTGRES_DB" | postgres --single template1 > /dev/null
fi
exec postgres -h '*'
