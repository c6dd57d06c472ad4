#!/usr/bin/env bash
# Throughput of Triton's `batched` model under Plimsoll and under wrk, side by side: the same body, the same connections,
# one I/O thread each, in turn. usage: against_wrk.sh URL PLIMSOLL [SECONDS [ROUNDS]]   (URL of a running Triton; needs wrk)
set -euo pipefail
url=${1:?usage: against_wrk.sh URL PLIMSOLL [SECONDS [ROUNDS]]} plimsoll=$(realpath "${2:?PLIMSOLL}") seconds=${3:-3} rounds=${4:-3}
command -v wrk > /dev/null || { echo 'against_wrk.sh: no wrk: apt-get install wrk' >&2; exit 1; }
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
of_plimsoll() {
  "$plimsoll" run -H "$url" --provider triton -m batched --tensor-encoding json --input-data body.json -u "$1" \
    -r 100000 -t "$seconds"s --threads 1 --no-progress --json > run.json 2> run.txt || [[ $? == 3 ]] || { cat run.txt >&2; exit 1; }
  python3 -c 'import json; s = json.load(open("run.json")); print(round(s["rates"]["completed_rate"], 1), s["validity"]["valid"], s["counts"]["failed"])'
}
printf '%4s %10s %10s %7s  (plimsoll VALID, failed)\n' c wrk/s plimsoll/s ratio
for c in 1 16 64; do
  for _ in $(seq "$rounds"); do
    theirs=$(of_wrk "$c")
    read -r ours valid failed <<< "$(of_plimsoll "$c")"
    printf '%4s %10s %10s %7s  %s %s\n' "$c" "$theirs" "$ours" "$(python3 -c "print(round($ours / $theirs, 3))")" "$valid" "$failed"
  done
done
