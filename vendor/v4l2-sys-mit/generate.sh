#!/bin/sh
# Writes src/bindings.rs anew from the kernel's header. Needs bindgen (cargo install bindgen-cli) and libclang, which
# nothing else in this repository does. linux-libc-dev installs the header.
set -eu
cd "$(dirname "$0")"
header=$(mktemp --suffix .h)
trap 'rm -f "$header"' EXIT
echo '#include <linux/videodev2.h>' > "$header"
# What the crate v4l names, and what src/source/camera names besides.
types='capability|fmtdesc|format|pix_format|requestbuffers|buffer|framebuffer|exportbuffer|streamparm|captureparm'
types="$types|outputparm|fract|std_id|standard|input|output|control|queryctrl|querymenu|query_ext_ctrl|ext_control"
types="$types|tuner|audio|audioout|modulator|frequency|cropcap|crop|jpegcompression|edid|sliced_vbi_cap|frmsizeenum"
types="$types|frmivalenum|enc_idx|encoder_cmd|ext_controls|frmsizetypes|frmivaltypes|buf_type|memory|field|colorspace"
types="$types|ycbcr_encoding|quantization"
# The controls of codecs stay opaque: nothing here looks into them.
values='CTRL_FLAG_NEXT_CTRL|CTRL_FLAG_NEXT_COMPOUND|BUF_FLAG_.*|CAP_.*|PIX_FMT_PRIV_MAGIC'
bindgen "$header" --rust-target 1.82 --rust-edition 2021 --no-doc-comments --disable-header-comment \
    --opaque-type "v4l2_ctrl_.*|v4l2_vp.*|v4l2_h264.*|v4l2_hevc.*" --allowlist-type "v4l2_($types)|time_t" \
    --allowlist-var "V4L2_($values)" --output src/bindings.rs -- "$@"
