#!/usr/bin/env bash
# Plimsoll's client beside a bare epoll reader (the floor) and beside peers, in turn: server on core 0, client on core 1.
# Prints a table in Markdown with ratios; takes about ten minutes, with --quick three, on a machine that does nothing else.
# usage: run.sh [--runs N] [--only ROW[,ROW...]] [--quick] [--list] [--peers] [--profile PROFILE]
#   --runs N      measure each client so often, in turn (default 5, with --quick 3)
#   --only ROW    these rows only; --list names all
#   --peers       first fetch the peers that a package registry has (wrk, perf_analyzer) into the cache; without, those
#                 are used that are in the PATH or in the cache already
#   --profile P   cargo profile of what is measured (default dist, as shipped)
set -euo pipefail
cd "$(dirname "$0")"
profile=dist passed=()
while (($#)); do
  case $1 in
    --peers) ./peers.sh --install ;;
    --profile) profile=${2:?--profile needs a name}; shift ;;
    -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; exit ;;
    *) passed+=("$1") ;;
  esac
  shift
done
root=$(cd ../.. && pwd)
folder=$profile
[[ $profile == dev ]] && folder=debug
built=${CARGO_TARGET_DIR:-$root/target}/$folder
if [[ ${PLIMSOLL_BENCH_NO_BUILD:-} != 1 ]]; then
  (cd "$root" && cargo build --locked --profile "$profile" -p plimsoll-cli -p plimsoll-bench --bins)
fi
PATH=$(./peers.sh --path):$PATH
LD_LIBRARY_PATH=$(./peers.sh --libraries)${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export PATH LD_LIBRARY_PATH
ulimit -n "$(ulimit -Hn)"
exec python3 bench.py --plimsoll "$built/plimsoll" --bare "$built/bare_reader" "${passed[@]}"
