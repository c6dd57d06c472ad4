# Sourced by each run.sh: where downloads are kept, and how a Python environment is made, or packages are unpacked, once.
CACHE=${PLIMSOLL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/plimsoll}
mkdir -p "$CACHE"

has() { command -v "$1" > /dev/null; }
fail() { printf '%s: %s\n' "$0" "$1" >&2; exit 1; }

# environment NAME PACKAGE...: sets VENV to a virtual environment with these packages. Two callers at once are safe.
environment() {
  VENV=$CACHE/venv-$1
  local stamp=$VENV/.installed wanted="${*:2}"
  [[ -f $stamp && $(<"$stamp") == "$wanted" ]] && return
  (
    flock 9
    [[ -f $stamp && $(<"$stamp") == "$wanted" ]] && exit
    echo "installing $wanted into $VENV" >&2
    python3 -m venv --clear "$VENV"
    "$VENV/bin/pip" install --quiet --no-cache-dir "${@:2}" >&2
    echo "$wanted" > "$stamp"
  ) 9> "$VENV.lock"
}

# own_package_lists: makes apt-get work by package lists of our own in the current folder, where the system's are missing
# or out of date and only root may renew them. Sets APT, the options to give to apt-get from then on.
APT=()
own_package_lists() {
  mkdir -p lists/partial archives/partial
  APT=(-o "Dir::State::lists=$PWD/lists" -o "Dir::Cache=$PWD/archives" -o Debug::NoLocking=1)
  [[ $(id -u) == 0 ]] && APT+=(-o APT::Sandbox::User=root) # else the user _apt has no way into the cache
  apt-get "${APT[@]}" update
}

# unpack_packages FOLDER WHAT HINT: fills FOLDER with packages of Debian, called WHAT, that the caller's function `download`
# fetches into the current folder by apt-get with the options of APT: first by the system's lists of packages, then by our
# own. The caller's function `unpacked` says whether they are there already; HINT is for who has no apt-get. Two callers at
# once are safe.
unpack_packages() {
  local home=$1 what=$2 hint=$3
  (
    flock 9
    unpacked && exit
    has apt-get && has dpkg-deb || fail "no apt-get: $hint"
    echo "unpacking Debian's $what into $home" >&2
    rm -rf "$home.part"
    mkdir -p "$home.part/download"
    cd "$home.part/download"
    { download || { own_package_lists && download; }; } > apt.log 2>&1 ||
      { cat apt.log >&2; fail "cannot download the package $what: see above"; }
    for file in ./*.deb; do dpkg-deb --extract "$file" "$home.part"; done
    cd /
    rm -rf "$home" "$home.part/download"
    mv "$home.part" "$home"
  ) 9> "$home.lock"
}

# tiny_model: sets MODEL to a folder with the tiny language model that all servers share, made on first use.
tiny_model() {
  local here
  here=$(dirname "${BASH_SOURCE[0]}")
  environment model gguf==0.19.0 numpy==2.4.6 safetensors==0.8.0 tokenizers==0.22.2
  MODEL=$CACHE/tiny-llama-$(sha256sum "$here/make_model.py" | cut -c1-12)
  [[ -d $MODEL ]] && return
  (
    flock 9
    [[ -d $MODEL ]] && exit
    rm -rf "$MODEL.part"
    "$VENV/bin/python" "$here/make_model.py" "$MODEL.part" >&2
    mv "$MODEL.part" "$MODEL"
  ) 9> "$MODEL.lock"
}
