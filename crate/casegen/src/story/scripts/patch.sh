#!/bin/bash
# Nightly patching, asked for by patch-automation.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -y -o Dpkg::Options::=--force-confold upgrade | tail -n 3
if [ -f /var/run/reboot-required ]; then
  echo "restart needed"
fi
echo "patching done on $(hostname)"
