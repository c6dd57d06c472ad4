#!/bin/bash
# A real Triton Inference Server (the binary of the nvidia-pytriton wheel) on CPU and loopback, in the foreground.
# usage: run.sh HTTP_PORT [GRPC_PORT METRICS_PORT] | --install
# `batched` is a classic model with dynamic batching, `refusing` keeps no queue, `typed` has tensors of every type.
# Two models speak like TensorRT-LLM's: `ensemble` answers at once, `ensemble_stream` sends a word at a time.
set -euo pipefail
cd "$(dirname "$0")"
source ../common.sh
http=${1:?usage: run.sh HTTP_PORT [GRPC_PORT METRICS_PORT]}
environment triton nvidia-pytriton==0.7.0
python=$("$VENV/bin/python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
packages=$VENV/lib/python$python/site-packages
triton=$packages/pytriton/tritonserver

# The wheel keeps the Python backend and its stub for each Python apart; the server wants them in one folder. The stub
# starts Python isolated, without our environment, but with the backend's folder on its path: numpy goes there.
backends=$CACHE/triton-backends-$python
(
  flock 9
  [[ -f $backends/.installed ]] && exit
  mkdir -p "$backends/python"
  cp "$triton"/backends/python/{libtriton_python.so,triton_python_backend_utils.py} "$backends/python/"
  cp "$triton/python_backend_stubs/$python/triton_python_backend_stub" "$backends/python/"
  "$VENV/bin/pip" install --quiet --no-cache-dir --target "$backends/python" numpy==1.26.4 >&2
  touch "$backends/.installed"
) 9> "$backends.lock"
[[ $http == --install ]] && exit

libpython=$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_config_var("LIBDIR"))')
export LD_LIBRARY_PATH=$packages/nvidia_pytriton.libs:$libpython${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export PYTHONDONTWRITEBYTECODE=1
extra=(--allow-grpc=false --allow-metrics=false)
[[ $# -ge 3 ]] && extra=(--grpc-address=127.0.0.1 --grpc-port="$2" --metrics-address=127.0.0.1 --metrics-port="$3")
exec "$triton/bin/tritonserver" --model-repository="$PWD/models" --backend-directory="$backends" \
  --http-address=127.0.0.1 --http-port="$http" --http-thread-count=4 --exit-timeout-secs=5 \
  --allow-gpu-metrics=false "${extra[@]}"
