#!/bin/bash
# The real llama.cpp server with the tiny model, on loopback, in the foreground. usage: run.sh PORT [SLOTS [KIND]] | --install
# KIND is `embeddings` or `rerank` for a server of nothing else.
# It comes as a prebuilt PyPI wheel: no compiler, nothing else to download.
set -euo pipefail
cd "$(dirname "$0")"
source ../common.sh
tiny_model
environment llamacpp xllamacpp==2026.10.11549
[[ ${1:-} == --install ]] && exit
exec "$VENV/bin/python" server.py "$MODEL/tiny.gguf" "${1:?usage: run.sh PORT [SLOTS [KIND]]}" "${2:-4}" "${3:-text}"
