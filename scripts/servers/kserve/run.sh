#!/bin/bash
# The real Python model server of KServe with a small classic model, on loopback, in the foreground.
# usage: run.sh HTTP_PORT [GRPC_PORT] | --install
# One model, `tiny`, by the older protocol (V1), by the Open Inference Protocol (V2), and with GRPC_PORT by gRPC.
set -euo pipefail
cd "$(dirname "$0")"
source ../common.sh
environment kserve kserve==0.21.0
[[ ${1:-} == --install ]] && exit
http=${1:?usage: run.sh HTTP_PORT [GRPC_PORT]}
grpc=(--enable_grpc false)
[[ $# -ge 2 ]] && grpc=(--enable_grpc true --grpc_port "$2")
export PYTHONDONTWRITEBYTECODE=1
exec "$VENV/bin/python" model.py --http_port "$http" "${grpc[@]}" --enable_docs_url false
