#!/usr/bin/env bash
# Proves that training runs on the Vulkan back end: one epoch of a small classifier on Mesa's software Vulkan.
# Needs Debian's or Ubuntu's packages mesa-vulkan-drivers and libvulkan1, and builds feature training-vulkan (minutes).
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
cargo run --release --features training-vulkan -- train classifier "$folder/data" --out "$folder/run" \
    --device vulkan --side 32 --width 4 --batch 4 --epochs 1 --held-out 0.3
cargo run --release --features training-vulkan -- export "$folder/run" --out "$folder/classifier.onnx"
echo "a training step on Vulkan ($lavapipe) and the export of its weights: passed"
