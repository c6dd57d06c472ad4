#!/usr/bin/env bash
# Throughput of Triton's `batched` model under Plimsoll and under its peers, in turn, one I/O thread each: wrk with the same
# body of JSON on the same number of connections, perf_analyzer with the same tensors in binary.
# usage: against_peers.sh URL PLIMSOLL [SECONDS [ROUNDS]]   (URL of a running Triton; needs wrk or perf_analyzer in the PATH)
# perf_analyzer is part of the wheel tritonclient 2.51.0; it wants libb64 and libcudart (nvidia-cuda-runtime-cu12).
set -euo pipefail
url=${1:?usage: against_peers.sh URL PLIMSOLL [SECONDS [ROUNDS]]} plimsoll=$(realpath "${2:?PLIMSOLL}") seconds=${3:-3} rounds=${4:-3}
peers=()
for peer in wrk perf_analyzer; do command -v $peer > /dev/null && peers+=($peer); done
[[ ${#peers[@]} -gt 0 ]] || { echo 'against_peers.sh: neither wrk nor perf_analyzer: apt-get install wrk' >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
values=[0.5,1.5,2.5,3.5,4.5,5.5,6.5,7.5,8.5,9.5,10.5,11.5,12.5,13.5,14.5,15.5]
echo "{\"inputs\":[{\"name\":\"INPUT0\",\"shape\":[1,16],\"datatype\":\"FP32\",\"data\":$values}]}" > body.json
cat > post.lua << 'LUA'
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = io.open("body.json"):read("*a"):match("^(.-)%s*$")
LUA

of_wrk() {
  wrk -t1 -c"$1" -d"$seconds"s -s post.lua "$url/v2/models/batched/infer" > wrk.txt
  if grep -q 'Non-2xx' wrk.txt; then cat wrk.txt >&2; exit 1; fi
  sed -n 's/^Requests\/sec: *//p' wrk.txt
}
of_perf_analyzer() {
  # It wants three windows that agree; any three do here.
  perf_analyzer -m batched -u "${url#http://}" -i http --async --concurrency-range "$1" --max-threads 1 \
    --measurement-interval "$((seconds * 1000 / 3))" --max-trials 4 --stability-percentage 999 > perf.txt 2>&1 || true
  sed -n 's/^ *Throughput: \([0-9.]*\) infer.*/\1/p' perf.txt | tail -1
}
# The rate of $2 connections with the tensors in $1.
of_plimsoll() {
  "$plimsoll" run -H "$url" --provider triton -m batched --tensor-encoding "$1" --input-data body.json -u "$2" \
    -r 100000 -t "$seconds"s --threads 1 --no-progress --json > run.json 2> run.txt || [[ $? == 3 ]] || { cat run.txt >&2; exit 1; }
  python3 -c 'import json; s = json.load(open("run.json")); print(round(s["rates"]["completed_rate"], 1), s["validity"]["valid"], s["counts"]["failed"])'
}
printf '%14s %4s %10s %10s %7s  (plimsoll VALID, failed)\n' peer c peer/s plimsoll/s ratio
for peer in "${peers[@]}"; do
  [[ $peer == wrk ]] && encoding=json || encoding=binary
  for c in 1 16 64; do
    for _ in $(seq "$rounds"); do
      theirs=$("of_$peer" "$c")
      [[ -n $theirs ]] || { cat ./*.txt >&2; exit 1; }
      read -r ours valid failed <<< "$(of_plimsoll "$encoding" "$c")"
      ratio=$(python3 -c "print(round($ours / $theirs, 3))")
      printf '%14s %4s %10s %10s %7s  %s %s\n' "$peer" "$c" "$theirs" "$ours" "$ratio" "$valid" "$failed"
    done
  done
done
