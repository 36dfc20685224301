# Debian's PostgreSQL, used like the image postgres.
FROM localhost/debian-python
RUN apt-get update && apt-get install --yes --no-install-recommends postgresql-15 \
    && rm -r /var/lib/postgresql/15 && install -d -o postgres -m 3777 /run/postgresql
COPY --chmod=755 start_postgres.sh /
ENV PATH=/usr/lib/postgresql/15/bin:$PATH
VOLUME /var/lib/postgresql
CMD ["/start_postgres.sh"]
