#!/bin/bash
# What compiles and runs elsewhere, from an x86_64 Linux: `cargo check` for Windows, macOS and 64-bit Arm Linux, and the
# test suite as an Arm program under QEMU's user emulation (which has no perf_event_open, no huge pages, no real caches:
# every absence has to have its reason).
#
#   scripts/other-systems.sh [WORKDIR]           check and test; some 2 GB and half an hour the first time
#   scripts/other-systems.sh [WORKDIR] check     only the checks
#
# A target that this machine's Rust has is checked with it. Others: with a nightly Rust that builds the standard library
# from Debian's rust-src, or, for Arm Linux, with Debian's rustc-web and its arm64 library; all unpacked, not installed.
set -euo pipefail

repo=$(cd "$(dirname "$0")/.." && pwd)
work=${1:-${TMPDIR:-/tmp}/stridewise-other-systems}
what=${2:-all}
mkdir -p "$work"/{lists/partial,cache/archives/partial,debs,root,sysroot/lib/rustlib/src/rust}
cd "$work"
failed=()

have() { [ -d "$(rustc --print sysroot)/lib/rustlib/$1/lib" ]; }

# Private package indexes: this machine's own stay as they are. The newest rust-src is in unstable.
arch_options=(-o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache"
    -o APT::Architectures::=amd64 -o APT::Architectures::=arm64)
printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian sid main\n' >sid.list
sid_options=("${arch_options[@]}" -o "Dir::Etc::SourceList=$work/sid.list" -o Dir::Etc::SourceParts=-
    -o "Dir::State::lists=$work/sid")
mkdir -p sid/partial
unpack() { # options' name, package[:architecture]
    local -n options=$1
    (cd debs && apt-get "${options[@]}" -qq download "$2")
    dpkg-deb -x "$(ls -t debs/"${2%%:*}"_*.deb | grep -E "_(${2##*:}|all)\.deb|_amd64\.deb" | head -1)" root
}

nightly_with_source() {
    rustc +nightly --version >/dev/null 2>&1 || { echo 'a nightly Rust is missing (rustup toolchain install nightly)'; return 1; }
    if [ ! -e sysroot/lib/rustlib/src/rust/library ]; then
        apt-get "${sid_options[@]}" update -qq
        unpack sid_options rust-src
        ln -sfn "$(echo root/usr/src/rustc-*/library | awk -v w="$work" '{ print w "/" $NF }')" sysroot/lib/rustlib/src/rust/library
    fi
    local own
    own=$(rustc +nightly --print sysroot)
    ln -sfn "$own/lib/rustlib/x86_64-unknown-linux-gnu" sysroot/lib/rustlib/x86_64-unknown-linux-gnu
    printf '#!/bin/sh\nexec %s --sysroot %s "$@"\n' "$own/bin/rustc" "$work/sysroot" >nightly.sh
    chmod +x nightly.sh
}

# The standard library for windows-gnu is built with the linker tools' dlltool, which calls the assembler beside it.
windows_tools() {
    local prefix=x86_64-w64-mingw32
    command -v $prefix-dlltool >/dev/null && return
    if [ ! -x bin/$prefix-dlltool ]; then
        apt-get "${arch_options[@]}" update -qq
        unpack arch_options binutils-mingw-w64-x86-64
        mkdir -p bin
        ln -sf "$work"/root/usr/bin/$prefix-{dlltool,as} bin/
    fi
    PATH=$work/bin:$PATH
}

check() {
    local target=$1
    echo "== check $target"
    if [[ $target == *-windows-gnu ]] && ! have "$target" && ! windows_tools; then
        failed+=("check $target: x86_64-w64-mingw32-dlltool is missing (apt-get install binutils-mingw-w64-x86-64)")
        return
    fi
    if have "$target"; then
        (cd "$repo" && cargo check --quiet --locked --target "$target" --target-dir "$work/target") || failed+=("check $target")
    elif nightly_with_source; then
        (cd "$repo" && RUSTC=$work/nightly.sh cargo +nightly check --quiet --locked -Zbuild-std=std,panic_abort \
            --target "$target" --target-dir "$work/target") || failed+=("check $target")
    else
        failed+=("check $target: no standard library for it here")
    fi
}

arm_compiler() {
    if have aarch64-unknown-linux-gnu; then
        echo rustc
        return
    fi
    if [ ! -x web.sh ]; then
        apt-get "${arch_options[@]}" update -qq
        depends() { apt-cache "${arch_options[@]}" show "$1" | sed -n 's/^Depends: //p' | tr ',' '\n' | grep -om1 "$2"; }
        local std
        std=$(depends libstd-rust-web-dev 'libstd-rust-web-[0-9.]*')
        for package in rustc-web:amd64 libstd-rust-web-dev:amd64 libstd-rust-web-dev:arm64 "$std:amd64" \
            "$(depends "$std" 'libllvm[0-9]*'):amd64"; do
            (cd debs && apt-get "${arch_options[@]}" -qq download "$package") >&2
            dpkg-deb -x "$(ls debs/"${package%%:*}"_*_"${package##*:}".deb | tail -1)" root
        done
        printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s --sysroot %s "$@"\n' \
            "$work/root/usr/lib/x86_64-linux-gnu" "$work/root/usr/bin/rustc" "$work/root/usr" >web.sh
        chmod +x web.sh
    fi
    echo "$work/web.sh"
}

for target in x86_64-pc-windows-gnu aarch64-apple-darwin aarch64-unknown-linux-gnu; do check "$target"; done

if [ "$what" = all ]; then
    echo "== the test suite on aarch64-unknown-linux-gnu under qemu-aarch64"
    for program in qemu-aarch64 aarch64-linux-gnu-gcc; do
        command -v "$program" >/dev/null || { echo "missing: $program (apt-get install qemu-user gcc-aarch64-linux-gnu)" >&2; exit 3; }
    done
    # The tests start the program itself too, so the kernel has to know who runs Arm programs.
    formats=/proc/sys/fs/binfmt_misc
    if ! grep -qs enabled $formats/qemu-aarch64; then
        [ -e $formats/register ] || mount -t binfmt_misc binfmt_misc $formats ||
            { echo 'other-systems: needs binfmt_misc for qemu-aarch64 (be root, or install qemu-user-static)' >&2; exit 3; }
        magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
        mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
        printf ':qemu-aarch64:M::%s:%s:%s:CF' "$magic" "$mask" "$(command -v qemu-aarch64)" >$formats/register
        trap 'echo -1 >$formats/qemu-aarch64' EXIT
    fi
    compiler=$(arm_compiler)
    (
        cd "$repo"
        export RUSTC=$compiler CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
        export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER='qemu-aarch64 -L /usr/aarch64-linux-gnu'
        # The tests start the program itself too: a static one needs no interpreter's path.
        export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS='-C target-feature=+crt-static'
        # valgrind traces programs of the CPU that it runs on only.
        cargo test --locked --release --target aarch64-unknown-linux-gnu --target-dir "$work/target" --lib --tests \
            --no-fail-fast -- --skip executed_accesses_are_those_of_the_nest
    ) || failed+=("tests on aarch64")
fi

echo
if ((${#failed[@]})); then
    printf 'other-systems: failed: %s\n' "${failed[@]}"
    exit 1
fi
echo "other-systems: all well"
