#!/bin/bash
# The real PostgreSQL (Debian's and Ubuntu's package), on loopback, in the foreground.
# usage: run.sh --install | run.sh PORT DATA_FOLDER [ARGUMENT OF postgres]...
# User postgres, password from PGPASSWORD (without it `postgres`); the folder is made on the first start and kept.
# Nothing is installed into the system: where it has no PostgreSQL, the packages are unpacked into the cache, together with
# the libraries that the system lacks.
set -euo pipefail
cd "$(dirname "$0")"
source ../common.sh

home=$CACHE/postgresql
# Where Debian has it; another folder makes this script install its own, for a test of that.
system=${PLIMSOLL_SYSTEM_POSTGRESQL:-/usr/lib/postgresql}

# found ROOT: sets BIN to the programs of the newest version below ROOT.
found() {
  local postgres
  postgres=$(ls -d "$1"/*/bin/postgres 2> /dev/null | sort -V | tail -n 1)
  BIN=${postgres%/postgres}
  [[ -n $postgres ]]
}

# Downloads the newest version's server and all libraries below it that the system lacks, but for the compiler of the
# server's optional just-in-time compilation, which is ten times as large as the rest.
download() {
  local newest
  newest=$(apt-cache "${APT[@]}" search --names-only '^postgresql-[0-9]+$' | awk '{print $1}' | sort -V | tail -n 1)
  [[ -n $newest ]] || return
  local needed
  needed=$(apt-cache "${APT[@]}" depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
    --no-enhances "$newest" | grep '^lib' | grep -v ':\|^libc6$\|^libllvm\|-perl$\|^libclang' | sort -u)
  local package missing=("$newest")
  for package in $needed; do
    dpkg-query -W -f '${Status}' "$package" 2> /dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  apt-get "${APT[@]}" download "${missing[@]}"
}

unpacked() { found "$home/usr/lib/postgresql"; }

if ! found "$system"; then
  unpack_packages "$home" postgresql 'install PostgreSQL, or use Debian or Ubuntu'
  found "$home/usr/lib/postgresql" || fail "no PostgreSQL in $home: delete the folder and try again"
  libraries=$(find "$home" -name '*.so*' -not -path "$home/usr/lib/postgresql/*" -printf '%h\n' | sort -u | paste -sd:)
  export LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
fi
[[ ${1:-} == --install ]] && exit

port=${1:?usage: run.sh PORT DATA_FOLDER}
data=${2:?a folder for data}
# PostgreSQL refuses to run as root. In a user namespace root is somebody else, and its files are that one's.
as=()
if [[ $(id -u) == 0 ]]; then
  as=(unshare --user --map-user=65534 --map-group=65534)
  "${as[@]}" true || fail 'PostgreSQL refuses root, and this host allows no user namespaces: run this as another user'
fi
if [[ ! -f $data/PG_VERSION ]]; then
  "${as[@]}" "$BIN/initdb" --pgdata="$data" --username=postgres --auth=scram-sha-256 --no-sync --encoding=UTF8 \
    --locale=C --pwfile=<(echo "${PGPASSWORD:-postgres}") > /dev/null
fi
# Data of tests need not outlive a power cut, and a second start on the same folder must be quick.
exec "${as[@]}" "$BIN/postgres" -D "$data" -c port="$port" -c listen_addresses=127.0.0.1 \
  -c unix_socket_directories="$data" -c fsync=off -c jit=off -c shared_buffers=32MB -c max_connections=20 "${@:3}"
