#!/bin/sh
# After an install the operator names the brokers and starts the service. After an upgrade a running service restarts.
# dpkg calls this with `configure` and the old version, which is empty at an install. rpm calls it with 1 or 2, and
# restarts later, when the old files have gone (posttrans.sh).
set -eu

[ -d /run/systemd/system ] || exit 0
systemctl daemon-reload
if [ "$1" = configure ] && [ -n "${2-}" ]; then
  systemctl try-restart http2kafka.service ||
    echo 'http2kafka did not start again; see: journalctl --unit http2kafka' >&2
fi
