# http2kafka in a container: docker build --tag http2kafka .
# With the login to Kafka by Kerberos: docker build --target kerberos --tag http2kafka:kerberos .
#
# For the labels: --build-arg REVISION=… --build-arg SOURCE=https://… (the repository).
# For a build that gives the same bytes, name the whole version: --build-arg NODE_VERSION=26.10.0
ARG NODE_VERSION=26
ARG DEBIAN=bookworm

FROM node:${NODE_VERSION}-${DEBIAN}-slim AS packages
# A registry of your own: --build-arg NPM_CONFIG_REGISTRY=https://npm.example.org/
ARG NPM_CONFIG_REGISTRY
WORKDIR /build
COPY package.json package-lock.json ./
# No install script runs. The Node among the packages is for machines without one: the image has that of its base.
RUN npm ci --ignore-scripts --no-audit --no-fund \
  && npm sbom --sbom-format cyclonedx --package-lock-only > sbom.json

# The native part of the login by Kerberos. The compiler stays in this stage.
FROM packages AS packages-kerberos
COPY tools/executable.ts tools/
COPY tools/kerberos/install.ts tools/kerberos/
RUN node tools/kerberos/install.ts

FROM packages AS build
COPY assembly assembly
RUN node node_modules/.bin/asc assembly/index.ts --config assembly/asconfig.json
COPY src src
COPY tools/bundle.ts tools/
RUN node tools/bundle.ts
COPY tools/installation tools/installation
COPY bin bin
COPY docs docs
COPY LICENSE README.md CHANGELOG.md UPGRADING.md SECURITY.md ./

# Debian and Node, without npm, and all that does not depend on the program.
FROM debian:${DEBIAN}-slim AS runtime
# A library that Node needs.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends libatomic1 \
  && rm -rf /var/lib/apt/lists/* /var/log/* /var/cache/*
COPY --from=packages /usr/local/bin/node /usr/local/bin/node
ENV NODE_ENV=production \
  PATH=/app/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  HTTP2KAFKA__SERVER__HOST=0.0.0.0
WORKDIR /app
# Events stay here while Kafka is unavailable. A new volume takes over folder, owner and mode. Mount a volume: without one the
# events are lost with the container. Any user of group 0 may write to it, as OpenShift runs containers.
RUN install -d -o 1000 -g 0 -m 770 /var/lib/http2kafka
VOLUME /var/lib/http2kafka
# A user without rights, as a number for Kubernetes' runAsNonRoot. The files belong to root: this user can read them and
# cannot change them. Any other number works as well.
USER 1000:1000
EXPOSE 8002
# On SIGTERM the proxy finishes its requests, for 10 s at most (server.graceful_shutdown_timeout_s), and ends about a
# second later. Give it 20 s, as in `docker stop --timeout 20`.
STOPSIGNAL SIGTERM
# The check finds out whether the process lives. It reads the same environment as the proxy: TLS, a Unix socket, another
# port, and a listener for monitoring (server.monitoring.port) need no change here. Flags behind `docker run … http2kafka`
# are not known to it: give those of the address in the environment. `health --ready` also asks whether events can be kept.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
  CMD ["http2kafka", "health", "--timeout", "4"]
# The launcher replaces itself by Node (exec), so that Node gets the signals. Flags and commands may follow:
# docker run … check-config
ENTRYPOINT ["http2kafka"]

# Kerberos' libraries, and kinit, kvno and klist. Mount an /etc/krb5.conf.
FROM runtime AS runtime-kerberos
USER 0
RUN apt-get update \
  && apt-get install --yes --no-install-recommends krb5-user \
  && rm -rf /var/lib/apt/lists/* /var/log/* /var/cache/*
USER 1000:1000

# What goes into /app, with a list of all that the image contains.
FROM build AS app-kerberos
COPY --from=packages-kerberos /build/node_modules/kerberos/build node_modules/kerberos/build
COPY --from=runtime-kerberos /var/lib/dpkg /runtime/var/lib/dpkg
COPY --from=runtime-kerberos /usr/share/doc /runtime/usr/share/doc
RUN node tools/installation/main.ts --into /app --with kerberos --debian /runtime --sbom sbom.json \
  --node-licence /usr/local/LICENSE

FROM build AS app
COPY --from=runtime /var/lib/dpkg /runtime/var/lib/dpkg
COPY --from=runtime /usr/share/doc /runtime/usr/share/doc
RUN node tools/installation/main.ts --into /app --debian /runtime --sbom sbom.json --node-licence /usr/local/LICENSE

FROM runtime-kerberos AS kerberos
ARG VERSION=0.2.0
ARG REVISION=unknown
ARG SOURCE
COPY --from=app-kerberos /app /app
LABEL org.opencontainers.image.title="http2kafka with Kerberos" \
  org.opencontainers.image.description="HTTP to Kafka proxy for OpenLineage events" \
  org.opencontainers.image.version=${VERSION} \
  org.opencontainers.image.revision=${REVISION} \
  org.opencontainers.image.source="${SOURCE}" \
  org.opencontainers.image.licenses=Apache-2.0 \
  org.opencontainers.image.documentation=/app/docs

FROM runtime
ARG VERSION=0.2.0
ARG REVISION=unknown
ARG SOURCE
COPY --from=app /app /app
LABEL org.opencontainers.image.title=http2kafka \
  org.opencontainers.image.description="HTTP to Kafka proxy for OpenLineage events" \
  org.opencontainers.image.version=${VERSION} \
  org.opencontainers.image.revision=${REVISION} \
  org.opencontainers.image.source="${SOURCE}" \
  org.opencontainers.image.licenses=Apache-2.0 \
  org.opencontainers.image.documentation=/app/docs
