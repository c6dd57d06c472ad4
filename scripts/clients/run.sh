#!/bin/bash
# Runs a Python script with the clients that people use against model servers: openai and tritonclient.
# usage: run.sh SCRIPT [ARGUMENT...] | --install
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../servers/common.sh"
environment clients openai==3.54.0 'tritonclient[http]==2.73.0' numpy==2.4.6
[[ ${1:-} == --install ]] && exit
exec "$VENV/bin/python" -I "$@"
