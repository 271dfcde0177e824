#!/bin/bash
logrotate --force /etc/logrotate.d/orders
ls -l /var/log/orders
