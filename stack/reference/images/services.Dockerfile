# nginx, HAProxy, Redis, Memcached and MySQL from Debian packages: one stand-in for five official images.
# images/build-base builds it for machines without access to an image registry.
ARG BASE
FROM $BASE
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends \
        nginx-light haproxy redis-server memcached mysql-server-core mysql-client-core curl \
 && rm -rf /var/lib/apt/lists/* \
 && (getent passwd mysql >/dev/null || useradd --system --user-group --home-dir /nonexistent --shell /usr/sbin/nologin mysql) \
 && install -d -o mysql -g mysql -m 750 /var/lib/mysql /var/lib/mysql-files \
 && install -d -o mysql -g mysql -m 755 /run/mysqld
COPY services-entrypoint /usr/local/bin/services-entrypoint
ENTRYPOINT ["bash", "/usr/local/bin/services-entrypoint"]
CMD ["bash"]
