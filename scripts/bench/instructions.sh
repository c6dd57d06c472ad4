#!/usr/bin/env bash
# How many instructions an event of a stream and a small request cost this client, counted by callgrind on a rehearsed
# answer (crates/drive/examples/hot_path.rs), beside those in instructions.txt. More than 5 % above them is an error.
# usage: instructions.sh [--install | --renew]   (--renew writes instructions.txt anew; the example must be built)
set -euo pipefail
cd "$(dirname "$0")"
source ../servers/common.sh
root=$(cd ../.. && pwd)
baseline=instructions.txt margin=5
program=${CARGO_TARGET_DIR:-$root/target}/debug/examples/hot_path
home=$CACHE/valgrind

download() { apt-get "${APT[@]}" download valgrind; }
unpacked() { [[ -x $home/usr/bin/valgrind ]]; }

valgrind=valgrind
if ! has valgrind; then
  unpack_packages "$home" valgrind 'put valgrind into the PATH'
  valgrind=$home/usr/bin/valgrind
  export VALGRIND_LIB=$home/usr/libexec/valgrind
fi
[[ ${1:-} == --install ]] && exit
[[ -x $program ]] || fail "there is no $program: cargo build --workspace --examples"

profile=$(dirname "$program")/../callgrind
mkdir -p "$profile"
# Instructions of so many requests of a kind.
count() {
  local out=$profile/$1.out said
  said=$("$valgrind" --tool=callgrind --callgrind-out-file="$out" "$program" "$1" "$2" 2>&1) || fail "callgrind: $said"
  sed -n 's/^==[0-9]*== Collected : \([0-9]*\)$/\1/p' <<< "$said"
}
# What each request costs: the beginning of the program is in both counts.
each() { echo $((($(count "$1" 150) - $(count "$1" 50)) / 100)); }
events=131 # of a rehearsed stream, as the example counts them
stream=$(each stream)
measured="stream_event $((stream / events))
post_request $(each post)"
made_by="$(rustc --version | cut -d' ' -f1,2), $(uname -m)"

if [[ ${1:-} == --renew ]]; then
  printf '# Instructions in the dev profile (%s), by scripts/bench/instructions.sh --renew\n%s\n' "$made_by" "$measured" > "$baseline"
  cat "$baseline"
  exit
fi
if ! grep -q "($made_by)" "$baseline"; then
  echo "instructions: $baseline was not made by $made_by, so nothing is compared: renew it with scripts/bench/instructions.sh --renew" >&2
  exit
fi
worse=0
while read -r name now; do
  before=$(sed -n "s/^$name //p" "$baseline")
  change=$(((now - before) * 1000 / before))
  printf '%-13s %6d instructions, %d in %s: %+d.%d %%\n' "$name" "$now" "$before" "$baseline" $((change / 10)) $((${change#-} % 10)) >&2
  if ((change > margin * 10)); then
    worse=1
    echo "instructions: $name became more than $margin % dearer. callgrind_annotate $profile/${name%_*}.out says where they go. If" \
      'they are worth it: scripts/bench/instructions.sh --renew, and commit the file with the reason.' >&2
  elif ((change < -margin * 10)); then
    echo "instructions: $name became cheaper; keep it so: scripts/bench/instructions.sh --renew" >&2
  fi
done <<< "$measured"
exit $worse
