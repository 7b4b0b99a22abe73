#!/bin/sh
# Stops the service when the package is removed. dpkg calls this with `remove`, rpm with 0; at an upgrade with other words.
set -eu

case $1 in
  remove | 0) ;;
  *) exit 0 ;;
esac
if [ -d /run/systemd/system ]; then
  systemctl stop http2kafka.service
fi
if command -v systemctl >/dev/null; then
  systemctl --no-reload --quiet disable http2kafka.service
fi
