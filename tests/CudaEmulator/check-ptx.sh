#!/usr/bin/env bash
# Compiles .cu files to PTX with clang, for several GPUs, without a CUDA toolkit: check-ptx.sh [CLANG] [FILE...]. Without files, all of
# src/Kernels and bench, and the emulator's samples. Finds what g++ lets pass: overloads, address spaces, instructions that a GPU does not have. There
# is no ptxas here, so limits of registers and shared memory are not checked.
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
clang=${1:-clang-19}
shift || true
files=()
for file in "$@"; do files+=("$(realpath "$file")"); done
if [ ${#files[@]} -eq 0 ]; then
  mapfile -t files < <(find "$root/src/Kernels" "$root/bench" "$here/Tests" -name '*.cu' | sort)
fi
# The lines that the engine puts before every one of its files.
common="$root/src/Kernels/Cuda/Common.cuh"
# Those that files include, which the engine puts in by name.
mapfile -t includes < <(find "$root/src/Kernels" -name '*.cuh' -printf '-I%h\n' | sort -u)
passed=0; failed=0

compile() {  # FILE GPU
  local before=()
  case "$1" in "$root"/src/Kernels/* | "$root"/bench/*) [ -f "$common" ] && before=(-include "$common") ;; esac
  "$clang" "${includes[@]}" -x cuda --cuda-device-only -nocudainc -nocudalib --cuda-gpu-arch="$2" -Xclang -target-feature -Xclang +ptx78 -std=c++17 -fno-builtin \
    -Wno-unused-value -include "$here/Device/ptx.h" ${before[@]+"${before[@]}"} -S -o /dev/null "$1"
}

for file in "${files[@]}"; do
  for gpu in sm_75 sm_80 sm_90; do
    if compile "$file" "$gpu"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "$file does not compile for $gpu."; fi
  done
done
echo "  failed: $failed"
echo "  succeeded: $passed"
echo "  skipped: 0"
[ "$failed" -eq 0 ]
