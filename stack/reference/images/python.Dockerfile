# Python with what a package in C needs to be built: the stand-in for the official python image.
# Built by images/build-base where no image registry can be reached.
ARG BASE
FROM $BASE
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends \
        python3 python3-venv python3-dev gcc pkg-config libmariadb-dev curl \
 && rm -rf /var/lib/apt/lists/*
CMD ["python3"]
