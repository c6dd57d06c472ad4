#!/bin/bash
# Records two pages of metrics, before and under load, as test data for crates/core/src/watch.
# usage: record_metrics.sh NAME METRICS_URL LOAD_COMMAND...
# Start the server with NAME/run.sh first. LOAD_COMMAND is run forty times by each of four workers; its output is dropped.
set -euo pipefail
name=${1:?usage: record_metrics.sh NAME METRICS_URL LOAD_COMMAND...} url=${2:?no METRICS_URL}
shift 2
folder=$(dirname "$0")/../../crates/core/testdata/metrics
mkdir -p "$folder"
curl -sf "$url" > "$folder/${name}_before.prom"
for worker in 1 2 3 4; do
  for _ in $(seq 1 40); do "$@" > /dev/null 2>&1 || true; done &
done
sleep 0.6
curl -sf "$url" > "$folder/${name}_after.prom"
wait
