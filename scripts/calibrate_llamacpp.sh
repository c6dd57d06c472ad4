#!/bin/bash
# Calibrates the simulated server to a real llama.cpp with the tiny model, and predicts a load that it has not seen:
# another rate, other prompts, longer answers. Takes two minutes, and wants the machine for itself.
# usage: calibrate_llamacpp.sh [FOLDER]    PLIMSOLL is the program (default: target/release/plimsoll)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
plimsoll=${PLIMSOLL:-$here/../target/release/plimsoll}
folder=${1:-$(mktemp -d)}
port=${PORT:-18430}
mkdir -p "$folder"
cd "$folder"

# prompts FILE SEED LENGTH...: 400 prompts of made-up words, each of one of these lengths.
prompts() {
  python3 - "$@" > "$1" <<'PYTHON'
import json, random, sys
draw = random.Random(int(sys.argv[2]))
syllable = lambda: draw.choice("bcdfghklmnprstvw") + draw.choice("aeiou")
word = lambda: "".join(syllable() for _ in range(draw.randint(1, 4)))
for _ in range(400):
    text = " ".join(word() for _ in range(int(draw.choice(sys.argv[3:]))))
    print(json.dumps({"messages": [{"role": "user", "content": text}]}))
PYTHON
}
prompts seen.jsonl 1 20 60 150 300
prompts unseen.jsonl 2 40 100 220

"$here/servers/llamacpp/run.sh" --install
# The server on one core and the client on another, so that neither disturbs the other.
taskset -c 0 "$here/servers/llamacpp/run.sh" "$port" 8 > server.log 2>&1 &
server=$!
trap 'kill $server' EXIT
until curl -sf "http://127.0.0.1:$port/health" > health; do sleep 0.2; done

# measure NAME ARGS...: one run. Prompts are not taken from the server's cache: all of them are to be paid for.
measure() {
  taskset -c 1 $plimsoll run -H "http://127.0.0.1:$port" --threads 1 --name "$1" --out runs --no-progress \
    --extra-body '{"cache_prompt":false}' --max-tokens-distribution uniform --max-tokens-range 0.5 "${@:2}" > "$1.txt" 2>&1 || true
  sed -n '/VALID/,/^Run/p' "$1.txt"
}
poisson="--qps-distribution exponential"
measure low       -d @seen.jsonl   -o 32 --qps 3.5 $poisson -t 35s --seed 4
measure saturated -d @seen.jsonl   -o 32 -u 16 -r 1000      -t 25s --seed 2
measure unseen    -d @unseen.jsonl -o 48 --qps 10 $poisson  -t 30s --seed 3
newest() { ls -d runs/*-"$1" | tail -1; }
$plimsoll calibrate "$(newest low)" "$(newest saturated)" --holdout "$(newest unseen)"
echo "in $folder"
