# shellcheck shell=bash
# Sourced by the other scripts: Debian packages and tools, installed when missing and not otherwise.

PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin

say() { printf '%s\n' "$*"; }

as_root() { if ((EUID)); then sudo -n "$@"; else "$@"; fi; }

# can_install: whether packages can be installed here without asking anybody.
can_install() { command -v apt-get >/dev/null && as_root true 2>/dev/null; }

installed() { [[ $(dpkg-query -W -f='${Status}' "$1" 2>/dev/null) == 'install ok installed' ]]; }

# packages NAME...: installs the missing ones of these Debian packages; fails when it cannot.
packages() {
    local missing=() name
    for name; do installed "$name" || missing+=("$name"); done
    ((${#missing[@]})) || return 0
    if ! can_install; then
        say "missing here, and to be installed by hand: apt-get install ${missing[*]}" >&2
        return 1
    fi
    say "installing ${missing[*]} (some minutes at most)"
    local apt=(env DEBIAN_FRONTEND=noninteractive DEBCONF_NOWARNINGS=yes apt-get -qq)
    as_root "${apt[@]}" update && as_root "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >/dev/null
}

need_rust() {
    command -v cargo >/dev/null && return
    say "cargo is missing: install Rust 1.90 or later from https://rustup.rs" >&2
    return 1
}

# Cargo links by the C compiler's driver. libopus comes with its crate as C, which cmake builds: so the same version of it runs
# everywhere, and programs need no library of the system's.
need_compiler() {
    local missing=()
    command -v cc >/dev/null || missing+=(gcc libc6-dev)
    command -v cmake >/dev/null || missing+=(cmake)
    command -v make >/dev/null || command -v ninja >/dev/null || missing+=(make)
    ((${#missing[@]} == 0)) || packages "${missing[@]}"
}
