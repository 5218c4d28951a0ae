#!/usr/bin/env bash
# Proves that training runs on the Vulkan back end: an epoch of a small classifier on Mesa's software Vulkan has the
# same loss as on the CPU, to 1e-4.
# Needs Debian's or Ubuntu's packages mesa-vulkan-drivers and libvulkan1. Builds the feature training-vulkan (minutes).
set -euo pipefail
cd "$(dirname "$0")/.."

lavapipe=$(ls /usr/share/vulkan/icd.d/lvp_icd*.json 2>/dev/null | head -n 1) || true
if [ -z "$lavapipe" ]; then
    echo "vulkan.sh: Mesa's software Vulkan is not installed; run: apt-get install mesa-vulkan-drivers libvulkan1" >&2
    exit 1
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder/data/church" "$folder/data/parachute"
for copy in 1 2 3 4; do
    for photograph in demo/church-*.jpg; do cp "$photograph" "$folder/data/church/$copy-$(basename "$photograph")"; done
    for photograph in demo/parachute*.jpg; do cp "$photograph" "$folder/data/parachute/$copy-$(basename "$photograph")"; done
done
export VK_DRIVER_FILES=$lavapipe VK_ICD_FILENAMES=$lavapipe
purecam() { cargo run --quiet --release --features training-vulkan -- "$@"; }
train() { purecam train classifier "$folder/data" --side 32 --width 4 --batch 4 --epochs 1 --held-out 0.3 "$@"; }
loss() { grep -o '"loss":[0-9.]*' "$folder/$1/metrics.jsonl" | cut -d: -f2; }
train --device cpu --out "$folder/initial"
for device in cpu vulkan; do train --device $device --initial "$folder/initial" --out "$folder/$device"; done
purecam export "$folder/vulkan" --out "$folder/classifier.onnx"
echo "loss of four steps: $(loss cpu) on the CPU, $(loss vulkan) on Vulkan ($lavapipe)"
awk -v cpu="$(loss cpu)" -v vulkan="$(loss vulkan)" 'BEGIN { exit !(cpu > 0 && (cpu - vulkan) ^ 2 < (1e-4 * cpu) ^ 2) }' ||
    { echo "vulkan.sh: the losses differ by more than 1e-4" >&2; exit 1; }
