#!/bin/bash
# The real Prometheus (Debian's and Ubuntu's package), on loopback, in the foreground.
# usage: run.sh --install | run.sh PORT CONFIG DATA_FOLDER [OPTION...] | run.sh promtool ARGUMENT...
# Nothing is installed into the system: the package is unpacked into the cache, which takes no rights. Its one shared
# library is the C library.
set -euo pipefail
cd "$(dirname "$0")"
source ../common.sh
has() { command -v "$1" > /dev/null; }
fail() { printf 'prometheus: %s\n' "$1" >&2; exit 1; }

home=$CACHE/prometheus

download() { apt-get "${APT[@]}" download prometheus; }

install() (
  flock 9
  [[ -x $home/usr/bin/promtool && -x $home/usr/bin/prometheus ]] && exit
  has apt-get && has dpkg-deb ||
    fail 'no apt-get: put prometheus and promtool into the PATH (they are one download), or use Debian or Ubuntu'
  echo "unpacking Debian's prometheus into $home" >&2
  rm -rf "$home.part"
  mkdir -p "$home.part/download"
  cd "$home.part/download"
  { download || { own_package_lists && download; }; } > apt.log 2>&1 || { cat apt.log >&2; fail 'cannot download the package prometheus: see above'; }
  dpkg-deb --extract prometheus_*.deb "$home.part"
  cd /
  rm -rf "$home" "$home.part/download"
  mv "$home.part" "$home"
) 9> "$home.lock"

# One that is installed already is as good.
if has prometheus && has promtool; then
  bin=
else
  install
  bin=$home/usr/bin/
fi
case ${1:-} in
  --install) ;;
  promtool) exec "${bin}promtool" "${@:2}" ;;
  *)
    port=${1:?usage: run.sh PORT CONFIG DATA_FOLDER}
    exec "${bin}prometheus" --config.file="${2:?a configuration}" --storage.tsdb.path="${3:?a folder for data}" \
      --web.listen-address="127.0.0.1:$port" --log.level=warn "${@:4}"
    ;;
esac
