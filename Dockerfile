# One image for the server and the workers: docker-compose.yml runs both.
ARG PYTHON_IMAGE=python:3.13.14-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
WORKDIR /build
# The tools that build stay in this stage.
RUN python3 -m venv /opt/tools \
    && echo "setuptools==84.2.1 --hash=sha256:ca140b45d5325a9478f880e351484f62fef15f336462e449ca0c03c873d589c2" > tools.txt \
    && /opt/tools/bin/python -m pip install --no-cache-dir --requirement tools.txt
RUN python3 -m venv /opt/openhours
COPY requirements.txt ./
RUN /opt/openhours/bin/python -m pip install --no-cache-dir --requirement requirements.txt
COPY . ./
RUN /opt/tools/bin/python -m pip wheel --no-build-isolation --no-deps --wheel-dir dist . \
    && /opt/openhours/bin/python -m pip install --no-cache-dir --no-deps dist/openhours-*.whl \
    && /opt/openhours/bin/python -m pip check \
    && /opt/openhours/bin/python -m pip uninstall --yes pip

FROM ${PYTHON_IMAGE}
# A fixed number, so that the owner of a volume stays the same from image to image.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /var/lib/openhours \
        --shell /usr/sbin/nologin openhours \
    && install -d -o openhours -g openhours /var/lib/openhours/home /var/lib/openhours/inbox
COPY --from=build /opt/openhours /opt/openhours
ENV PATH=/opt/openhours/bin:$PATH \
    OPENHOURS_HOST=0.0.0.0 \
    OPENHOURS_PORT=8000 \
    OPENHOURS_DATA_DIR=/var/lib/openhours/home \
    OPENHOURS_INBOX=/var/lib/openhours/inbox
WORKDIR /var/lib/openhours
USER 10001:10001
# All that is ever written, but for /tmp: the root filesystem may be read-only.
VOLUME /var/lib/openhours/home
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['OPENHOURS_PORT'] + '/health', timeout=4)"]
CMD ["openhours", "serve"]
