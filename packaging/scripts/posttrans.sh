#!/bin/sh
# rpm calls this last, at an install and at an upgrade. A service that does not run stays so.
set -eu

[ -d /run/systemd/system ] || exit 0
systemctl try-restart http2kafka.service ||
  echo 'http2kafka did not start again; see: journalctl --unit http2kafka' >&2
