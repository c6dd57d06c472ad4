#!/bin/bash
# The OpenAI-compatible server of Hugging Face transformers with the tiny model, on CPU and loopback, in the foreground.
# usage: run.sh PORT [FLAG...] | --install   (flags of `transformers serve`, such as --continuous-batching)
# The model's name is the folder that the server prints.
set -euo pipefail
cd "$(dirname "$0")"
source ../common.sh
tiny_model
environment transformers torch==2.13.0 numpy==2.4.6 'transformers[serving]==5.23.0'
[[ ${1:-} == --install ]] && exit
port=${1:?usage: run.sh PORT [FLAG...]}
shift
echo "serving $MODEL" >&2
export HF_HUB_OFFLINE=1 TRANSFORMERS_OFFLINE=1 OMP_NUM_THREADS=1 CUDA_VISIBLE_DEVICES=
exec "$VENV/bin/transformers" serve "$MODEL" --host 127.0.0.1 --port "$port" --device cpu --dtype float32 "$@"
