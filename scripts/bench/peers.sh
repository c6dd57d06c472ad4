#!/usr/bin/env bash
# The peers that a package registry has: wrk (Debian's package) and perf_analyzer (in the wheel of tritonclient 2.51.0, the
# last that runs with glibc 2.36). They are unpacked into the cache, which takes no rights.
# usage: peers.sh --install | --path (folder of the programs) | --libraries (folder of what both want and this system lacks)
set -euo pipefail
cd "$(dirname "$0")"
source ../servers/common.sh
home=$CACHE/bench-peers
debian=$CACHE/bench-debian

download() {
  local missing
  missing=$(apt-get "${APT[@]}" install --simulate --no-install-recommends wrk libb64-0d | sed -n 's/^Inst \([^ ]*\) .*/\1/p')
  # shellcheck disable=SC2086 # a list of names
  apt-get "${APT[@]}" download wrk libb64-0d $missing
}
unpacked() { [[ -x $debian/usr/bin/wrk ]]; }

install() (
  flock 9
  [[ -f $home/.installed ]] && exit
  rm -rf "$home"
  mkdir -p "$home/bin" "$home/lib" "$home/download"
  cd "$home/download"
  # It links CUDA even where it only speaks HTTP.
  python3 -m pip download --quiet --no-deps tritonclient==2.51.0 nvidia-cuda-runtime-cu12 >&2
  for wheel in *.whl; do python3 -m zipfile -e "$wheel" wheel; done
  find wheel -name perf_analyzer -type f -exec install -m 755 {} "$home/bin/" \;
  find wheel -name 'libcudart.so.12*' -exec cp {} "$home/lib/" \;
  unpack_packages "$debian" 'wrk and the libraries of both' 'use Debian or Ubuntu'
  find "$debian" -name 'lib*.so*' -exec cp -d {} "$home/lib/" \;
  has wrk || cp "$debian/usr/bin/wrk" "$home/bin/"
  cd /
  rm -rf "$home/download"
  touch "$home/.installed"
) 9> "$home.lock"

case ${1:-} in
  --install) install ;;
  --path) echo "$home/bin" ;;
  --libraries) echo "$home/lib" ;;
  *) sed -n '2,4s/^# //p' "$0" >&2; exit 2 ;;
esac
