#!/usr/bin/env bash
# The peers that a package registry has: wrk (Debian's package) and perf_analyzer (in the wheel of tritonclient 2.51.0, the
# last that runs with glibc 2.36). They are unpacked into the cache, which takes no rights.
# usage: peers.sh --install | --path (folder of the programs) | --libraries (folders of what perf_analyzer wants)
set -euo pipefail
cd "$(dirname "$0")"
source ../servers/common.sh
home=$CACHE/bench-peers
debian=$CACHE/bench-debian

download() { apt-get "${APT[@]}" download libb64-0d wrk; }
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
  unpack_packages "$debian" 'wrk and libb64' 'use Debian or Ubuntu'
  find "$debian" -name 'libb64.so*' -exec cp {} "$home/lib/" \;
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
