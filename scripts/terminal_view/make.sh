#!/bin/sh
# Makes the pictures of the live view in docs/images from real runs: each runs in tmux at 80x24, with the sixteen colours
# of TERM=screen, against a simulated server of its own. Needs tmux and python3, and takes about two minutes.
#
#   scripts/terminal_view/make.sh [PROGRAM [NAME]]   # without PROGRAM: target/quick/plimsoll, built first; NAME: run or capacity
set -eu
cd "$(dirname "$0")/../.."
program=${1:-}
if [ -z "$program" ]; then
    cargo build --profile quick -p plimsoll-cli
    program=target/quick/plimsoll
fi
program=$(realpath "$program")
only=${2:-}
work=$(mktemp -d)
tmux=true # until there is one
trap '$tmux kill-server 2>/dev/null || true; [ -z "${server:-}" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT

# picture NAME SECONDS SERVER COMMAND: the screen of COMMAND after so many seconds.
picture() {
    name=$1 seconds=$2 options=$3 command=$4
    [ -z "$only" ] || [ "$only" = "$name" ] || return 0
    # A server of its own: that of the picture before may still be on its way out.
    tmux="tmux -L plimsoll-view-$$-$name -f /dev/null"
    "$program" sim "$options" --port 0 >"$work/url" 2>/dev/null &
    server=$!
    until [ -s "$work/url" ]; do sleep 0.1; done
    $tmux new-session -d -x 80 -y 24 -c "$work" \
        "env TERM=screen LC_ALL=C.UTF-8 '$program' $command -H $(cat "$work/url") --out '$work/runs'"
    $tmux set-option -g status off
    sleep "$seconds"
    $tmux capture-pane -p -e >"$work/$name.ansi"
    $tmux kill-server
    kill "$server"
    wait "$server" 2>/dev/null || true
    server=
    python3 scripts/terminal_view/svg.py "plimsoll ${command%% *}, 80x24" <"$work/$name.ansi" >"docs/images/live-$name.svg"
    echo "docs/images/live-$name.svg"
}

llm='llama-3-8b-h100'
picture run 42 "$llm" "run --qps 24 --qps-distribution exponential --slo 'ttft.p95<100ms' --slo 'latency.p99<2s' -t 90s -o 128"
picture capacity 55 "$llm" "capacity --slo 'ttft.p95<200ms' --slo 'tpot.p95<20ms' -t 5s --warmup 1s -o 128 --precision 10%"
