#!/bin/bash
used=$(df --output=pcent /srv/www | tail -n 1 | tr -dc 0-9)
echo "in use: ${used} %"
if [ "$used" -gt 80 ]; then
  echo "/srv/www is over 80 %" >&2
  exit 2
fi
