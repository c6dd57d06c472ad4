#!/bin/bash
# Archives the two models. usage: make_models.sh FOLDER   (torch-model-archiver in the PATH)
set -euo pipefail
cd "$(dirname "$0")"
for model in mlp refusing; do
  torch-model-archiver --model-name "$model" --version 1.0 --handler handler.py --config-file "$model.yaml" --export-path "$1"
done
