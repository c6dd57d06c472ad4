#!/bin/bash
# The real Prometheus (Debian's and Ubuntu's package), on loopback, in the foreground.
# usage: run.sh --install | run.sh PORT CONFIG DATA_FOLDER [OPTION...] | run.sh promtool ARGUMENT...
# Nothing is installed into the system: the package is unpacked into the cache, which takes no rights. Its one shared
# library is the C library.
set -euo pipefail
cd "$(dirname "$0")"
source ../common.sh

home=$CACHE/prometheus

download() { apt-get "${APT[@]}" download prometheus; }
unpacked() { [[ -x $home/usr/bin/promtool && -x $home/usr/bin/prometheus ]]; }

# One that is installed already is as good.
if has prometheus && has promtool; then
  bin=
else
  unpack_packages "$home" prometheus \
    'put prometheus and promtool into the PATH (they are one download), or use Debian or Ubuntu'
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
