#!/bin/bash
# The real TorchServe with two small models, on CPU and loopback, in the foreground. Needs Java 11 or later.
# usage: run.sh PORT MANAGEMENT_PORT METRICS_PORT | --install
# `mlp` gathers requests into batches; `refusing` is slow and keeps a queue of one.
# Stop the whole process group: the server and its workers outlive the process that started them.
set -euo pipefail
cd "$(dirname "$0")"
source ../common.sh
command -v java > /dev/null || { echo 'torchserve: no java: install Java 17 (Debian and Ubuntu: apt-get install openjdk-17-jre-headless)' >&2; exit 1; }

# PyTorch is 5 GB: one copy serves this and transformers.
../transformers/run.sh --install
torch=$(echo "$CACHE"/venv-transformers/lib/python*/site-packages)
environment torchserve torchserve==0.12.0 torch-model-archiver==0.12.0 pyyaml==6.0.3 'setuptools<81'
echo "$torch" > "$(echo "$VENV"/lib/python*/site-packages)/torch.pth"

store=$CACHE/torchserve-models-$(cat make_models.sh handler.py mlp.yaml refusing.yaml | sha256sum | cut -c1-12)
if [[ ! -d $store ]]; then
  (
    flock 9
    [[ -d $store ]] && exit
    rm -rf "$store.part"
    mkdir "$store.part"
    PATH=$VENV/bin:$PATH ./make_models.sh "$store.part" >&2
    mv "$store.part" "$store"
  ) 9> "$store.lock"
fi
[[ ${1:-} == --install ]] && exit
usage='usage: run.sh PORT MANAGEMENT_PORT METRICS_PORT'
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/config.properties" << END
inference_address=http://127.0.0.1:${1:?$usage}
management_address=http://127.0.0.1:${2:?$usage}
metrics_address=http://127.0.0.1:${3:?$usage}
# It has no switch for gRPC: any free ports.
grpc_inference_port=0
grpc_management_port=0
disable_token_authorization=true
enable_envvars_config=false
number_of_netty_threads=2
metrics_mode=prometheus
install_py_dep_per_model=false
load_models=all
vmargs=-Xmx512m
END
export PATH=$VENV/bin:$PATH TMPDIR=$folder TEMP=$folder LOG_LOCATION=$folder METRICS_LOCATION=$folder OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE=1
torchserve --foreground --start --model-store "$store" --ts-config "$folder/config.properties" --disable-token-auth --ncs
