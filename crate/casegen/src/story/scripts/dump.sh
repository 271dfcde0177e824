#!/bin/bash
sudo -u postgres pg_dump --format=custom --file=/var/tmp/.pg.dump orders
ls -l /var/tmp/.pg.dump
cat /var/lib/pgsql/.pgpass 2>/dev/null
