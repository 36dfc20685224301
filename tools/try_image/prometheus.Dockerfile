# Debian's Prometheus, used like prom/prometheus.
FROM localhost/debian-python
RUN apt-get update && apt-get install --yes --no-install-recommends prometheus \
    && install -d -o nobody /prometheus
USER nobody
VOLUME /prometheus
