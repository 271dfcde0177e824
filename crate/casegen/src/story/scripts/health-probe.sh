#!/bin/bash
# Delivered by deployment-pipeline with every release.
for port in 8080 8443; do
  if curl -skS -o /dev/null --max-time 5 "https://localhost:${port}/ready"; then
    echo "port ${port}: ready"
  else
    echo "port ${port}: not ready"
  fi
done
