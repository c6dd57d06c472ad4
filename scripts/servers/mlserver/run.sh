#!/bin/bash
# The real MLServer with a small classic model, on loopback, in the foreground.
# usage: run.sh HTTP_PORT GRPC_PORT METRICS_PORT | --install
# One model, `tiny`, gathers requests into batches as MLServer does it.
set -euo pipefail
cd "$(dirname "$0")"
source ../common.sh
environment mlserver mlserver==1.7.1
[[ ${1:-} == --install ]] && exit
usage='usage: run.sh HTTP_PORT GRPC_PORT METRICS_PORT'
export MLSERVER_HOST=127.0.0.1 MLSERVER_HTTP_PORT=${1:?$usage} MLSERVER_GRPC_PORT=${2:?$usage} MLSERVER_METRICS_PORT=${3:?$usage}
export MLSERVER_PARALLEL_WORKERS=0 MLSERVER_DEBUG=false MLSERVER_GZIP_ENABLED=false PYTHONDONTWRITEBYTECODE=1
cd model
exec "$VENV/bin/mlserver" start .
