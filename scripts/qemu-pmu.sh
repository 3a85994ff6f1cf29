#!/bin/bash
# Counts on a real PMU driver without a PMU in this machine: QEMU's aarch64 "virt" machine under software emulation has
# an Arm PMUv3, Debian's arm64 kernel drives it, and the static stridewise is all that runs in it.
#
#   scripts/qemu-pmu.sh [WORKDIR]        prints what the guest prints; needs some 700 MB and ten minutes the first time
#
# The guest runs `stridewise host`, examples/count.rs and the tests in tests/counters.rs and tests/host.rs.
# With -icount QEMU implements two events, cycles and instructions; every cache event has to be reported as absent.
set -euo pipefail

repo=$(cd "$(dirname "$0")/.." && pwd)
work=${1:-${TMPDIR:-/tmp}/stridewise-qemu-pmu}
mkdir -p "$work"/{lists/partial,cache/archives/partial,debs,root,init/{bin,proc,sys,dev}}
cd "$work"

missing=()
for program in qemu-system-aarch64 aarch64-linux-gnu-gcc cpio apt-get dpkg-deb; do
    command -v "$program" >/dev/null || missing+=("$program")
done
[ -e /usr/aarch64-linux-gnu/lib/libc.a ] || missing+=("a static libc for aarch64")
if ((${#missing[@]})); then
    printf 'qemu-pmu: missing: %s\n' "${missing[*]}" >&2
    echo 'qemu-pmu: apt-get install qemu-system-arm gcc-aarch64-linux-gnu libc6-dev-arm64-cross cpio' >&2
    exit 3
fi

# A private package index with arm64 in it, so that this machine's own stays as it is.
apt_options=(-o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache"
    -o APT::Architectures::=amd64 -o APT::Architectures::=arm64)
unpack() {
    (cd debs && apt-get "${apt_options[@]}" -qq download "$1" 2>/dev/null)
    local name=${1%%:*} architecture=${1##*:}
    dpkg-deb -x debs/"${name}"_*_"${architecture}".deb root
}
depends() { apt-cache "${apt_options[@]}" show "$1" | sed -n 's/^Depends: //p' | tr ',' '\n' | grep -om1 "$2"; }

if ! ls root/boot/vmlinuz-* >/dev/null 2>&1; then
    apt-get "${apt_options[@]}" update -qq
    unpack "$(depends linux-image-arm64:arm64 'linux-image-[0-9][^ :]*'):arm64"
    unpack busybox-static:arm64
fi

# The compiler: this machine's, if it has the target; else Debian's rustc-web with its arm64 standard library, unpacked.
target=aarch64-unknown-linux-gnu
if [ -d "$(rustc --print sysroot)/lib/rustlib/$target/lib" ]; then
    compiler=rustc
else
    compiler=$work/rustc.sh
    if [ ! -x "$compiler" ]; then
        std=$(depends libstd-rust-web-dev 'libstd-rust-web-[0-9.]*')
        unpack rustc-web:amd64
        unpack libstd-rust-web-dev:amd64
        unpack libstd-rust-web-dev:arm64
        unpack "$std:amd64"
        unpack "$(depends "$std" 'libllvm[0-9]*'):amd64"
        printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s --sysroot %s "$@"\n' \
            "$work/root/usr/lib/x86_64-linux-gnu" "$work/root/usr/bin/rustc" "$work/root/usr" >"$compiler"
        chmod +x "$compiler"
    fi
fi
(
    cd "$repo"
    export RUSTC=$compiler CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS='-C target-feature=+crt-static'
    options=(-q --release --target $target --target-dir "$work/target")
    cargo build "${options[@]}" --bin stridewise --example count
    cargo test "${options[@]}" --no-run --test counters --test host --message-format json 2>/dev/null |
        sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | grep '/deps/' >"$work/tests.txt"
)

cp root/bin/busybox "target/$target/release/stridewise" "target/$target/release/examples/count" init/bin/
# The tests start the program where it was built, and read their data below the folder they start in.
mkdir -p init/tmp "init$work/target/$target/release"
cp "target/$target/release/stridewise" "init$work/target/$target/release/"
cp -r "$repo/tests" init/
while read -r test; do
    aarch64-linux-gnu-strip -o "init/bin/$(basename "$test" | sed 's/-[0-9a-f]*$//')" "$test"
done <tests.txt
cat >init/init <<'GUEST'
#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
export COLUMNS=100 HOME=/
echo "guest: $(/bin/busybox uname -srm); the PMU's driver lists:" $(/bin/busybox ls /sys/bus/event_source/devices/armv8*/events)
/bin/stridewise host
echo "stridewise host: exit $?"
/bin/count 512
/bin/count 1024
echo "count: exit $?"
/bin/busybox chmod 1777 /tmp
for test in counters host; do
    /bin/$test --nocapture --test-threads 1
    echo "$test: exit $?"
done
if /bin/stridewise run --help >/dev/null 2>&1; then
    /bin/stridewise run --shape 256,256 --dtype f8 --order C --budget 10s --out /out
    echo "run: exit $?"
    /bin/busybox grep -o '"counters":.\{0,1500\}' /out/bundle.jsonl | /bin/busybox head -3
fi
/bin/busybox poweroff -f
GUEST
chmod +x init/init
(cd init && find . | cpio -o -H newc --quiet | gzip -1 >../initrd.gz)

timeout 300 qemu-system-aarch64 -M virt -cpu cortex-a57 -m 1024 -smp 1 -icount shift=0 -nographic -no-reboot -nic none \
    -kernel root/boot/vmlinuz-* -initrd initrd.gz \
    -append 'console=ttyAMA0 quiet loglevel=4 rdinit=/init' </dev/null | tee out.txt

# The proof: instructions counted per access, the same for both sizes up to the outer loop, and no zero that was not.
for what in 'stridewise host' count counters host; do
    grep -q "^$what: exit 0" out.txt || { echo "qemu-pmu: $what failed in the guest"; exit 1; }
done
awk '$1 == "instructions" && $2 ~ /^[0-9.]+$/ { n++; if ($2 + 0 < 1 || $2 - low > 0.02 && n > 1) bad = 1; low = $2 }
    END { if (n != 2 || bad) { print "qemu-pmu: instructions were not counted as expected"; exit 1 }
          print "qemu-pmu: instructions counted by the PMU in both sizes" }' out.txt
