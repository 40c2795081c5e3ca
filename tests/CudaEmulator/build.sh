#!/usr/bin/env bash
# Builds the emulated CUDA libraries into a folder: build.sh FOLDER. Each library is one compilation of all files of its folder and
# exports its own names alone, so that a function declared for the wrong library stays missing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
out=$1
mkdir -p "$out/device"
cp "$here"/Device/*.h "$out/device/"

# library FILE SONAME FOLDER EXPORTS [LINK...]
library() {
  local file=$1 soname=$2 folder=$3 exports=$4
  shift 4
  printf "{ global: %s local: *; };\n" "$exports" > "$out/$folder.map"
  for source in "$here/$folder"/*.cpp; do echo "#include \"$source\""; done |
    g++ -x c++ -std=c++17 -O2 -ftree-vectorize -Wall -Wextra -fPIC -mno-red-zone -fno-semantic-interposition -U_FORTIFY_SOURCE -ffp-contract=off -shared -Wl,-soname,"$soname" \
      -Wl,--version-script="$out/$folder.map" -Wl,--no-undefined -Wl,-z,now -o "$out/$file" - "$@"
  rm "$out/$folder.map"
}
core=(-L"$out" -lcudaemu '-Wl,-rpath,$ORIGIN')

library libcudaemu.so libcudaemu.so Core 'cuemu*; extern "C++" { emu::*; };' -ldl -lrt
library libcuda.so.1 libcuda.so.1 Driver 'cu[A-Z]*;' "${core[@]}" &
driver=$!
library libnvrtc.so.12 libnvrtc.so.12 Nvrtc 'nvrtc*;' "${core[@]}" -ldl
wait "$driver"
library libcublas.so.12 libcublas.so.12 Cublas 'cublas*;' "${core[@]}" &
cublas=$!
library libcublasLt.so.12 libcublasLt.so.12 CublasLt 'cublasLt*;' "${core[@]}"
wait "$cublas"
library libcudnn.so.9 libcudnn.so.9 Cudnn 'cudnn*;' "${core[@]}"

# cuDNN 9 opens its parts by name, and who loads it carefully looks for them first. Here one library does it all, and the parts are empty.
for part in graph ops cnn adv heuristic engines_precompiled engines_runtime_compiled; do
  g++ -x c /dev/null -shared -nostdlib -Wl,-soname,"libcudnn_$part.so.9" -o "$out/libcudnn_$part.so.9"
done
