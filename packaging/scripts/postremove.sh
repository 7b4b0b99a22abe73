#!/bin/sh
# dpkg calls this with `remove`, and with `purge` when the settings go as well. rpm calls it with 0.
# The user stays: files of its own may be anywhere, and its number must not come to another user.
set -eu

if [ "$1" = purge ]; then
  spool=/var/lib/http2kafka
  # Every other file holds events, parked or damaged ones as well.
  if [ -n "$(find "$spool/" -type f ! -name 'lock.sqlite*' ! -name owner 2>/dev/null | head -n 1)" ]; then
    echo "$spool stays: it holds events that senders regard as delivered and that are not in Kafka." >&2
    echo 'Install http2kafka again to deliver them, or delete the folder.' >&2
  else
    rm -rf "$spool"
  fi
  # What the operator has installed for the program, such as libraries of clouds.
  rm -rf /usr/lib/http2kafka
fi
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
fi
