#!/bin/bash
# A receiver of OpenTelemetry's protocol, on loopback, in the foreground: it reads what comes with OpenTelemetry's own
# messages (the package opentelemetry-proto), and tells it as JSON at /received.
# usage: run.sh --install | run.sh PORT
set -euo pipefail
cd "$(dirname "$0")"
source ../common.sh
environment otlp opentelemetry-proto==1.45.2
[[ ${1:-} == --install ]] && exit
exec "$VENV/bin/python" -I receiver.py "${1:?usage: run.sh PORT}"
