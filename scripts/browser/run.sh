#!/bin/bash
# Headless Chromium, for the test of the HTML report and for pictures of it. Its arguments are the browser's.
# usage: run.sh --install | run.sh ARGUMENT... file:///PAGE
# One that is installed is used. Else Debian's package is unpacked into the cache, with the libraries that it needs and this
# system lacks; nothing is installed into the system, and it takes no rights.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/../servers/common.sh"

home=$CACHE/chromium
package=chromium-headless-shell

download() {
  local missing
  missing=$(apt-get "${APT[@]}" install --simulate --no-install-recommends "$package" | sed -n 's/^Inst \([^ ]*\) .*/\1/p')
  # shellcheck disable=SC2086 # a list of names
  [[ -n $missing ]] && apt-get "${APT[@]}" download $missing
}

unpacked() { [[ -x $home/usr/lib/chromium/$package ]]; }

for known in chromium-headless-shell chromium google-chrome; do
  has "$known" && browser=$known && break
done
if [[ -z ${browser:-} ]]; then
  unpack_packages "$home" "$package" \
    'put chromium, google-chrome or chromium-headless-shell into the PATH, or use Debian'
  browser=$home/usr/lib/chromium/$package
  # All folders with libraries: what lies below /usr/lib/*-linux-gnu, such as those of PulseAudio, is named there by its absolute path.
  while read -r folder; do
    LD_LIBRARY_PATH=$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  done < <(find "$home" -name 'lib*.so*' -printf '%h\n' | sort -u)
  export LD_LIBRARY_PATH
fi
[[ ${1:-} == --install ]] && exit
# Without its sandbox, which a container or root cannot have; it opens pages of ours only.
exec "$browser" --headless --no-sandbox --disable-gpu --hide-scrollbars "$@"
