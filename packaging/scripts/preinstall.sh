#!/bin/sh
# Makes the system user of the service, before its files are unpacked: some belong to its group. dpkg and rpm call this
# at each install and upgrade.
set -eu

if ! getent group http2kafka >/dev/null; then
  groupadd --system http2kafka
fi
if ! getent passwd http2kafka >/dev/null; then
  useradd --system --gid http2kafka --home-dir /var/lib/http2kafka --no-create-home --shell /usr/sbin/nologin \
    --comment 'HTTP to Kafka proxy' http2kafka
fi
