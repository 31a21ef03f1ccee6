# Python with a C compiler for packages in C: the stand-in for the official python image.
# images/build-base builds it for machines without access to an image registry.
ARG BASE
FROM $BASE
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends \
        python3 python3-venv python3-dev gcc pkg-config libmariadb-dev curl \
 && rm -rf /var/lib/apt/lists/*
CMD ["python3"]
