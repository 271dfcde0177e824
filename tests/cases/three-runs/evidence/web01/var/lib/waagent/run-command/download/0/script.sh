#!/bin/sh
id; uname -a
