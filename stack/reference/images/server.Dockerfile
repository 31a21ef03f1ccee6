# The dependencies of the Django site, without its code, which is mounted (compose.yaml), so that editing it needs no build.
# The context is the folder of compose.yaml; BASE is an official Python image or the stand-in of images/build-base.
ARG BASE=python:3.13-slim
FROM $BASE
# The C driver for MySQL has no wheels; health checks use curl.
RUN for tool in gcc pkg-config mariadb_config curl; do command -v "$tool" || missing=yes; done \
 && if [ -n "${missing:-}" ]; then \
        apt-get update -qq \
     && apt-get install -y -qq --no-install-recommends gcc libc6-dev pkg-config libmariadb-dev curl \
     && rm -rf /var/lib/apt/lists/*; \
    fi
RUN python3 -m venv /opt/venv
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
# A package index; the default index if empty.
ARG PIP_INDEX_URL=
COPY bookstore/requirements*.txt /srv/requirements/
RUN cd /srv/requirements && pip install --quiet --require-hashes $(printf -- '-r %s ' *.txt)
WORKDIR /srv/kneepoint/bookstore
