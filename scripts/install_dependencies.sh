#!/usr/bin/env bash
# install_dependencies.sh [test]: installs the Debian packages that urial is built with (test: and tested with) where they
# are missing and it may (root or sudo); otherwise prints the one command to type. On other systems it says what is needed.
set -euo pipefail

packages=(g++ cmake ninja-build git python3 python3-pip libfmt-dev nlohmann-json3-dev libcli11-dev libtomlplusplus-dev
          libssl-dev libcurl4-openssl-dev zlib1g-dev libsqlite3-dev libedit-dev libutf8proc-dev libhnswlib-dev libsimdjson-dev
          libboost1.81-dev libgtest-dev clang-format)
[ "${1:-}" = test ] && packages+=(nodejs npm chromium clang-16 curl)

if ! command -v dpkg-query >/dev/null; then
    missing=()
    for tool in cmake ninja git python3; do
        command -v "$tool" >/dev/null || missing+=("$tool")
    done
    python3 -m pip --version >/dev/null 2>&1 || missing+=(pip)
    if [ ${#missing[@]} -gt 0 ]; then
        echo "urial needs: ${missing[*]}" >&2
        echo "and a C++20 compiler, OpenSSL, libcurl, zlib, SQLite, libedit, utf8proc, hnswlib, simdjson, Boost >= 1.81; fmt, nlohmann/json, CLI11, toml++ and GoogleTest are" >&2
        echo "fetched by CMake where the system does not have them. Install these with your package manager." >&2
        exit 1
    fi
    exit 0
fi

missing=()
for package in "${packages[@]}"; do
    case $package in
        # another source than apt is as good
        python3 | python3-pip | cmake | git | g++ | clang-format | clang-16 | nodejs | npm | chromium | curl)
            case $package in
                python3-pip) python3 -m pip --version >/dev/null 2>&1 && continue ;;
                nodejs) command -v node >/dev/null && continue ;;
                clang-16) command -v clang++-16 >/dev/null && continue ;;
                *) command -v "$package" >/dev/null && continue ;;
            esac ;;
    esac
    status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
    [ "$status" = "install ok installed" ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

install="apt-get install -y --no-install-recommends ${missing[*]}"
if [ "$(id -u)" -eq 0 ]; then
    as_root=()
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root=(sudo)
else
    echo "Packages are missing. Type:" >&2
    echo "  sudo $install" >&2
    exit 1
fi
echo "Installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" $install >/dev/null
