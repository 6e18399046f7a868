# Pinned by exact tags. To pin by digest too, append the digest of your platform's image: …@sha256:….
FROM python:3.13.16-slim-trixie AS build
WORKDIR /src
RUN python -m venv /opt/longshore
COPY constraints-runtime.txt .
RUN /opt/longshore/bin/pip install --no-cache-dir --no-deps --require-hashes --requirement constraints-runtime.txt
COPY . .
RUN /opt/longshore/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
 && /opt/longshore/bin/pip uninstall --yes setuptools

FROM python:3.13.16-slim-trixie
COPY --from=build /opt/longshore /opt/longshore
# A fixed id, so that files on the host, such as the App's key, can be given to this user.
RUN useradd --system --uid 10001 --user-group --home-dir /var/lib/longshore --create-home longshore
USER 10001:10001
WORKDIR /var/lib/longshore
# The database, when it is SQLite. Nothing else is written to: the root file system can be read-only.
VOLUME /var/lib/longshore
ENV PATH=/opt/longshore/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    LONGSHORE_HOST=0.0.0.0 \
    LONGSHORE_DATABASE_URL=sqlite:///var/lib/longshore/longshore.db
# `serve` and `work`
EXPOSE 8080 8081
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s CMD ["longshore", "health"]
CMD ["longshore", "serve"]
