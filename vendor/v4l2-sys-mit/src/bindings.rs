#[derive(PartialEq, Eq, Copy, Clone, Debug, Hash)]
#[repr(C)]
pub struct __BindgenOpaqueArray<T>(pub T);
impl<T: Copy + Default, const N: usize> Default for __BindgenOpaqueArray<[T; N]> {
    fn default() -> Self {
        Self([<T as Default>::default(); N])
    }
}
#[derive(PartialEq, Eq, Copy, Clone, Debug, Hash)]
#[repr(C, align(8))]
pub struct __BindgenOpaqueArray8<T>(pub T);
impl<T: Copy + Default, const N: usize> Default for __BindgenOpaqueArray8<[T; N]> {
    fn default() -> Self {
        Self([<T as Default>::default(); N])
    }
}
pub const V4L2_CAP_VIDEO_CAPTURE: u32 = 1;
pub const V4L2_CAP_VIDEO_OUTPUT: u32 = 2;
pub const V4L2_CAP_VIDEO_OVERLAY: u32 = 4;
pub const V4L2_CAP_VBI_CAPTURE: u32 = 16;
pub const V4L2_CAP_VBI_OUTPUT: u32 = 32;
pub const V4L2_CAP_SLICED_VBI_CAPTURE: u32 = 64;
pub const V4L2_CAP_SLICED_VBI_OUTPUT: u32 = 128;
pub const V4L2_CAP_RDS_CAPTURE: u32 = 256;
pub const V4L2_CAP_VIDEO_OUTPUT_OVERLAY: u32 = 512;
pub const V4L2_CAP_HW_FREQ_SEEK: u32 = 1024;
pub const V4L2_CAP_RDS_OUTPUT: u32 = 2048;
pub const V4L2_CAP_VIDEO_CAPTURE_MPLANE: u32 = 4096;
pub const V4L2_CAP_VIDEO_OUTPUT_MPLANE: u32 = 8192;
pub const V4L2_CAP_VIDEO_M2M_MPLANE: u32 = 16384;
pub const V4L2_CAP_VIDEO_M2M: u32 = 32768;
pub const V4L2_CAP_TUNER: u32 = 65536;
pub const V4L2_CAP_AUDIO: u32 = 131072;
pub const V4L2_CAP_RADIO: u32 = 262144;
pub const V4L2_CAP_MODULATOR: u32 = 524288;
pub const V4L2_CAP_SDR_CAPTURE: u32 = 1048576;
pub const V4L2_CAP_EXT_PIX_FORMAT: u32 = 2097152;
pub const V4L2_CAP_SDR_OUTPUT: u32 = 4194304;
pub const V4L2_CAP_META_CAPTURE: u32 = 8388608;
pub const V4L2_CAP_READWRITE: u32 = 16777216;
pub const V4L2_CAP_STREAMING: u32 = 67108864;
pub const V4L2_CAP_META_OUTPUT: u32 = 134217728;
pub const V4L2_CAP_TOUCH: u32 = 268435456;
pub const V4L2_CAP_IO_MC: u32 = 536870912;
pub const V4L2_CAP_DEVICE_CAPS: u32 = 2147483648;
pub const V4L2_PIX_FMT_PRIV_MAGIC: u32 = 4276996862;
pub const V4L2_BUF_FLAG_MAPPED: u32 = 1;
pub const V4L2_BUF_FLAG_QUEUED: u32 = 2;
pub const V4L2_BUF_FLAG_DONE: u32 = 4;
pub const V4L2_BUF_FLAG_KEYFRAME: u32 = 8;
pub const V4L2_BUF_FLAG_PFRAME: u32 = 16;
pub const V4L2_BUF_FLAG_BFRAME: u32 = 32;
pub const V4L2_BUF_FLAG_ERROR: u32 = 64;
pub const V4L2_BUF_FLAG_IN_REQUEST: u32 = 128;
pub const V4L2_BUF_FLAG_TIMECODE: u32 = 256;
pub const V4L2_BUF_FLAG_M2M_HOLD_CAPTURE_BUF: u32 = 512;
pub const V4L2_BUF_FLAG_PREPARED: u32 = 1024;
pub const V4L2_BUF_FLAG_NO_CACHE_INVALIDATE: u32 = 2048;
pub const V4L2_BUF_FLAG_NO_CACHE_CLEAN: u32 = 4096;
pub const V4L2_BUF_FLAG_TIMESTAMP_MASK: u32 = 57344;
pub const V4L2_BUF_FLAG_TIMESTAMP_UNKNOWN: u32 = 0;
pub const V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC: u32 = 8192;
pub const V4L2_BUF_FLAG_TIMESTAMP_COPY: u32 = 16384;
pub const V4L2_BUF_FLAG_TSTAMP_SRC_MASK: u32 = 458752;
pub const V4L2_BUF_FLAG_TSTAMP_SRC_EOF: u32 = 0;
pub const V4L2_BUF_FLAG_TSTAMP_SRC_SOE: u32 = 65536;
pub const V4L2_BUF_FLAG_LAST: u32 = 1048576;
pub const V4L2_BUF_FLAG_REQUEST_FD: u32 = 8388608;
pub const V4L2_CAP_TIMEPERFRAME: u32 = 4096;
pub const V4L2_CTRL_FLAG_NEXT_CTRL: u32 = 2147483648;
pub const V4L2_CTRL_FLAG_NEXT_COMPOUND: u32 = 1073741824;
pub const V4L2_CAP_ASYNCIO: u32 = 33554432;
pub type __time_t = ::std::os::raw::c_long;
pub type __suseconds_t = ::std::os::raw::c_long;
pub type time_t = __time_t;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct timeval {
    pub tv_sec: __time_t,
    pub tv_usec: __suseconds_t,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of timeval"][::std::mem::size_of::<timeval>() - 16usize];
    ["Alignment of timeval"][::std::mem::align_of::<timeval>() - 8usize];
    ["Offset of field: timeval::tv_sec"][::std::mem::offset_of!(timeval, tv_sec) - 0usize];
    ["Offset of field: timeval::tv_usec"][::std::mem::offset_of!(timeval, tv_usec) - 8usize];
};
pub type __u8 = ::std::os::raw::c_uchar;
pub type __u16 = ::std::os::raw::c_ushort;
pub type __s32 = ::std::os::raw::c_int;
pub type __u32 = ::std::os::raw::c_uint;
pub type __s64 = ::std::os::raw::c_longlong;
pub type __u64 = ::std::os::raw::c_ulonglong;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_edid {
    pub pad: __u32,
    pub start_block: __u32,
    pub blocks: __u32,
    pub reserved: [__u32; 5usize],
    pub edid: *mut __u8,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_edid"][::std::mem::size_of::<v4l2_edid>() - 40usize];
    ["Alignment of v4l2_edid"][::std::mem::align_of::<v4l2_edid>() - 8usize];
    ["Offset of field: v4l2_edid::pad"][::std::mem::offset_of!(v4l2_edid, pad) - 0usize];
    ["Offset of field: v4l2_edid::start_block"][::std::mem::offset_of!(v4l2_edid, start_block) - 4usize];
    ["Offset of field: v4l2_edid::blocks"][::std::mem::offset_of!(v4l2_edid, blocks) - 8usize];
    ["Offset of field: v4l2_edid::reserved"][::std::mem::offset_of!(v4l2_edid, reserved) - 12usize];
    ["Offset of field: v4l2_edid::edid"][::std::mem::offset_of!(v4l2_edid, edid) - 32usize];
};
#[repr(C)]
#[repr(align(4))]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_ctrl_h264_sps {
    pub _bindgen_opaque_blob: __BindgenOpaqueArray<[u32; 262usize]>,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_ctrl_h264_sps"][::std::mem::size_of::<v4l2_ctrl_h264_sps>() - 1048usize];
    ["Alignment of v4l2_ctrl_h264_sps"][::std::mem::align_of::<v4l2_ctrl_h264_sps>() - 4usize];
};
#[repr(C)]
#[repr(align(2))]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_ctrl_h264_pps {
    pub _bindgen_opaque_blob: [u16; 6usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_ctrl_h264_pps"][::std::mem::size_of::<v4l2_ctrl_h264_pps>() - 12usize];
    ["Alignment of v4l2_ctrl_h264_pps"][::std::mem::align_of::<v4l2_ctrl_h264_pps>() - 2usize];
};
#[repr(C)]
#[repr(align(1))]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_ctrl_h264_scaling_matrix {
    pub _bindgen_opaque_blob: __BindgenOpaqueArray<[u8; 480usize]>,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_ctrl_h264_scaling_matrix"][::std::mem::size_of::<v4l2_ctrl_h264_scaling_matrix>() - 480usize];
    ["Alignment of v4l2_ctrl_h264_scaling_matrix"][::std::mem::align_of::<v4l2_ctrl_h264_scaling_matrix>() - 1usize];
};
#[repr(C)]
#[repr(align(2))]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_ctrl_h264_pred_weights {
    pub _bindgen_opaque_blob: __BindgenOpaqueArray<[u16; 386usize]>,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_ctrl_h264_pred_weights"][::std::mem::size_of::<v4l2_ctrl_h264_pred_weights>() - 772usize];
    ["Alignment of v4l2_ctrl_h264_pred_weights"][::std::mem::align_of::<v4l2_ctrl_h264_pred_weights>() - 2usize];
};
#[repr(C)]
#[repr(align(4))]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_ctrl_h264_slice_params {
    pub _bindgen_opaque_blob: __BindgenOpaqueArray<[u32; 38usize]>,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_ctrl_h264_slice_params"][::std::mem::size_of::<v4l2_ctrl_h264_slice_params>() - 152usize];
    ["Alignment of v4l2_ctrl_h264_slice_params"][::std::mem::align_of::<v4l2_ctrl_h264_slice_params>() - 4usize];
};
#[repr(C)]
#[repr(align(8))]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_ctrl_h264_decode_params {
    pub _bindgen_opaque_blob: __BindgenOpaqueArray8<[u8; 560usize]>,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_ctrl_h264_decode_params"][::std::mem::size_of::<v4l2_ctrl_h264_decode_params>() - 560usize];
    ["Alignment of v4l2_ctrl_h264_decode_params"][::std::mem::align_of::<v4l2_ctrl_h264_decode_params>() - 8usize];
};
#[repr(C)]
#[repr(align(8))]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_ctrl_fwht_params {
    pub _bindgen_opaque_blob: __BindgenOpaqueArray8<[u8; 40usize]>,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_ctrl_fwht_params"][::std::mem::size_of::<v4l2_ctrl_fwht_params>() - 40usize];
    ["Alignment of v4l2_ctrl_fwht_params"][::std::mem::align_of::<v4l2_ctrl_fwht_params>() - 8usize];
};
#[repr(C)]
#[repr(align(8))]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_ctrl_vp8_frame {
    pub _bindgen_opaque_blob: __BindgenOpaqueArray8<[u8; 1232usize]>,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_ctrl_vp8_frame"][::std::mem::size_of::<v4l2_ctrl_vp8_frame>() - 1232usize];
    ["Alignment of v4l2_ctrl_vp8_frame"][::std::mem::align_of::<v4l2_ctrl_vp8_frame>() - 8usize];
};
#[repr(C)]
#[repr(align(4))]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_ctrl_mpeg2_sequence {
    pub _bindgen_opaque_blob: [u32; 3usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_ctrl_mpeg2_sequence"][::std::mem::size_of::<v4l2_ctrl_mpeg2_sequence>() - 12usize];
    ["Alignment of v4l2_ctrl_mpeg2_sequence"][::std::mem::align_of::<v4l2_ctrl_mpeg2_sequence>() - 4usize];
};
#[repr(C)]
#[repr(align(8))]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_ctrl_mpeg2_picture {
    pub _bindgen_opaque_blob: __BindgenOpaqueArray8<[u8; 32usize]>,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_ctrl_mpeg2_picture"][::std::mem::size_of::<v4l2_ctrl_mpeg2_picture>() - 32usize];
    ["Alignment of v4l2_ctrl_mpeg2_picture"][::std::mem::align_of::<v4l2_ctrl_mpeg2_picture>() - 8usize];
};
#[repr(C)]
#[repr(align(1))]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_ctrl_mpeg2_quantisation {
    pub _bindgen_opaque_blob: __BindgenOpaqueArray<[u8; 256usize]>,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_ctrl_mpeg2_quantisation"][::std::mem::size_of::<v4l2_ctrl_mpeg2_quantisation>() - 256usize];
    ["Alignment of v4l2_ctrl_mpeg2_quantisation"][::std::mem::align_of::<v4l2_ctrl_mpeg2_quantisation>() - 1usize];
};
#[repr(C)]
#[repr(align(8))]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_ctrl_hevc_sps {
    pub _bindgen_opaque_blob: __BindgenOpaqueArray8<[u8; 40usize]>,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_ctrl_hevc_sps"][::std::mem::size_of::<v4l2_ctrl_hevc_sps>() - 40usize];
    ["Alignment of v4l2_ctrl_hevc_sps"][::std::mem::align_of::<v4l2_ctrl_hevc_sps>() - 8usize];
};
#[repr(C)]
#[repr(align(8))]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_ctrl_hevc_pps {
    pub _bindgen_opaque_blob: __BindgenOpaqueArray8<[u8; 64usize]>,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_ctrl_hevc_pps"][::std::mem::size_of::<v4l2_ctrl_hevc_pps>() - 64usize];
    ["Alignment of v4l2_ctrl_hevc_pps"][::std::mem::align_of::<v4l2_ctrl_hevc_pps>() - 8usize];
};
#[repr(C)]
#[repr(align(8))]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_ctrl_hevc_slice_params {
    pub _bindgen_opaque_blob: __BindgenOpaqueArray8<[u8; 280usize]>,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_ctrl_hevc_slice_params"][::std::mem::size_of::<v4l2_ctrl_hevc_slice_params>() - 280usize];
    ["Alignment of v4l2_ctrl_hevc_slice_params"][::std::mem::align_of::<v4l2_ctrl_hevc_slice_params>() - 8usize];
};
#[repr(C)]
#[repr(align(8))]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_ctrl_hevc_decode_params {
    pub _bindgen_opaque_blob: __BindgenOpaqueArray8<[u8; 328usize]>,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_ctrl_hevc_decode_params"][::std::mem::size_of::<v4l2_ctrl_hevc_decode_params>() - 328usize];
    ["Alignment of v4l2_ctrl_hevc_decode_params"][::std::mem::align_of::<v4l2_ctrl_hevc_decode_params>() - 8usize];
};
#[repr(C)]
#[repr(align(1))]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_ctrl_hevc_scaling_matrix {
    pub _bindgen_opaque_blob: __BindgenOpaqueArray<[u8; 1000usize]>,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_ctrl_hevc_scaling_matrix"][::std::mem::size_of::<v4l2_ctrl_hevc_scaling_matrix>() - 1000usize];
    ["Alignment of v4l2_ctrl_hevc_scaling_matrix"][::std::mem::align_of::<v4l2_ctrl_hevc_scaling_matrix>() - 1usize];
};
#[repr(C)]
#[repr(align(8))]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_ctrl_vp9_frame {
    pub _bindgen_opaque_blob: __BindgenOpaqueArray8<[u8; 168usize]>,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_ctrl_vp9_frame"][::std::mem::size_of::<v4l2_ctrl_vp9_frame>() - 168usize];
    ["Alignment of v4l2_ctrl_vp9_frame"][::std::mem::align_of::<v4l2_ctrl_vp9_frame>() - 8usize];
};
#[repr(C)]
#[repr(align(1))]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_ctrl_vp9_compressed_hdr {
    pub _bindgen_opaque_blob: __BindgenOpaqueArray<[u8; 2040usize]>,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_ctrl_vp9_compressed_hdr"][::std::mem::size_of::<v4l2_ctrl_vp9_compressed_hdr>() - 2040usize];
    ["Alignment of v4l2_ctrl_vp9_compressed_hdr"][::std::mem::align_of::<v4l2_ctrl_vp9_compressed_hdr>() - 1usize];
};
pub const v4l2_field_V4L2_FIELD_ANY: v4l2_field = 0;
pub const v4l2_field_V4L2_FIELD_NONE: v4l2_field = 1;
pub const v4l2_field_V4L2_FIELD_TOP: v4l2_field = 2;
pub const v4l2_field_V4L2_FIELD_BOTTOM: v4l2_field = 3;
pub const v4l2_field_V4L2_FIELD_INTERLACED: v4l2_field = 4;
pub const v4l2_field_V4L2_FIELD_SEQ_TB: v4l2_field = 5;
pub const v4l2_field_V4L2_FIELD_SEQ_BT: v4l2_field = 6;
pub const v4l2_field_V4L2_FIELD_ALTERNATE: v4l2_field = 7;
pub const v4l2_field_V4L2_FIELD_INTERLACED_TB: v4l2_field = 8;
pub const v4l2_field_V4L2_FIELD_INTERLACED_BT: v4l2_field = 9;
pub type v4l2_field = ::std::os::raw::c_uint;
pub const v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE: v4l2_buf_type = 1;
pub const v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_OUTPUT: v4l2_buf_type = 2;
pub const v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_OVERLAY: v4l2_buf_type = 3;
pub const v4l2_buf_type_V4L2_BUF_TYPE_VBI_CAPTURE: v4l2_buf_type = 4;
pub const v4l2_buf_type_V4L2_BUF_TYPE_VBI_OUTPUT: v4l2_buf_type = 5;
pub const v4l2_buf_type_V4L2_BUF_TYPE_SLICED_VBI_CAPTURE: v4l2_buf_type = 6;
pub const v4l2_buf_type_V4L2_BUF_TYPE_SLICED_VBI_OUTPUT: v4l2_buf_type = 7;
pub const v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_OUTPUT_OVERLAY: v4l2_buf_type = 8;
pub const v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE: v4l2_buf_type = 9;
pub const v4l2_buf_type_V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE: v4l2_buf_type = 10;
pub const v4l2_buf_type_V4L2_BUF_TYPE_SDR_CAPTURE: v4l2_buf_type = 11;
pub const v4l2_buf_type_V4L2_BUF_TYPE_SDR_OUTPUT: v4l2_buf_type = 12;
pub const v4l2_buf_type_V4L2_BUF_TYPE_META_CAPTURE: v4l2_buf_type = 13;
pub const v4l2_buf_type_V4L2_BUF_TYPE_META_OUTPUT: v4l2_buf_type = 14;
pub const v4l2_buf_type_V4L2_BUF_TYPE_PRIVATE: v4l2_buf_type = 128;
pub type v4l2_buf_type = ::std::os::raw::c_uint;
pub const v4l2_memory_V4L2_MEMORY_MMAP: v4l2_memory = 1;
pub const v4l2_memory_V4L2_MEMORY_USERPTR: v4l2_memory = 2;
pub const v4l2_memory_V4L2_MEMORY_OVERLAY: v4l2_memory = 3;
pub const v4l2_memory_V4L2_MEMORY_DMABUF: v4l2_memory = 4;
pub type v4l2_memory = ::std::os::raw::c_uint;
pub const v4l2_colorspace_V4L2_COLORSPACE_DEFAULT: v4l2_colorspace = 0;
pub const v4l2_colorspace_V4L2_COLORSPACE_SMPTE170M: v4l2_colorspace = 1;
pub const v4l2_colorspace_V4L2_COLORSPACE_SMPTE240M: v4l2_colorspace = 2;
pub const v4l2_colorspace_V4L2_COLORSPACE_REC709: v4l2_colorspace = 3;
pub const v4l2_colorspace_V4L2_COLORSPACE_BT878: v4l2_colorspace = 4;
pub const v4l2_colorspace_V4L2_COLORSPACE_470_SYSTEM_M: v4l2_colorspace = 5;
pub const v4l2_colorspace_V4L2_COLORSPACE_470_SYSTEM_BG: v4l2_colorspace = 6;
pub const v4l2_colorspace_V4L2_COLORSPACE_JPEG: v4l2_colorspace = 7;
pub const v4l2_colorspace_V4L2_COLORSPACE_SRGB: v4l2_colorspace = 8;
pub const v4l2_colorspace_V4L2_COLORSPACE_OPRGB: v4l2_colorspace = 9;
pub const v4l2_colorspace_V4L2_COLORSPACE_BT2020: v4l2_colorspace = 10;
pub const v4l2_colorspace_V4L2_COLORSPACE_RAW: v4l2_colorspace = 11;
pub const v4l2_colorspace_V4L2_COLORSPACE_DCI_P3: v4l2_colorspace = 12;
pub type v4l2_colorspace = ::std::os::raw::c_uint;
pub const v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_DEFAULT: v4l2_ycbcr_encoding = 0;
pub const v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_601: v4l2_ycbcr_encoding = 1;
pub const v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_709: v4l2_ycbcr_encoding = 2;
pub const v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_XV601: v4l2_ycbcr_encoding = 3;
pub const v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_XV709: v4l2_ycbcr_encoding = 4;
pub const v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_SYCC: v4l2_ycbcr_encoding = 5;
pub const v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_BT2020: v4l2_ycbcr_encoding = 6;
pub const v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_BT2020_CONST_LUM: v4l2_ycbcr_encoding = 7;
pub const v4l2_ycbcr_encoding_V4L2_YCBCR_ENC_SMPTE240M: v4l2_ycbcr_encoding = 8;
pub type v4l2_ycbcr_encoding = ::std::os::raw::c_uint;
pub const v4l2_quantization_V4L2_QUANTIZATION_DEFAULT: v4l2_quantization = 0;
pub const v4l2_quantization_V4L2_QUANTIZATION_FULL_RANGE: v4l2_quantization = 1;
pub const v4l2_quantization_V4L2_QUANTIZATION_LIM_RANGE: v4l2_quantization = 2;
pub type v4l2_quantization = ::std::os::raw::c_uint;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_rect {
    pub left: __s32,
    pub top: __s32,
    pub width: __u32,
    pub height: __u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_rect"][::std::mem::size_of::<v4l2_rect>() - 16usize];
    ["Alignment of v4l2_rect"][::std::mem::align_of::<v4l2_rect>() - 4usize];
    ["Offset of field: v4l2_rect::left"][::std::mem::offset_of!(v4l2_rect, left) - 0usize];
    ["Offset of field: v4l2_rect::top"][::std::mem::offset_of!(v4l2_rect, top) - 4usize];
    ["Offset of field: v4l2_rect::width"][::std::mem::offset_of!(v4l2_rect, width) - 8usize];
    ["Offset of field: v4l2_rect::height"][::std::mem::offset_of!(v4l2_rect, height) - 12usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_fract {
    pub numerator: __u32,
    pub denominator: __u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_fract"][::std::mem::size_of::<v4l2_fract>() - 8usize];
    ["Alignment of v4l2_fract"][::std::mem::align_of::<v4l2_fract>() - 4usize];
    ["Offset of field: v4l2_fract::numerator"][::std::mem::offset_of!(v4l2_fract, numerator) - 0usize];
    ["Offset of field: v4l2_fract::denominator"][::std::mem::offset_of!(v4l2_fract, denominator) - 4usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_area {
    pub width: __u32,
    pub height: __u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_area"][::std::mem::size_of::<v4l2_area>() - 8usize];
    ["Alignment of v4l2_area"][::std::mem::align_of::<v4l2_area>() - 4usize];
    ["Offset of field: v4l2_area::width"][::std::mem::offset_of!(v4l2_area, width) - 0usize];
    ["Offset of field: v4l2_area::height"][::std::mem::offset_of!(v4l2_area, height) - 4usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_capability {
    pub driver: [__u8; 16usize],
    pub card: [__u8; 32usize],
    pub bus_info: [__u8; 32usize],
    pub version: __u32,
    pub capabilities: __u32,
    pub device_caps: __u32,
    pub reserved: [__u32; 3usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_capability"][::std::mem::size_of::<v4l2_capability>() - 104usize];
    ["Alignment of v4l2_capability"][::std::mem::align_of::<v4l2_capability>() - 4usize];
    ["Offset of field: v4l2_capability::driver"][::std::mem::offset_of!(v4l2_capability, driver) - 0usize];
    ["Offset of field: v4l2_capability::card"][::std::mem::offset_of!(v4l2_capability, card) - 16usize];
    ["Offset of field: v4l2_capability::bus_info"][::std::mem::offset_of!(v4l2_capability, bus_info) - 48usize];
    ["Offset of field: v4l2_capability::version"][::std::mem::offset_of!(v4l2_capability, version) - 80usize];
    ["Offset of field: v4l2_capability::capabilities"][::std::mem::offset_of!(v4l2_capability, capabilities) - 84usize];
    ["Offset of field: v4l2_capability::device_caps"][::std::mem::offset_of!(v4l2_capability, device_caps) - 88usize];
    ["Offset of field: v4l2_capability::reserved"][::std::mem::offset_of!(v4l2_capability, reserved) - 92usize];
};
#[repr(C)]
#[derive(Copy, Clone)]
pub struct v4l2_pix_format {
    pub width: __u32,
    pub height: __u32,
    pub pixelformat: __u32,
    pub field: __u32,
    pub bytesperline: __u32,
    pub sizeimage: __u32,
    pub colorspace: __u32,
    pub priv_: __u32,
    pub flags: __u32,
    pub __bindgen_anon_1: v4l2_pix_format__bindgen_ty_1,
    pub quantization: __u32,
    pub xfer_func: __u32,
}
#[repr(C)]
#[derive(Copy, Clone)]
pub union v4l2_pix_format__bindgen_ty_1 {
    pub ycbcr_enc: __u32,
    pub hsv_enc: __u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_pix_format__bindgen_ty_1"][::std::mem::size_of::<v4l2_pix_format__bindgen_ty_1>() - 4usize];
    ["Alignment of v4l2_pix_format__bindgen_ty_1"][::std::mem::align_of::<v4l2_pix_format__bindgen_ty_1>() - 4usize];
    ["Offset of field: v4l2_pix_format__bindgen_ty_1::ycbcr_enc"]
        [::std::mem::offset_of!(v4l2_pix_format__bindgen_ty_1, ycbcr_enc) - 0usize];
    ["Offset of field: v4l2_pix_format__bindgen_ty_1::hsv_enc"]
        [::std::mem::offset_of!(v4l2_pix_format__bindgen_ty_1, hsv_enc) - 0usize];
};
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_pix_format"][::std::mem::size_of::<v4l2_pix_format>() - 48usize];
    ["Alignment of v4l2_pix_format"][::std::mem::align_of::<v4l2_pix_format>() - 4usize];
    ["Offset of field: v4l2_pix_format::width"][::std::mem::offset_of!(v4l2_pix_format, width) - 0usize];
    ["Offset of field: v4l2_pix_format::height"][::std::mem::offset_of!(v4l2_pix_format, height) - 4usize];
    ["Offset of field: v4l2_pix_format::pixelformat"][::std::mem::offset_of!(v4l2_pix_format, pixelformat) - 8usize];
    ["Offset of field: v4l2_pix_format::field"][::std::mem::offset_of!(v4l2_pix_format, field) - 12usize];
    ["Offset of field: v4l2_pix_format::bytesperline"][::std::mem::offset_of!(v4l2_pix_format, bytesperline) - 16usize];
    ["Offset of field: v4l2_pix_format::sizeimage"][::std::mem::offset_of!(v4l2_pix_format, sizeimage) - 20usize];
    ["Offset of field: v4l2_pix_format::colorspace"][::std::mem::offset_of!(v4l2_pix_format, colorspace) - 24usize];
    ["Offset of field: v4l2_pix_format::priv_"][::std::mem::offset_of!(v4l2_pix_format, priv_) - 28usize];
    ["Offset of field: v4l2_pix_format::flags"][::std::mem::offset_of!(v4l2_pix_format, flags) - 32usize];
    ["Offset of field: v4l2_pix_format::quantization"][::std::mem::offset_of!(v4l2_pix_format, quantization) - 40usize];
    ["Offset of field: v4l2_pix_format::xfer_func"][::std::mem::offset_of!(v4l2_pix_format, xfer_func) - 44usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_fmtdesc {
    pub index: __u32,
    pub type_: __u32,
    pub flags: __u32,
    pub description: [__u8; 32usize],
    pub pixelformat: __u32,
    pub mbus_code: __u32,
    pub reserved: [__u32; 3usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_fmtdesc"][::std::mem::size_of::<v4l2_fmtdesc>() - 64usize];
    ["Alignment of v4l2_fmtdesc"][::std::mem::align_of::<v4l2_fmtdesc>() - 4usize];
    ["Offset of field: v4l2_fmtdesc::index"][::std::mem::offset_of!(v4l2_fmtdesc, index) - 0usize];
    ["Offset of field: v4l2_fmtdesc::type_"][::std::mem::offset_of!(v4l2_fmtdesc, type_) - 4usize];
    ["Offset of field: v4l2_fmtdesc::flags"][::std::mem::offset_of!(v4l2_fmtdesc, flags) - 8usize];
    ["Offset of field: v4l2_fmtdesc::description"][::std::mem::offset_of!(v4l2_fmtdesc, description) - 12usize];
    ["Offset of field: v4l2_fmtdesc::pixelformat"][::std::mem::offset_of!(v4l2_fmtdesc, pixelformat) - 44usize];
    ["Offset of field: v4l2_fmtdesc::mbus_code"][::std::mem::offset_of!(v4l2_fmtdesc, mbus_code) - 48usize];
    ["Offset of field: v4l2_fmtdesc::reserved"][::std::mem::offset_of!(v4l2_fmtdesc, reserved) - 52usize];
};
pub const v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_DISCRETE: v4l2_frmsizetypes = 1;
pub const v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_CONTINUOUS: v4l2_frmsizetypes = 2;
pub const v4l2_frmsizetypes_V4L2_FRMSIZE_TYPE_STEPWISE: v4l2_frmsizetypes = 3;
pub type v4l2_frmsizetypes = ::std::os::raw::c_uint;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_frmsize_discrete {
    pub width: __u32,
    pub height: __u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_frmsize_discrete"][::std::mem::size_of::<v4l2_frmsize_discrete>() - 8usize];
    ["Alignment of v4l2_frmsize_discrete"][::std::mem::align_of::<v4l2_frmsize_discrete>() - 4usize];
    ["Offset of field: v4l2_frmsize_discrete::width"][::std::mem::offset_of!(v4l2_frmsize_discrete, width) - 0usize];
    ["Offset of field: v4l2_frmsize_discrete::height"][::std::mem::offset_of!(v4l2_frmsize_discrete, height) - 4usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_frmsize_stepwise {
    pub min_width: __u32,
    pub max_width: __u32,
    pub step_width: __u32,
    pub min_height: __u32,
    pub max_height: __u32,
    pub step_height: __u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_frmsize_stepwise"][::std::mem::size_of::<v4l2_frmsize_stepwise>() - 24usize];
    ["Alignment of v4l2_frmsize_stepwise"][::std::mem::align_of::<v4l2_frmsize_stepwise>() - 4usize];
    ["Offset of field: v4l2_frmsize_stepwise::min_width"]
        [::std::mem::offset_of!(v4l2_frmsize_stepwise, min_width) - 0usize];
    ["Offset of field: v4l2_frmsize_stepwise::max_width"]
        [::std::mem::offset_of!(v4l2_frmsize_stepwise, max_width) - 4usize];
    ["Offset of field: v4l2_frmsize_stepwise::step_width"]
        [::std::mem::offset_of!(v4l2_frmsize_stepwise, step_width) - 8usize];
    ["Offset of field: v4l2_frmsize_stepwise::min_height"]
        [::std::mem::offset_of!(v4l2_frmsize_stepwise, min_height) - 12usize];
    ["Offset of field: v4l2_frmsize_stepwise::max_height"]
        [::std::mem::offset_of!(v4l2_frmsize_stepwise, max_height) - 16usize];
    ["Offset of field: v4l2_frmsize_stepwise::step_height"]
        [::std::mem::offset_of!(v4l2_frmsize_stepwise, step_height) - 20usize];
};
#[repr(C)]
#[derive(Copy, Clone)]
pub struct v4l2_frmsizeenum {
    pub index: __u32,
    pub pixel_format: __u32,
    pub type_: __u32,
    pub __bindgen_anon_1: v4l2_frmsizeenum__bindgen_ty_1,
    pub reserved: [__u32; 2usize],
}
#[repr(C)]
#[derive(Copy, Clone)]
pub union v4l2_frmsizeenum__bindgen_ty_1 {
    pub discrete: v4l2_frmsize_discrete,
    pub stepwise: v4l2_frmsize_stepwise,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_frmsizeenum__bindgen_ty_1"][::std::mem::size_of::<v4l2_frmsizeenum__bindgen_ty_1>() - 24usize];
    ["Alignment of v4l2_frmsizeenum__bindgen_ty_1"][::std::mem::align_of::<v4l2_frmsizeenum__bindgen_ty_1>() - 4usize];
    ["Offset of field: v4l2_frmsizeenum__bindgen_ty_1::discrete"]
        [::std::mem::offset_of!(v4l2_frmsizeenum__bindgen_ty_1, discrete) - 0usize];
    ["Offset of field: v4l2_frmsizeenum__bindgen_ty_1::stepwise"]
        [::std::mem::offset_of!(v4l2_frmsizeenum__bindgen_ty_1, stepwise) - 0usize];
};
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_frmsizeenum"][::std::mem::size_of::<v4l2_frmsizeenum>() - 44usize];
    ["Alignment of v4l2_frmsizeenum"][::std::mem::align_of::<v4l2_frmsizeenum>() - 4usize];
    ["Offset of field: v4l2_frmsizeenum::index"][::std::mem::offset_of!(v4l2_frmsizeenum, index) - 0usize];
    ["Offset of field: v4l2_frmsizeenum::pixel_format"]
        [::std::mem::offset_of!(v4l2_frmsizeenum, pixel_format) - 4usize];
    ["Offset of field: v4l2_frmsizeenum::type_"][::std::mem::offset_of!(v4l2_frmsizeenum, type_) - 8usize];
    ["Offset of field: v4l2_frmsizeenum::reserved"][::std::mem::offset_of!(v4l2_frmsizeenum, reserved) - 36usize];
};
pub const v4l2_frmivaltypes_V4L2_FRMIVAL_TYPE_DISCRETE: v4l2_frmivaltypes = 1;
pub const v4l2_frmivaltypes_V4L2_FRMIVAL_TYPE_CONTINUOUS: v4l2_frmivaltypes = 2;
pub const v4l2_frmivaltypes_V4L2_FRMIVAL_TYPE_STEPWISE: v4l2_frmivaltypes = 3;
pub type v4l2_frmivaltypes = ::std::os::raw::c_uint;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_frmival_stepwise {
    pub min: v4l2_fract,
    pub max: v4l2_fract,
    pub step: v4l2_fract,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_frmival_stepwise"][::std::mem::size_of::<v4l2_frmival_stepwise>() - 24usize];
    ["Alignment of v4l2_frmival_stepwise"][::std::mem::align_of::<v4l2_frmival_stepwise>() - 4usize];
    ["Offset of field: v4l2_frmival_stepwise::min"][::std::mem::offset_of!(v4l2_frmival_stepwise, min) - 0usize];
    ["Offset of field: v4l2_frmival_stepwise::max"][::std::mem::offset_of!(v4l2_frmival_stepwise, max) - 8usize];
    ["Offset of field: v4l2_frmival_stepwise::step"][::std::mem::offset_of!(v4l2_frmival_stepwise, step) - 16usize];
};
#[repr(C)]
#[derive(Copy, Clone)]
pub struct v4l2_frmivalenum {
    pub index: __u32,
    pub pixel_format: __u32,
    pub width: __u32,
    pub height: __u32,
    pub type_: __u32,
    pub __bindgen_anon_1: v4l2_frmivalenum__bindgen_ty_1,
    pub reserved: [__u32; 2usize],
}
#[repr(C)]
#[derive(Copy, Clone)]
pub union v4l2_frmivalenum__bindgen_ty_1 {
    pub discrete: v4l2_fract,
    pub stepwise: v4l2_frmival_stepwise,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_frmivalenum__bindgen_ty_1"][::std::mem::size_of::<v4l2_frmivalenum__bindgen_ty_1>() - 24usize];
    ["Alignment of v4l2_frmivalenum__bindgen_ty_1"][::std::mem::align_of::<v4l2_frmivalenum__bindgen_ty_1>() - 4usize];
    ["Offset of field: v4l2_frmivalenum__bindgen_ty_1::discrete"]
        [::std::mem::offset_of!(v4l2_frmivalenum__bindgen_ty_1, discrete) - 0usize];
    ["Offset of field: v4l2_frmivalenum__bindgen_ty_1::stepwise"]
        [::std::mem::offset_of!(v4l2_frmivalenum__bindgen_ty_1, stepwise) - 0usize];
};
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_frmivalenum"][::std::mem::size_of::<v4l2_frmivalenum>() - 52usize];
    ["Alignment of v4l2_frmivalenum"][::std::mem::align_of::<v4l2_frmivalenum>() - 4usize];
    ["Offset of field: v4l2_frmivalenum::index"][::std::mem::offset_of!(v4l2_frmivalenum, index) - 0usize];
    ["Offset of field: v4l2_frmivalenum::pixel_format"]
        [::std::mem::offset_of!(v4l2_frmivalenum, pixel_format) - 4usize];
    ["Offset of field: v4l2_frmivalenum::width"][::std::mem::offset_of!(v4l2_frmivalenum, width) - 8usize];
    ["Offset of field: v4l2_frmivalenum::height"][::std::mem::offset_of!(v4l2_frmivalenum, height) - 12usize];
    ["Offset of field: v4l2_frmivalenum::type_"][::std::mem::offset_of!(v4l2_frmivalenum, type_) - 16usize];
    ["Offset of field: v4l2_frmivalenum::reserved"][::std::mem::offset_of!(v4l2_frmivalenum, reserved) - 44usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_timecode {
    pub type_: __u32,
    pub flags: __u32,
    pub frames: __u8,
    pub seconds: __u8,
    pub minutes: __u8,
    pub hours: __u8,
    pub userbits: [__u8; 4usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_timecode"][::std::mem::size_of::<v4l2_timecode>() - 16usize];
    ["Alignment of v4l2_timecode"][::std::mem::align_of::<v4l2_timecode>() - 4usize];
    ["Offset of field: v4l2_timecode::type_"][::std::mem::offset_of!(v4l2_timecode, type_) - 0usize];
    ["Offset of field: v4l2_timecode::flags"][::std::mem::offset_of!(v4l2_timecode, flags) - 4usize];
    ["Offset of field: v4l2_timecode::frames"][::std::mem::offset_of!(v4l2_timecode, frames) - 8usize];
    ["Offset of field: v4l2_timecode::seconds"][::std::mem::offset_of!(v4l2_timecode, seconds) - 9usize];
    ["Offset of field: v4l2_timecode::minutes"][::std::mem::offset_of!(v4l2_timecode, minutes) - 10usize];
    ["Offset of field: v4l2_timecode::hours"][::std::mem::offset_of!(v4l2_timecode, hours) - 11usize];
    ["Offset of field: v4l2_timecode::userbits"][::std::mem::offset_of!(v4l2_timecode, userbits) - 12usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_jpegcompression {
    pub quality: ::std::os::raw::c_int,
    pub APPn: ::std::os::raw::c_int,
    pub APP_len: ::std::os::raw::c_int,
    pub APP_data: [::std::os::raw::c_char; 60usize],
    pub COM_len: ::std::os::raw::c_int,
    pub COM_data: [::std::os::raw::c_char; 60usize],
    pub jpeg_markers: __u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_jpegcompression"][::std::mem::size_of::<v4l2_jpegcompression>() - 140usize];
    ["Alignment of v4l2_jpegcompression"][::std::mem::align_of::<v4l2_jpegcompression>() - 4usize];
    ["Offset of field: v4l2_jpegcompression::quality"][::std::mem::offset_of!(v4l2_jpegcompression, quality) - 0usize];
    ["Offset of field: v4l2_jpegcompression::APPn"][::std::mem::offset_of!(v4l2_jpegcompression, APPn) - 4usize];
    ["Offset of field: v4l2_jpegcompression::APP_len"][::std::mem::offset_of!(v4l2_jpegcompression, APP_len) - 8usize];
    ["Offset of field: v4l2_jpegcompression::APP_data"]
        [::std::mem::offset_of!(v4l2_jpegcompression, APP_data) - 12usize];
    ["Offset of field: v4l2_jpegcompression::COM_len"][::std::mem::offset_of!(v4l2_jpegcompression, COM_len) - 72usize];
    ["Offset of field: v4l2_jpegcompression::COM_data"]
        [::std::mem::offset_of!(v4l2_jpegcompression, COM_data) - 76usize];
    ["Offset of field: v4l2_jpegcompression::jpeg_markers"]
        [::std::mem::offset_of!(v4l2_jpegcompression, jpeg_markers) - 136usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_requestbuffers {
    pub count: __u32,
    pub type_: __u32,
    pub memory: __u32,
    pub capabilities: __u32,
    pub flags: __u8,
    pub reserved: [__u8; 3usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_requestbuffers"][::std::mem::size_of::<v4l2_requestbuffers>() - 20usize];
    ["Alignment of v4l2_requestbuffers"][::std::mem::align_of::<v4l2_requestbuffers>() - 4usize];
    ["Offset of field: v4l2_requestbuffers::count"][::std::mem::offset_of!(v4l2_requestbuffers, count) - 0usize];
    ["Offset of field: v4l2_requestbuffers::type_"][::std::mem::offset_of!(v4l2_requestbuffers, type_) - 4usize];
    ["Offset of field: v4l2_requestbuffers::memory"][::std::mem::offset_of!(v4l2_requestbuffers, memory) - 8usize];
    ["Offset of field: v4l2_requestbuffers::capabilities"]
        [::std::mem::offset_of!(v4l2_requestbuffers, capabilities) - 12usize];
    ["Offset of field: v4l2_requestbuffers::flags"][::std::mem::offset_of!(v4l2_requestbuffers, flags) - 16usize];
    ["Offset of field: v4l2_requestbuffers::reserved"][::std::mem::offset_of!(v4l2_requestbuffers, reserved) - 17usize];
};
#[repr(C)]
#[derive(Copy, Clone)]
pub struct v4l2_plane {
    pub bytesused: __u32,
    pub length: __u32,
    pub m: v4l2_plane__bindgen_ty_1,
    pub data_offset: __u32,
    pub reserved: [__u32; 11usize],
}
#[repr(C)]
#[derive(Copy, Clone)]
pub union v4l2_plane__bindgen_ty_1 {
    pub mem_offset: __u32,
    pub userptr: ::std::os::raw::c_ulong,
    pub fd: __s32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_plane__bindgen_ty_1"][::std::mem::size_of::<v4l2_plane__bindgen_ty_1>() - 8usize];
    ["Alignment of v4l2_plane__bindgen_ty_1"][::std::mem::align_of::<v4l2_plane__bindgen_ty_1>() - 8usize];
    ["Offset of field: v4l2_plane__bindgen_ty_1::mem_offset"]
        [::std::mem::offset_of!(v4l2_plane__bindgen_ty_1, mem_offset) - 0usize];
    ["Offset of field: v4l2_plane__bindgen_ty_1::userptr"]
        [::std::mem::offset_of!(v4l2_plane__bindgen_ty_1, userptr) - 0usize];
    ["Offset of field: v4l2_plane__bindgen_ty_1::fd"][::std::mem::offset_of!(v4l2_plane__bindgen_ty_1, fd) - 0usize];
};
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_plane"][::std::mem::size_of::<v4l2_plane>() - 64usize];
    ["Alignment of v4l2_plane"][::std::mem::align_of::<v4l2_plane>() - 8usize];
    ["Offset of field: v4l2_plane::bytesused"][::std::mem::offset_of!(v4l2_plane, bytesused) - 0usize];
    ["Offset of field: v4l2_plane::length"][::std::mem::offset_of!(v4l2_plane, length) - 4usize];
    ["Offset of field: v4l2_plane::m"][::std::mem::offset_of!(v4l2_plane, m) - 8usize];
    ["Offset of field: v4l2_plane::data_offset"][::std::mem::offset_of!(v4l2_plane, data_offset) - 16usize];
    ["Offset of field: v4l2_plane::reserved"][::std::mem::offset_of!(v4l2_plane, reserved) - 20usize];
};
#[repr(C)]
#[derive(Copy, Clone)]
pub struct v4l2_buffer {
    pub index: __u32,
    pub type_: __u32,
    pub bytesused: __u32,
    pub flags: __u32,
    pub field: __u32,
    pub timestamp: timeval,
    pub timecode: v4l2_timecode,
    pub sequence: __u32,
    pub memory: __u32,
    pub m: v4l2_buffer__bindgen_ty_1,
    pub length: __u32,
    pub reserved2: __u32,
    pub __bindgen_anon_1: v4l2_buffer__bindgen_ty_2,
}
#[repr(C)]
#[derive(Copy, Clone)]
pub union v4l2_buffer__bindgen_ty_1 {
    pub offset: __u32,
    pub userptr: ::std::os::raw::c_ulong,
    pub planes: *mut v4l2_plane,
    pub fd: __s32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_buffer__bindgen_ty_1"][::std::mem::size_of::<v4l2_buffer__bindgen_ty_1>() - 8usize];
    ["Alignment of v4l2_buffer__bindgen_ty_1"][::std::mem::align_of::<v4l2_buffer__bindgen_ty_1>() - 8usize];
    ["Offset of field: v4l2_buffer__bindgen_ty_1::offset"]
        [::std::mem::offset_of!(v4l2_buffer__bindgen_ty_1, offset) - 0usize];
    ["Offset of field: v4l2_buffer__bindgen_ty_1::userptr"]
        [::std::mem::offset_of!(v4l2_buffer__bindgen_ty_1, userptr) - 0usize];
    ["Offset of field: v4l2_buffer__bindgen_ty_1::planes"]
        [::std::mem::offset_of!(v4l2_buffer__bindgen_ty_1, planes) - 0usize];
    ["Offset of field: v4l2_buffer__bindgen_ty_1::fd"][::std::mem::offset_of!(v4l2_buffer__bindgen_ty_1, fd) - 0usize];
};
#[repr(C)]
#[derive(Copy, Clone)]
pub union v4l2_buffer__bindgen_ty_2 {
    pub request_fd: __s32,
    pub reserved: __u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_buffer__bindgen_ty_2"][::std::mem::size_of::<v4l2_buffer__bindgen_ty_2>() - 4usize];
    ["Alignment of v4l2_buffer__bindgen_ty_2"][::std::mem::align_of::<v4l2_buffer__bindgen_ty_2>() - 4usize];
    ["Offset of field: v4l2_buffer__bindgen_ty_2::request_fd"]
        [::std::mem::offset_of!(v4l2_buffer__bindgen_ty_2, request_fd) - 0usize];
    ["Offset of field: v4l2_buffer__bindgen_ty_2::reserved"]
        [::std::mem::offset_of!(v4l2_buffer__bindgen_ty_2, reserved) - 0usize];
};
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_buffer"][::std::mem::size_of::<v4l2_buffer>() - 88usize];
    ["Alignment of v4l2_buffer"][::std::mem::align_of::<v4l2_buffer>() - 8usize];
    ["Offset of field: v4l2_buffer::index"][::std::mem::offset_of!(v4l2_buffer, index) - 0usize];
    ["Offset of field: v4l2_buffer::type_"][::std::mem::offset_of!(v4l2_buffer, type_) - 4usize];
    ["Offset of field: v4l2_buffer::bytesused"][::std::mem::offset_of!(v4l2_buffer, bytesused) - 8usize];
    ["Offset of field: v4l2_buffer::flags"][::std::mem::offset_of!(v4l2_buffer, flags) - 12usize];
    ["Offset of field: v4l2_buffer::field"][::std::mem::offset_of!(v4l2_buffer, field) - 16usize];
    ["Offset of field: v4l2_buffer::timestamp"][::std::mem::offset_of!(v4l2_buffer, timestamp) - 24usize];
    ["Offset of field: v4l2_buffer::timecode"][::std::mem::offset_of!(v4l2_buffer, timecode) - 40usize];
    ["Offset of field: v4l2_buffer::sequence"][::std::mem::offset_of!(v4l2_buffer, sequence) - 56usize];
    ["Offset of field: v4l2_buffer::memory"][::std::mem::offset_of!(v4l2_buffer, memory) - 60usize];
    ["Offset of field: v4l2_buffer::m"][::std::mem::offset_of!(v4l2_buffer, m) - 64usize];
    ["Offset of field: v4l2_buffer::length"][::std::mem::offset_of!(v4l2_buffer, length) - 72usize];
    ["Offset of field: v4l2_buffer::reserved2"][::std::mem::offset_of!(v4l2_buffer, reserved2) - 76usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_exportbuffer {
    pub type_: __u32,
    pub index: __u32,
    pub plane: __u32,
    pub flags: __u32,
    pub fd: __s32,
    pub reserved: [__u32; 11usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_exportbuffer"][::std::mem::size_of::<v4l2_exportbuffer>() - 64usize];
    ["Alignment of v4l2_exportbuffer"][::std::mem::align_of::<v4l2_exportbuffer>() - 4usize];
    ["Offset of field: v4l2_exportbuffer::type_"][::std::mem::offset_of!(v4l2_exportbuffer, type_) - 0usize];
    ["Offset of field: v4l2_exportbuffer::index"][::std::mem::offset_of!(v4l2_exportbuffer, index) - 4usize];
    ["Offset of field: v4l2_exportbuffer::plane"][::std::mem::offset_of!(v4l2_exportbuffer, plane) - 8usize];
    ["Offset of field: v4l2_exportbuffer::flags"][::std::mem::offset_of!(v4l2_exportbuffer, flags) - 12usize];
    ["Offset of field: v4l2_exportbuffer::fd"][::std::mem::offset_of!(v4l2_exportbuffer, fd) - 16usize];
    ["Offset of field: v4l2_exportbuffer::reserved"][::std::mem::offset_of!(v4l2_exportbuffer, reserved) - 20usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_framebuffer {
    pub capability: __u32,
    pub flags: __u32,
    pub base: *mut ::std::os::raw::c_void,
    pub fmt: v4l2_framebuffer__bindgen_ty_1,
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_framebuffer__bindgen_ty_1 {
    pub width: __u32,
    pub height: __u32,
    pub pixelformat: __u32,
    pub field: __u32,
    pub bytesperline: __u32,
    pub sizeimage: __u32,
    pub colorspace: __u32,
    pub priv_: __u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_framebuffer__bindgen_ty_1"][::std::mem::size_of::<v4l2_framebuffer__bindgen_ty_1>() - 32usize];
    ["Alignment of v4l2_framebuffer__bindgen_ty_1"][::std::mem::align_of::<v4l2_framebuffer__bindgen_ty_1>() - 4usize];
    ["Offset of field: v4l2_framebuffer__bindgen_ty_1::width"]
        [::std::mem::offset_of!(v4l2_framebuffer__bindgen_ty_1, width) - 0usize];
    ["Offset of field: v4l2_framebuffer__bindgen_ty_1::height"]
        [::std::mem::offset_of!(v4l2_framebuffer__bindgen_ty_1, height) - 4usize];
    ["Offset of field: v4l2_framebuffer__bindgen_ty_1::pixelformat"]
        [::std::mem::offset_of!(v4l2_framebuffer__bindgen_ty_1, pixelformat) - 8usize];
    ["Offset of field: v4l2_framebuffer__bindgen_ty_1::field"]
        [::std::mem::offset_of!(v4l2_framebuffer__bindgen_ty_1, field) - 12usize];
    ["Offset of field: v4l2_framebuffer__bindgen_ty_1::bytesperline"]
        [::std::mem::offset_of!(v4l2_framebuffer__bindgen_ty_1, bytesperline) - 16usize];
    ["Offset of field: v4l2_framebuffer__bindgen_ty_1::sizeimage"]
        [::std::mem::offset_of!(v4l2_framebuffer__bindgen_ty_1, sizeimage) - 20usize];
    ["Offset of field: v4l2_framebuffer__bindgen_ty_1::colorspace"]
        [::std::mem::offset_of!(v4l2_framebuffer__bindgen_ty_1, colorspace) - 24usize];
    ["Offset of field: v4l2_framebuffer__bindgen_ty_1::priv_"]
        [::std::mem::offset_of!(v4l2_framebuffer__bindgen_ty_1, priv_) - 28usize];
};
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_framebuffer"][::std::mem::size_of::<v4l2_framebuffer>() - 48usize];
    ["Alignment of v4l2_framebuffer"][::std::mem::align_of::<v4l2_framebuffer>() - 8usize];
    ["Offset of field: v4l2_framebuffer::capability"][::std::mem::offset_of!(v4l2_framebuffer, capability) - 0usize];
    ["Offset of field: v4l2_framebuffer::flags"][::std::mem::offset_of!(v4l2_framebuffer, flags) - 4usize];
    ["Offset of field: v4l2_framebuffer::base"][::std::mem::offset_of!(v4l2_framebuffer, base) - 8usize];
    ["Offset of field: v4l2_framebuffer::fmt"][::std::mem::offset_of!(v4l2_framebuffer, fmt) - 16usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_clip {
    pub c: v4l2_rect,
    pub next: *mut v4l2_clip,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_clip"][::std::mem::size_of::<v4l2_clip>() - 24usize];
    ["Alignment of v4l2_clip"][::std::mem::align_of::<v4l2_clip>() - 8usize];
    ["Offset of field: v4l2_clip::c"][::std::mem::offset_of!(v4l2_clip, c) - 0usize];
    ["Offset of field: v4l2_clip::next"][::std::mem::offset_of!(v4l2_clip, next) - 16usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_window {
    pub w: v4l2_rect,
    pub field: __u32,
    pub chromakey: __u32,
    pub clips: *mut v4l2_clip,
    pub clipcount: __u32,
    pub bitmap: *mut ::std::os::raw::c_void,
    pub global_alpha: __u8,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_window"][::std::mem::size_of::<v4l2_window>() - 56usize];
    ["Alignment of v4l2_window"][::std::mem::align_of::<v4l2_window>() - 8usize];
    ["Offset of field: v4l2_window::w"][::std::mem::offset_of!(v4l2_window, w) - 0usize];
    ["Offset of field: v4l2_window::field"][::std::mem::offset_of!(v4l2_window, field) - 16usize];
    ["Offset of field: v4l2_window::chromakey"][::std::mem::offset_of!(v4l2_window, chromakey) - 20usize];
    ["Offset of field: v4l2_window::clips"][::std::mem::offset_of!(v4l2_window, clips) - 24usize];
    ["Offset of field: v4l2_window::clipcount"][::std::mem::offset_of!(v4l2_window, clipcount) - 32usize];
    ["Offset of field: v4l2_window::bitmap"][::std::mem::offset_of!(v4l2_window, bitmap) - 40usize];
    ["Offset of field: v4l2_window::global_alpha"][::std::mem::offset_of!(v4l2_window, global_alpha) - 48usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_captureparm {
    pub capability: __u32,
    pub capturemode: __u32,
    pub timeperframe: v4l2_fract,
    pub extendedmode: __u32,
    pub readbuffers: __u32,
    pub reserved: [__u32; 4usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_captureparm"][::std::mem::size_of::<v4l2_captureparm>() - 40usize];
    ["Alignment of v4l2_captureparm"][::std::mem::align_of::<v4l2_captureparm>() - 4usize];
    ["Offset of field: v4l2_captureparm::capability"][::std::mem::offset_of!(v4l2_captureparm, capability) - 0usize];
    ["Offset of field: v4l2_captureparm::capturemode"][::std::mem::offset_of!(v4l2_captureparm, capturemode) - 4usize];
    ["Offset of field: v4l2_captureparm::timeperframe"]
        [::std::mem::offset_of!(v4l2_captureparm, timeperframe) - 8usize];
    ["Offset of field: v4l2_captureparm::extendedmode"]
        [::std::mem::offset_of!(v4l2_captureparm, extendedmode) - 16usize];
    ["Offset of field: v4l2_captureparm::readbuffers"][::std::mem::offset_of!(v4l2_captureparm, readbuffers) - 20usize];
    ["Offset of field: v4l2_captureparm::reserved"][::std::mem::offset_of!(v4l2_captureparm, reserved) - 24usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_outputparm {
    pub capability: __u32,
    pub outputmode: __u32,
    pub timeperframe: v4l2_fract,
    pub extendedmode: __u32,
    pub writebuffers: __u32,
    pub reserved: [__u32; 4usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_outputparm"][::std::mem::size_of::<v4l2_outputparm>() - 40usize];
    ["Alignment of v4l2_outputparm"][::std::mem::align_of::<v4l2_outputparm>() - 4usize];
    ["Offset of field: v4l2_outputparm::capability"][::std::mem::offset_of!(v4l2_outputparm, capability) - 0usize];
    ["Offset of field: v4l2_outputparm::outputmode"][::std::mem::offset_of!(v4l2_outputparm, outputmode) - 4usize];
    ["Offset of field: v4l2_outputparm::timeperframe"][::std::mem::offset_of!(v4l2_outputparm, timeperframe) - 8usize];
    ["Offset of field: v4l2_outputparm::extendedmode"][::std::mem::offset_of!(v4l2_outputparm, extendedmode) - 16usize];
    ["Offset of field: v4l2_outputparm::writebuffers"][::std::mem::offset_of!(v4l2_outputparm, writebuffers) - 20usize];
    ["Offset of field: v4l2_outputparm::reserved"][::std::mem::offset_of!(v4l2_outputparm, reserved) - 24usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_cropcap {
    pub type_: __u32,
    pub bounds: v4l2_rect,
    pub defrect: v4l2_rect,
    pub pixelaspect: v4l2_fract,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_cropcap"][::std::mem::size_of::<v4l2_cropcap>() - 44usize];
    ["Alignment of v4l2_cropcap"][::std::mem::align_of::<v4l2_cropcap>() - 4usize];
    ["Offset of field: v4l2_cropcap::type_"][::std::mem::offset_of!(v4l2_cropcap, type_) - 0usize];
    ["Offset of field: v4l2_cropcap::bounds"][::std::mem::offset_of!(v4l2_cropcap, bounds) - 4usize];
    ["Offset of field: v4l2_cropcap::defrect"][::std::mem::offset_of!(v4l2_cropcap, defrect) - 20usize];
    ["Offset of field: v4l2_cropcap::pixelaspect"][::std::mem::offset_of!(v4l2_cropcap, pixelaspect) - 36usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_crop {
    pub type_: __u32,
    pub c: v4l2_rect,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_crop"][::std::mem::size_of::<v4l2_crop>() - 20usize];
    ["Alignment of v4l2_crop"][::std::mem::align_of::<v4l2_crop>() - 4usize];
    ["Offset of field: v4l2_crop::type_"][::std::mem::offset_of!(v4l2_crop, type_) - 0usize];
    ["Offset of field: v4l2_crop::c"][::std::mem::offset_of!(v4l2_crop, c) - 4usize];
};
pub type v4l2_std_id = __u64;
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_standard {
    pub index: __u32,
    pub id: v4l2_std_id,
    pub name: [__u8; 24usize],
    pub frameperiod: v4l2_fract,
    pub framelines: __u32,
    pub reserved: [__u32; 4usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_standard"][::std::mem::size_of::<v4l2_standard>() - 72usize];
    ["Alignment of v4l2_standard"][::std::mem::align_of::<v4l2_standard>() - 8usize];
    ["Offset of field: v4l2_standard::index"][::std::mem::offset_of!(v4l2_standard, index) - 0usize];
    ["Offset of field: v4l2_standard::id"][::std::mem::offset_of!(v4l2_standard, id) - 8usize];
    ["Offset of field: v4l2_standard::name"][::std::mem::offset_of!(v4l2_standard, name) - 16usize];
    ["Offset of field: v4l2_standard::frameperiod"][::std::mem::offset_of!(v4l2_standard, frameperiod) - 40usize];
    ["Offset of field: v4l2_standard::framelines"][::std::mem::offset_of!(v4l2_standard, framelines) - 48usize];
    ["Offset of field: v4l2_standard::reserved"][::std::mem::offset_of!(v4l2_standard, reserved) - 52usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_input {
    pub index: __u32,
    pub name: [__u8; 32usize],
    pub type_: __u32,
    pub audioset: __u32,
    pub tuner: __u32,
    pub std: v4l2_std_id,
    pub status: __u32,
    pub capabilities: __u32,
    pub reserved: [__u32; 3usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_input"][::std::mem::size_of::<v4l2_input>() - 80usize];
    ["Alignment of v4l2_input"][::std::mem::align_of::<v4l2_input>() - 8usize];
    ["Offset of field: v4l2_input::index"][::std::mem::offset_of!(v4l2_input, index) - 0usize];
    ["Offset of field: v4l2_input::name"][::std::mem::offset_of!(v4l2_input, name) - 4usize];
    ["Offset of field: v4l2_input::type_"][::std::mem::offset_of!(v4l2_input, type_) - 36usize];
    ["Offset of field: v4l2_input::audioset"][::std::mem::offset_of!(v4l2_input, audioset) - 40usize];
    ["Offset of field: v4l2_input::tuner"][::std::mem::offset_of!(v4l2_input, tuner) - 44usize];
    ["Offset of field: v4l2_input::std"][::std::mem::offset_of!(v4l2_input, std) - 48usize];
    ["Offset of field: v4l2_input::status"][::std::mem::offset_of!(v4l2_input, status) - 56usize];
    ["Offset of field: v4l2_input::capabilities"][::std::mem::offset_of!(v4l2_input, capabilities) - 60usize];
    ["Offset of field: v4l2_input::reserved"][::std::mem::offset_of!(v4l2_input, reserved) - 64usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_output {
    pub index: __u32,
    pub name: [__u8; 32usize],
    pub type_: __u32,
    pub audioset: __u32,
    pub modulator: __u32,
    pub std: v4l2_std_id,
    pub capabilities: __u32,
    pub reserved: [__u32; 3usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_output"][::std::mem::size_of::<v4l2_output>() - 72usize];
    ["Alignment of v4l2_output"][::std::mem::align_of::<v4l2_output>() - 8usize];
    ["Offset of field: v4l2_output::index"][::std::mem::offset_of!(v4l2_output, index) - 0usize];
    ["Offset of field: v4l2_output::name"][::std::mem::offset_of!(v4l2_output, name) - 4usize];
    ["Offset of field: v4l2_output::type_"][::std::mem::offset_of!(v4l2_output, type_) - 36usize];
    ["Offset of field: v4l2_output::audioset"][::std::mem::offset_of!(v4l2_output, audioset) - 40usize];
    ["Offset of field: v4l2_output::modulator"][::std::mem::offset_of!(v4l2_output, modulator) - 44usize];
    ["Offset of field: v4l2_output::std"][::std::mem::offset_of!(v4l2_output, std) - 48usize];
    ["Offset of field: v4l2_output::capabilities"][::std::mem::offset_of!(v4l2_output, capabilities) - 56usize];
    ["Offset of field: v4l2_output::reserved"][::std::mem::offset_of!(v4l2_output, reserved) - 60usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_control {
    pub id: __u32,
    pub value: __s32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_control"][::std::mem::size_of::<v4l2_control>() - 8usize];
    ["Alignment of v4l2_control"][::std::mem::align_of::<v4l2_control>() - 4usize];
    ["Offset of field: v4l2_control::id"][::std::mem::offset_of!(v4l2_control, id) - 0usize];
    ["Offset of field: v4l2_control::value"][::std::mem::offset_of!(v4l2_control, value) - 4usize];
};
#[repr(C, packed)]
#[derive(Copy, Clone)]
pub struct v4l2_ext_control {
    pub id: __u32,
    pub size: __u32,
    pub reserved2: [__u32; 1usize],
    pub __bindgen_anon_1: v4l2_ext_control__bindgen_ty_1,
}
#[repr(C)]
#[derive(Copy, Clone)]
pub union v4l2_ext_control__bindgen_ty_1 {
    pub value: __s32,
    pub value64: __s64,
    pub string: *mut ::std::os::raw::c_char,
    pub p_u8: *mut __u8,
    pub p_u16: *mut __u16,
    pub p_u32: *mut __u32,
    pub p_area: *mut v4l2_area,
    pub p_h264_sps: *mut v4l2_ctrl_h264_sps,
    pub p_h264_pps: *mut v4l2_ctrl_h264_pps,
    pub p_h264_scaling_matrix: *mut v4l2_ctrl_h264_scaling_matrix,
    pub p_h264_pred_weights: *mut v4l2_ctrl_h264_pred_weights,
    pub p_h264_slice_params: *mut v4l2_ctrl_h264_slice_params,
    pub p_h264_decode_params: *mut v4l2_ctrl_h264_decode_params,
    pub p_fwht_params: *mut v4l2_ctrl_fwht_params,
    pub p_vp8_frame: *mut v4l2_ctrl_vp8_frame,
    pub p_mpeg2_sequence: *mut v4l2_ctrl_mpeg2_sequence,
    pub p_mpeg2_picture: *mut v4l2_ctrl_mpeg2_picture,
    pub p_mpeg2_quantisation: *mut v4l2_ctrl_mpeg2_quantisation,
    pub p_vp9_compressed_hdr_probs: *mut v4l2_ctrl_vp9_compressed_hdr,
    pub p_vp9_frame: *mut v4l2_ctrl_vp9_frame,
    pub p_hevc_sps: *mut v4l2_ctrl_hevc_sps,
    pub p_hevc_pps: *mut v4l2_ctrl_hevc_pps,
    pub p_hevc_slice_params: *mut v4l2_ctrl_hevc_slice_params,
    pub p_hevc_scaling_matrix: *mut v4l2_ctrl_hevc_scaling_matrix,
    pub p_hevc_decode_params: *mut v4l2_ctrl_hevc_decode_params,
    pub ptr: *mut ::std::os::raw::c_void,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_ext_control__bindgen_ty_1"][::std::mem::size_of::<v4l2_ext_control__bindgen_ty_1>() - 8usize];
    ["Alignment of v4l2_ext_control__bindgen_ty_1"][::std::mem::align_of::<v4l2_ext_control__bindgen_ty_1>() - 8usize];
    ["Offset of field: v4l2_ext_control__bindgen_ty_1::value"]
        [::std::mem::offset_of!(v4l2_ext_control__bindgen_ty_1, value) - 0usize];
    ["Offset of field: v4l2_ext_control__bindgen_ty_1::value64"]
        [::std::mem::offset_of!(v4l2_ext_control__bindgen_ty_1, value64) - 0usize];
    ["Offset of field: v4l2_ext_control__bindgen_ty_1::string"]
        [::std::mem::offset_of!(v4l2_ext_control__bindgen_ty_1, string) - 0usize];
    ["Offset of field: v4l2_ext_control__bindgen_ty_1::p_u8"]
        [::std::mem::offset_of!(v4l2_ext_control__bindgen_ty_1, p_u8) - 0usize];
    ["Offset of field: v4l2_ext_control__bindgen_ty_1::p_u16"]
        [::std::mem::offset_of!(v4l2_ext_control__bindgen_ty_1, p_u16) - 0usize];
    ["Offset of field: v4l2_ext_control__bindgen_ty_1::p_u32"]
        [::std::mem::offset_of!(v4l2_ext_control__bindgen_ty_1, p_u32) - 0usize];
    ["Offset of field: v4l2_ext_control__bindgen_ty_1::p_area"]
        [::std::mem::offset_of!(v4l2_ext_control__bindgen_ty_1, p_area) - 0usize];
    ["Offset of field: v4l2_ext_control__bindgen_ty_1::p_h264_sps"]
        [::std::mem::offset_of!(v4l2_ext_control__bindgen_ty_1, p_h264_sps) - 0usize];
    ["Offset of field: v4l2_ext_control__bindgen_ty_1::p_h264_pps"]
        [::std::mem::offset_of!(v4l2_ext_control__bindgen_ty_1, p_h264_pps) - 0usize];
    ["Offset of field: v4l2_ext_control__bindgen_ty_1::p_h264_scaling_matrix"]
        [::std::mem::offset_of!(v4l2_ext_control__bindgen_ty_1, p_h264_scaling_matrix) - 0usize];
    ["Offset of field: v4l2_ext_control__bindgen_ty_1::p_h264_pred_weights"]
        [::std::mem::offset_of!(v4l2_ext_control__bindgen_ty_1, p_h264_pred_weights) - 0usize];
    ["Offset of field: v4l2_ext_control__bindgen_ty_1::p_h264_slice_params"]
        [::std::mem::offset_of!(v4l2_ext_control__bindgen_ty_1, p_h264_slice_params) - 0usize];
    ["Offset of field: v4l2_ext_control__bindgen_ty_1::p_h264_decode_params"]
        [::std::mem::offset_of!(v4l2_ext_control__bindgen_ty_1, p_h264_decode_params) - 0usize];
    ["Offset of field: v4l2_ext_control__bindgen_ty_1::p_fwht_params"]
        [::std::mem::offset_of!(v4l2_ext_control__bindgen_ty_1, p_fwht_params) - 0usize];
    ["Offset of field: v4l2_ext_control__bindgen_ty_1::p_vp8_frame"]
        [::std::mem::offset_of!(v4l2_ext_control__bindgen_ty_1, p_vp8_frame) - 0usize];
    ["Offset of field: v4l2_ext_control__bindgen_ty_1::p_mpeg2_sequence"]
        [::std::mem::offset_of!(v4l2_ext_control__bindgen_ty_1, p_mpeg2_sequence) - 0usize];
    ["Offset of field: v4l2_ext_control__bindgen_ty_1::p_mpeg2_picture"]
        [::std::mem::offset_of!(v4l2_ext_control__bindgen_ty_1, p_mpeg2_picture) - 0usize];
    ["Offset of field: v4l2_ext_control__bindgen_ty_1::p_mpeg2_quantisation"]
        [::std::mem::offset_of!(v4l2_ext_control__bindgen_ty_1, p_mpeg2_quantisation) - 0usize];
    ["Offset of field: v4l2_ext_control__bindgen_ty_1::p_vp9_compressed_hdr_probs"]
        [::std::mem::offset_of!(v4l2_ext_control__bindgen_ty_1, p_vp9_compressed_hdr_probs) - 0usize];
    ["Offset of field: v4l2_ext_control__bindgen_ty_1::p_vp9_frame"]
        [::std::mem::offset_of!(v4l2_ext_control__bindgen_ty_1, p_vp9_frame) - 0usize];
    ["Offset of field: v4l2_ext_control__bindgen_ty_1::p_hevc_sps"]
        [::std::mem::offset_of!(v4l2_ext_control__bindgen_ty_1, p_hevc_sps) - 0usize];
    ["Offset of field: v4l2_ext_control__bindgen_ty_1::p_hevc_pps"]
        [::std::mem::offset_of!(v4l2_ext_control__bindgen_ty_1, p_hevc_pps) - 0usize];
    ["Offset of field: v4l2_ext_control__bindgen_ty_1::p_hevc_slice_params"]
        [::std::mem::offset_of!(v4l2_ext_control__bindgen_ty_1, p_hevc_slice_params) - 0usize];
    ["Offset of field: v4l2_ext_control__bindgen_ty_1::p_hevc_scaling_matrix"]
        [::std::mem::offset_of!(v4l2_ext_control__bindgen_ty_1, p_hevc_scaling_matrix) - 0usize];
    ["Offset of field: v4l2_ext_control__bindgen_ty_1::p_hevc_decode_params"]
        [::std::mem::offset_of!(v4l2_ext_control__bindgen_ty_1, p_hevc_decode_params) - 0usize];
    ["Offset of field: v4l2_ext_control__bindgen_ty_1::ptr"]
        [::std::mem::offset_of!(v4l2_ext_control__bindgen_ty_1, ptr) - 0usize];
};
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_ext_control"][::std::mem::size_of::<v4l2_ext_control>() - 20usize];
    ["Alignment of v4l2_ext_control"][::std::mem::align_of::<v4l2_ext_control>() - 1usize];
    ["Offset of field: v4l2_ext_control::id"][::std::mem::offset_of!(v4l2_ext_control, id) - 0usize];
    ["Offset of field: v4l2_ext_control::size"][::std::mem::offset_of!(v4l2_ext_control, size) - 4usize];
    ["Offset of field: v4l2_ext_control::reserved2"][::std::mem::offset_of!(v4l2_ext_control, reserved2) - 8usize];
};
#[repr(C)]
#[derive(Copy, Clone)]
pub struct v4l2_ext_controls {
    pub __bindgen_anon_1: v4l2_ext_controls__bindgen_ty_1,
    pub count: __u32,
    pub error_idx: __u32,
    pub request_fd: __s32,
    pub reserved: [__u32; 1usize],
    pub controls: *mut v4l2_ext_control,
}
#[repr(C)]
#[derive(Copy, Clone)]
pub union v4l2_ext_controls__bindgen_ty_1 {
    pub ctrl_class: __u32,
    pub which: __u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_ext_controls__bindgen_ty_1"][::std::mem::size_of::<v4l2_ext_controls__bindgen_ty_1>() - 4usize];
    ["Alignment of v4l2_ext_controls__bindgen_ty_1"]
        [::std::mem::align_of::<v4l2_ext_controls__bindgen_ty_1>() - 4usize];
    ["Offset of field: v4l2_ext_controls__bindgen_ty_1::ctrl_class"]
        [::std::mem::offset_of!(v4l2_ext_controls__bindgen_ty_1, ctrl_class) - 0usize];
    ["Offset of field: v4l2_ext_controls__bindgen_ty_1::which"]
        [::std::mem::offset_of!(v4l2_ext_controls__bindgen_ty_1, which) - 0usize];
};
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_ext_controls"][::std::mem::size_of::<v4l2_ext_controls>() - 32usize];
    ["Alignment of v4l2_ext_controls"][::std::mem::align_of::<v4l2_ext_controls>() - 8usize];
    ["Offset of field: v4l2_ext_controls::count"][::std::mem::offset_of!(v4l2_ext_controls, count) - 4usize];
    ["Offset of field: v4l2_ext_controls::error_idx"][::std::mem::offset_of!(v4l2_ext_controls, error_idx) - 8usize];
    ["Offset of field: v4l2_ext_controls::request_fd"][::std::mem::offset_of!(v4l2_ext_controls, request_fd) - 12usize];
    ["Offset of field: v4l2_ext_controls::reserved"][::std::mem::offset_of!(v4l2_ext_controls, reserved) - 16usize];
    ["Offset of field: v4l2_ext_controls::controls"][::std::mem::offset_of!(v4l2_ext_controls, controls) - 24usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_queryctrl {
    pub id: __u32,
    pub type_: __u32,
    pub name: [__u8; 32usize],
    pub minimum: __s32,
    pub maximum: __s32,
    pub step: __s32,
    pub default_value: __s32,
    pub flags: __u32,
    pub reserved: [__u32; 2usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_queryctrl"][::std::mem::size_of::<v4l2_queryctrl>() - 68usize];
    ["Alignment of v4l2_queryctrl"][::std::mem::align_of::<v4l2_queryctrl>() - 4usize];
    ["Offset of field: v4l2_queryctrl::id"][::std::mem::offset_of!(v4l2_queryctrl, id) - 0usize];
    ["Offset of field: v4l2_queryctrl::type_"][::std::mem::offset_of!(v4l2_queryctrl, type_) - 4usize];
    ["Offset of field: v4l2_queryctrl::name"][::std::mem::offset_of!(v4l2_queryctrl, name) - 8usize];
    ["Offset of field: v4l2_queryctrl::minimum"][::std::mem::offset_of!(v4l2_queryctrl, minimum) - 40usize];
    ["Offset of field: v4l2_queryctrl::maximum"][::std::mem::offset_of!(v4l2_queryctrl, maximum) - 44usize];
    ["Offset of field: v4l2_queryctrl::step"][::std::mem::offset_of!(v4l2_queryctrl, step) - 48usize];
    ["Offset of field: v4l2_queryctrl::default_value"][::std::mem::offset_of!(v4l2_queryctrl, default_value) - 52usize];
    ["Offset of field: v4l2_queryctrl::flags"][::std::mem::offset_of!(v4l2_queryctrl, flags) - 56usize];
    ["Offset of field: v4l2_queryctrl::reserved"][::std::mem::offset_of!(v4l2_queryctrl, reserved) - 60usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_query_ext_ctrl {
    pub id: __u32,
    pub type_: __u32,
    pub name: [::std::os::raw::c_char; 32usize],
    pub minimum: __s64,
    pub maximum: __s64,
    pub step: __u64,
    pub default_value: __s64,
    pub flags: __u32,
    pub elem_size: __u32,
    pub elems: __u32,
    pub nr_of_dims: __u32,
    pub dims: [__u32; 4usize],
    pub reserved: [__u32; 32usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_query_ext_ctrl"][::std::mem::size_of::<v4l2_query_ext_ctrl>() - 232usize];
    ["Alignment of v4l2_query_ext_ctrl"][::std::mem::align_of::<v4l2_query_ext_ctrl>() - 8usize];
    ["Offset of field: v4l2_query_ext_ctrl::id"][::std::mem::offset_of!(v4l2_query_ext_ctrl, id) - 0usize];
    ["Offset of field: v4l2_query_ext_ctrl::type_"][::std::mem::offset_of!(v4l2_query_ext_ctrl, type_) - 4usize];
    ["Offset of field: v4l2_query_ext_ctrl::name"][::std::mem::offset_of!(v4l2_query_ext_ctrl, name) - 8usize];
    ["Offset of field: v4l2_query_ext_ctrl::minimum"][::std::mem::offset_of!(v4l2_query_ext_ctrl, minimum) - 40usize];
    ["Offset of field: v4l2_query_ext_ctrl::maximum"][::std::mem::offset_of!(v4l2_query_ext_ctrl, maximum) - 48usize];
    ["Offset of field: v4l2_query_ext_ctrl::step"][::std::mem::offset_of!(v4l2_query_ext_ctrl, step) - 56usize];
    ["Offset of field: v4l2_query_ext_ctrl::default_value"]
        [::std::mem::offset_of!(v4l2_query_ext_ctrl, default_value) - 64usize];
    ["Offset of field: v4l2_query_ext_ctrl::flags"][::std::mem::offset_of!(v4l2_query_ext_ctrl, flags) - 72usize];
    ["Offset of field: v4l2_query_ext_ctrl::elem_size"]
        [::std::mem::offset_of!(v4l2_query_ext_ctrl, elem_size) - 76usize];
    ["Offset of field: v4l2_query_ext_ctrl::elems"][::std::mem::offset_of!(v4l2_query_ext_ctrl, elems) - 80usize];
    ["Offset of field: v4l2_query_ext_ctrl::nr_of_dims"]
        [::std::mem::offset_of!(v4l2_query_ext_ctrl, nr_of_dims) - 84usize];
    ["Offset of field: v4l2_query_ext_ctrl::dims"][::std::mem::offset_of!(v4l2_query_ext_ctrl, dims) - 88usize];
    ["Offset of field: v4l2_query_ext_ctrl::reserved"]
        [::std::mem::offset_of!(v4l2_query_ext_ctrl, reserved) - 104usize];
};
#[repr(C, packed)]
#[derive(Copy, Clone)]
pub struct v4l2_querymenu {
    pub id: __u32,
    pub index: __u32,
    pub __bindgen_anon_1: v4l2_querymenu__bindgen_ty_1,
    pub reserved: __u32,
}
#[repr(C)]
#[derive(Copy, Clone)]
pub union v4l2_querymenu__bindgen_ty_1 {
    pub name: [__u8; 32usize],
    pub value: __s64,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_querymenu__bindgen_ty_1"][::std::mem::size_of::<v4l2_querymenu__bindgen_ty_1>() - 32usize];
    ["Alignment of v4l2_querymenu__bindgen_ty_1"][::std::mem::align_of::<v4l2_querymenu__bindgen_ty_1>() - 8usize];
    ["Offset of field: v4l2_querymenu__bindgen_ty_1::name"]
        [::std::mem::offset_of!(v4l2_querymenu__bindgen_ty_1, name) - 0usize];
    ["Offset of field: v4l2_querymenu__bindgen_ty_1::value"]
        [::std::mem::offset_of!(v4l2_querymenu__bindgen_ty_1, value) - 0usize];
};
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_querymenu"][::std::mem::size_of::<v4l2_querymenu>() - 44usize];
    ["Alignment of v4l2_querymenu"][::std::mem::align_of::<v4l2_querymenu>() - 1usize];
    ["Offset of field: v4l2_querymenu::id"][::std::mem::offset_of!(v4l2_querymenu, id) - 0usize];
    ["Offset of field: v4l2_querymenu::index"][::std::mem::offset_of!(v4l2_querymenu, index) - 4usize];
    ["Offset of field: v4l2_querymenu::reserved"][::std::mem::offset_of!(v4l2_querymenu, reserved) - 40usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_tuner {
    pub index: __u32,
    pub name: [__u8; 32usize],
    pub type_: __u32,
    pub capability: __u32,
    pub rangelow: __u32,
    pub rangehigh: __u32,
    pub rxsubchans: __u32,
    pub audmode: __u32,
    pub signal: __s32,
    pub afc: __s32,
    pub reserved: [__u32; 4usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_tuner"][::std::mem::size_of::<v4l2_tuner>() - 84usize];
    ["Alignment of v4l2_tuner"][::std::mem::align_of::<v4l2_tuner>() - 4usize];
    ["Offset of field: v4l2_tuner::index"][::std::mem::offset_of!(v4l2_tuner, index) - 0usize];
    ["Offset of field: v4l2_tuner::name"][::std::mem::offset_of!(v4l2_tuner, name) - 4usize];
    ["Offset of field: v4l2_tuner::type_"][::std::mem::offset_of!(v4l2_tuner, type_) - 36usize];
    ["Offset of field: v4l2_tuner::capability"][::std::mem::offset_of!(v4l2_tuner, capability) - 40usize];
    ["Offset of field: v4l2_tuner::rangelow"][::std::mem::offset_of!(v4l2_tuner, rangelow) - 44usize];
    ["Offset of field: v4l2_tuner::rangehigh"][::std::mem::offset_of!(v4l2_tuner, rangehigh) - 48usize];
    ["Offset of field: v4l2_tuner::rxsubchans"][::std::mem::offset_of!(v4l2_tuner, rxsubchans) - 52usize];
    ["Offset of field: v4l2_tuner::audmode"][::std::mem::offset_of!(v4l2_tuner, audmode) - 56usize];
    ["Offset of field: v4l2_tuner::signal"][::std::mem::offset_of!(v4l2_tuner, signal) - 60usize];
    ["Offset of field: v4l2_tuner::afc"][::std::mem::offset_of!(v4l2_tuner, afc) - 64usize];
    ["Offset of field: v4l2_tuner::reserved"][::std::mem::offset_of!(v4l2_tuner, reserved) - 68usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_modulator {
    pub index: __u32,
    pub name: [__u8; 32usize],
    pub capability: __u32,
    pub rangelow: __u32,
    pub rangehigh: __u32,
    pub txsubchans: __u32,
    pub type_: __u32,
    pub reserved: [__u32; 3usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_modulator"][::std::mem::size_of::<v4l2_modulator>() - 68usize];
    ["Alignment of v4l2_modulator"][::std::mem::align_of::<v4l2_modulator>() - 4usize];
    ["Offset of field: v4l2_modulator::index"][::std::mem::offset_of!(v4l2_modulator, index) - 0usize];
    ["Offset of field: v4l2_modulator::name"][::std::mem::offset_of!(v4l2_modulator, name) - 4usize];
    ["Offset of field: v4l2_modulator::capability"][::std::mem::offset_of!(v4l2_modulator, capability) - 36usize];
    ["Offset of field: v4l2_modulator::rangelow"][::std::mem::offset_of!(v4l2_modulator, rangelow) - 40usize];
    ["Offset of field: v4l2_modulator::rangehigh"][::std::mem::offset_of!(v4l2_modulator, rangehigh) - 44usize];
    ["Offset of field: v4l2_modulator::txsubchans"][::std::mem::offset_of!(v4l2_modulator, txsubchans) - 48usize];
    ["Offset of field: v4l2_modulator::type_"][::std::mem::offset_of!(v4l2_modulator, type_) - 52usize];
    ["Offset of field: v4l2_modulator::reserved"][::std::mem::offset_of!(v4l2_modulator, reserved) - 56usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_frequency {
    pub tuner: __u32,
    pub type_: __u32,
    pub frequency: __u32,
    pub reserved: [__u32; 8usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_frequency"][::std::mem::size_of::<v4l2_frequency>() - 44usize];
    ["Alignment of v4l2_frequency"][::std::mem::align_of::<v4l2_frequency>() - 4usize];
    ["Offset of field: v4l2_frequency::tuner"][::std::mem::offset_of!(v4l2_frequency, tuner) - 0usize];
    ["Offset of field: v4l2_frequency::type_"][::std::mem::offset_of!(v4l2_frequency, type_) - 4usize];
    ["Offset of field: v4l2_frequency::frequency"][::std::mem::offset_of!(v4l2_frequency, frequency) - 8usize];
    ["Offset of field: v4l2_frequency::reserved"][::std::mem::offset_of!(v4l2_frequency, reserved) - 12usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_audio {
    pub index: __u32,
    pub name: [__u8; 32usize],
    pub capability: __u32,
    pub mode: __u32,
    pub reserved: [__u32; 2usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_audio"][::std::mem::size_of::<v4l2_audio>() - 52usize];
    ["Alignment of v4l2_audio"][::std::mem::align_of::<v4l2_audio>() - 4usize];
    ["Offset of field: v4l2_audio::index"][::std::mem::offset_of!(v4l2_audio, index) - 0usize];
    ["Offset of field: v4l2_audio::name"][::std::mem::offset_of!(v4l2_audio, name) - 4usize];
    ["Offset of field: v4l2_audio::capability"][::std::mem::offset_of!(v4l2_audio, capability) - 36usize];
    ["Offset of field: v4l2_audio::mode"][::std::mem::offset_of!(v4l2_audio, mode) - 40usize];
    ["Offset of field: v4l2_audio::reserved"][::std::mem::offset_of!(v4l2_audio, reserved) - 44usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_audioout {
    pub index: __u32,
    pub name: [__u8; 32usize],
    pub capability: __u32,
    pub mode: __u32,
    pub reserved: [__u32; 2usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_audioout"][::std::mem::size_of::<v4l2_audioout>() - 52usize];
    ["Alignment of v4l2_audioout"][::std::mem::align_of::<v4l2_audioout>() - 4usize];
    ["Offset of field: v4l2_audioout::index"][::std::mem::offset_of!(v4l2_audioout, index) - 0usize];
    ["Offset of field: v4l2_audioout::name"][::std::mem::offset_of!(v4l2_audioout, name) - 4usize];
    ["Offset of field: v4l2_audioout::capability"][::std::mem::offset_of!(v4l2_audioout, capability) - 36usize];
    ["Offset of field: v4l2_audioout::mode"][::std::mem::offset_of!(v4l2_audioout, mode) - 40usize];
    ["Offset of field: v4l2_audioout::reserved"][::std::mem::offset_of!(v4l2_audioout, reserved) - 44usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_enc_idx_entry {
    pub offset: __u64,
    pub pts: __u64,
    pub length: __u32,
    pub flags: __u32,
    pub reserved: [__u32; 2usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_enc_idx_entry"][::std::mem::size_of::<v4l2_enc_idx_entry>() - 32usize];
    ["Alignment of v4l2_enc_idx_entry"][::std::mem::align_of::<v4l2_enc_idx_entry>() - 8usize];
    ["Offset of field: v4l2_enc_idx_entry::offset"][::std::mem::offset_of!(v4l2_enc_idx_entry, offset) - 0usize];
    ["Offset of field: v4l2_enc_idx_entry::pts"][::std::mem::offset_of!(v4l2_enc_idx_entry, pts) - 8usize];
    ["Offset of field: v4l2_enc_idx_entry::length"][::std::mem::offset_of!(v4l2_enc_idx_entry, length) - 16usize];
    ["Offset of field: v4l2_enc_idx_entry::flags"][::std::mem::offset_of!(v4l2_enc_idx_entry, flags) - 20usize];
    ["Offset of field: v4l2_enc_idx_entry::reserved"][::std::mem::offset_of!(v4l2_enc_idx_entry, reserved) - 24usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_enc_idx {
    pub entries: __u32,
    pub entries_cap: __u32,
    pub reserved: [__u32; 4usize],
    pub entry: [v4l2_enc_idx_entry; 64usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_enc_idx"][::std::mem::size_of::<v4l2_enc_idx>() - 2072usize];
    ["Alignment of v4l2_enc_idx"][::std::mem::align_of::<v4l2_enc_idx>() - 8usize];
    ["Offset of field: v4l2_enc_idx::entries"][::std::mem::offset_of!(v4l2_enc_idx, entries) - 0usize];
    ["Offset of field: v4l2_enc_idx::entries_cap"][::std::mem::offset_of!(v4l2_enc_idx, entries_cap) - 4usize];
    ["Offset of field: v4l2_enc_idx::reserved"][::std::mem::offset_of!(v4l2_enc_idx, reserved) - 8usize];
    ["Offset of field: v4l2_enc_idx::entry"][::std::mem::offset_of!(v4l2_enc_idx, entry) - 24usize];
};
#[repr(C)]
#[derive(Copy, Clone)]
pub struct v4l2_encoder_cmd {
    pub cmd: __u32,
    pub flags: __u32,
    pub __bindgen_anon_1: v4l2_encoder_cmd__bindgen_ty_1,
}
#[repr(C)]
#[derive(Copy, Clone)]
pub union v4l2_encoder_cmd__bindgen_ty_1 {
    pub raw: v4l2_encoder_cmd__bindgen_ty_1__bindgen_ty_1,
}
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_encoder_cmd__bindgen_ty_1__bindgen_ty_1 {
    pub data: [__u32; 8usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_encoder_cmd__bindgen_ty_1__bindgen_ty_1"]
        [::std::mem::size_of::<v4l2_encoder_cmd__bindgen_ty_1__bindgen_ty_1>() - 32usize];
    ["Alignment of v4l2_encoder_cmd__bindgen_ty_1__bindgen_ty_1"]
        [::std::mem::align_of::<v4l2_encoder_cmd__bindgen_ty_1__bindgen_ty_1>() - 4usize];
    ["Offset of field: v4l2_encoder_cmd__bindgen_ty_1__bindgen_ty_1::data"]
        [::std::mem::offset_of!(v4l2_encoder_cmd__bindgen_ty_1__bindgen_ty_1, data) - 0usize];
};
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_encoder_cmd__bindgen_ty_1"][::std::mem::size_of::<v4l2_encoder_cmd__bindgen_ty_1>() - 32usize];
    ["Alignment of v4l2_encoder_cmd__bindgen_ty_1"][::std::mem::align_of::<v4l2_encoder_cmd__bindgen_ty_1>() - 4usize];
    ["Offset of field: v4l2_encoder_cmd__bindgen_ty_1::raw"]
        [::std::mem::offset_of!(v4l2_encoder_cmd__bindgen_ty_1, raw) - 0usize];
};
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_encoder_cmd"][::std::mem::size_of::<v4l2_encoder_cmd>() - 40usize];
    ["Alignment of v4l2_encoder_cmd"][::std::mem::align_of::<v4l2_encoder_cmd>() - 4usize];
    ["Offset of field: v4l2_encoder_cmd::cmd"][::std::mem::offset_of!(v4l2_encoder_cmd, cmd) - 0usize];
    ["Offset of field: v4l2_encoder_cmd::flags"][::std::mem::offset_of!(v4l2_encoder_cmd, flags) - 4usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_vbi_format {
    pub sampling_rate: __u32,
    pub offset: __u32,
    pub samples_per_line: __u32,
    pub sample_format: __u32,
    pub start: [__s32; 2usize],
    pub count: [__u32; 2usize],
    pub flags: __u32,
    pub reserved: [__u32; 2usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_vbi_format"][::std::mem::size_of::<v4l2_vbi_format>() - 44usize];
    ["Alignment of v4l2_vbi_format"][::std::mem::align_of::<v4l2_vbi_format>() - 4usize];
    ["Offset of field: v4l2_vbi_format::sampling_rate"]
        [::std::mem::offset_of!(v4l2_vbi_format, sampling_rate) - 0usize];
    ["Offset of field: v4l2_vbi_format::offset"][::std::mem::offset_of!(v4l2_vbi_format, offset) - 4usize];
    ["Offset of field: v4l2_vbi_format::samples_per_line"]
        [::std::mem::offset_of!(v4l2_vbi_format, samples_per_line) - 8usize];
    ["Offset of field: v4l2_vbi_format::sample_format"]
        [::std::mem::offset_of!(v4l2_vbi_format, sample_format) - 12usize];
    ["Offset of field: v4l2_vbi_format::start"][::std::mem::offset_of!(v4l2_vbi_format, start) - 16usize];
    ["Offset of field: v4l2_vbi_format::count"][::std::mem::offset_of!(v4l2_vbi_format, count) - 24usize];
    ["Offset of field: v4l2_vbi_format::flags"][::std::mem::offset_of!(v4l2_vbi_format, flags) - 32usize];
    ["Offset of field: v4l2_vbi_format::reserved"][::std::mem::offset_of!(v4l2_vbi_format, reserved) - 36usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_sliced_vbi_format {
    pub service_set: __u16,
    pub service_lines: [[__u16; 24usize]; 2usize],
    pub io_size: __u32,
    pub reserved: [__u32; 2usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_sliced_vbi_format"][::std::mem::size_of::<v4l2_sliced_vbi_format>() - 112usize];
    ["Alignment of v4l2_sliced_vbi_format"][::std::mem::align_of::<v4l2_sliced_vbi_format>() - 4usize];
    ["Offset of field: v4l2_sliced_vbi_format::service_set"]
        [::std::mem::offset_of!(v4l2_sliced_vbi_format, service_set) - 0usize];
    ["Offset of field: v4l2_sliced_vbi_format::service_lines"]
        [::std::mem::offset_of!(v4l2_sliced_vbi_format, service_lines) - 2usize];
    ["Offset of field: v4l2_sliced_vbi_format::io_size"]
        [::std::mem::offset_of!(v4l2_sliced_vbi_format, io_size) - 100usize];
    ["Offset of field: v4l2_sliced_vbi_format::reserved"]
        [::std::mem::offset_of!(v4l2_sliced_vbi_format, reserved) - 104usize];
};
#[repr(C)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_sliced_vbi_cap {
    pub service_set: __u16,
    pub service_lines: [[__u16; 24usize]; 2usize],
    pub type_: __u32,
    pub reserved: [__u32; 3usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_sliced_vbi_cap"][::std::mem::size_of::<v4l2_sliced_vbi_cap>() - 116usize];
    ["Alignment of v4l2_sliced_vbi_cap"][::std::mem::align_of::<v4l2_sliced_vbi_cap>() - 4usize];
    ["Offset of field: v4l2_sliced_vbi_cap::service_set"]
        [::std::mem::offset_of!(v4l2_sliced_vbi_cap, service_set) - 0usize];
    ["Offset of field: v4l2_sliced_vbi_cap::service_lines"]
        [::std::mem::offset_of!(v4l2_sliced_vbi_cap, service_lines) - 2usize];
    ["Offset of field: v4l2_sliced_vbi_cap::type_"][::std::mem::offset_of!(v4l2_sliced_vbi_cap, type_) - 100usize];
    ["Offset of field: v4l2_sliced_vbi_cap::reserved"]
        [::std::mem::offset_of!(v4l2_sliced_vbi_cap, reserved) - 104usize];
};
#[repr(C, packed)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_plane_pix_format {
    pub sizeimage: __u32,
    pub bytesperline: __u32,
    pub reserved: [__u16; 6usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_plane_pix_format"][::std::mem::size_of::<v4l2_plane_pix_format>() - 20usize];
    ["Alignment of v4l2_plane_pix_format"][::std::mem::align_of::<v4l2_plane_pix_format>() - 1usize];
    ["Offset of field: v4l2_plane_pix_format::sizeimage"]
        [::std::mem::offset_of!(v4l2_plane_pix_format, sizeimage) - 0usize];
    ["Offset of field: v4l2_plane_pix_format::bytesperline"]
        [::std::mem::offset_of!(v4l2_plane_pix_format, bytesperline) - 4usize];
    ["Offset of field: v4l2_plane_pix_format::reserved"]
        [::std::mem::offset_of!(v4l2_plane_pix_format, reserved) - 8usize];
};
#[repr(C, packed)]
#[derive(Copy, Clone)]
pub struct v4l2_pix_format_mplane {
    pub width: __u32,
    pub height: __u32,
    pub pixelformat: __u32,
    pub field: __u32,
    pub colorspace: __u32,
    pub plane_fmt: [v4l2_plane_pix_format; 8usize],
    pub num_planes: __u8,
    pub flags: __u8,
    pub __bindgen_anon_1: v4l2_pix_format_mplane__bindgen_ty_1,
    pub quantization: __u8,
    pub xfer_func: __u8,
    pub reserved: [__u8; 7usize],
}
#[repr(C)]
#[derive(Copy, Clone)]
pub union v4l2_pix_format_mplane__bindgen_ty_1 {
    pub ycbcr_enc: __u8,
    pub hsv_enc: __u8,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_pix_format_mplane__bindgen_ty_1"]
        [::std::mem::size_of::<v4l2_pix_format_mplane__bindgen_ty_1>() - 1usize];
    ["Alignment of v4l2_pix_format_mplane__bindgen_ty_1"]
        [::std::mem::align_of::<v4l2_pix_format_mplane__bindgen_ty_1>() - 1usize];
    ["Offset of field: v4l2_pix_format_mplane__bindgen_ty_1::ycbcr_enc"]
        [::std::mem::offset_of!(v4l2_pix_format_mplane__bindgen_ty_1, ycbcr_enc) - 0usize];
    ["Offset of field: v4l2_pix_format_mplane__bindgen_ty_1::hsv_enc"]
        [::std::mem::offset_of!(v4l2_pix_format_mplane__bindgen_ty_1, hsv_enc) - 0usize];
};
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_pix_format_mplane"][::std::mem::size_of::<v4l2_pix_format_mplane>() - 192usize];
    ["Alignment of v4l2_pix_format_mplane"][::std::mem::align_of::<v4l2_pix_format_mplane>() - 1usize];
    ["Offset of field: v4l2_pix_format_mplane::width"][::std::mem::offset_of!(v4l2_pix_format_mplane, width) - 0usize];
    ["Offset of field: v4l2_pix_format_mplane::height"]
        [::std::mem::offset_of!(v4l2_pix_format_mplane, height) - 4usize];
    ["Offset of field: v4l2_pix_format_mplane::pixelformat"]
        [::std::mem::offset_of!(v4l2_pix_format_mplane, pixelformat) - 8usize];
    ["Offset of field: v4l2_pix_format_mplane::field"][::std::mem::offset_of!(v4l2_pix_format_mplane, field) - 12usize];
    ["Offset of field: v4l2_pix_format_mplane::colorspace"]
        [::std::mem::offset_of!(v4l2_pix_format_mplane, colorspace) - 16usize];
    ["Offset of field: v4l2_pix_format_mplane::plane_fmt"]
        [::std::mem::offset_of!(v4l2_pix_format_mplane, plane_fmt) - 20usize];
    ["Offset of field: v4l2_pix_format_mplane::num_planes"]
        [::std::mem::offset_of!(v4l2_pix_format_mplane, num_planes) - 180usize];
    ["Offset of field: v4l2_pix_format_mplane::flags"]
        [::std::mem::offset_of!(v4l2_pix_format_mplane, flags) - 181usize];
    ["Offset of field: v4l2_pix_format_mplane::quantization"]
        [::std::mem::offset_of!(v4l2_pix_format_mplane, quantization) - 183usize];
    ["Offset of field: v4l2_pix_format_mplane::xfer_func"]
        [::std::mem::offset_of!(v4l2_pix_format_mplane, xfer_func) - 184usize];
    ["Offset of field: v4l2_pix_format_mplane::reserved"]
        [::std::mem::offset_of!(v4l2_pix_format_mplane, reserved) - 185usize];
};
#[repr(C, packed)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_sdr_format {
    pub pixelformat: __u32,
    pub buffersize: __u32,
    pub reserved: [__u8; 24usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_sdr_format"][::std::mem::size_of::<v4l2_sdr_format>() - 32usize];
    ["Alignment of v4l2_sdr_format"][::std::mem::align_of::<v4l2_sdr_format>() - 1usize];
    ["Offset of field: v4l2_sdr_format::pixelformat"][::std::mem::offset_of!(v4l2_sdr_format, pixelformat) - 0usize];
    ["Offset of field: v4l2_sdr_format::buffersize"][::std::mem::offset_of!(v4l2_sdr_format, buffersize) - 4usize];
    ["Offset of field: v4l2_sdr_format::reserved"][::std::mem::offset_of!(v4l2_sdr_format, reserved) - 8usize];
};
#[repr(C, packed)]
#[derive(Debug, Copy, Clone)]
pub struct v4l2_meta_format {
    pub dataformat: __u32,
    pub buffersize: __u32,
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_meta_format"][::std::mem::size_of::<v4l2_meta_format>() - 8usize];
    ["Alignment of v4l2_meta_format"][::std::mem::align_of::<v4l2_meta_format>() - 1usize];
    ["Offset of field: v4l2_meta_format::dataformat"][::std::mem::offset_of!(v4l2_meta_format, dataformat) - 0usize];
    ["Offset of field: v4l2_meta_format::buffersize"][::std::mem::offset_of!(v4l2_meta_format, buffersize) - 4usize];
};
#[repr(C)]
#[derive(Copy, Clone)]
pub struct v4l2_format {
    pub type_: __u32,
    pub fmt: v4l2_format__bindgen_ty_1,
}
#[repr(C)]
#[derive(Copy, Clone)]
pub union v4l2_format__bindgen_ty_1 {
    pub pix: v4l2_pix_format,
    pub pix_mp: v4l2_pix_format_mplane,
    pub win: v4l2_window,
    pub vbi: v4l2_vbi_format,
    pub sliced: v4l2_sliced_vbi_format,
    pub sdr: v4l2_sdr_format,
    pub meta: v4l2_meta_format,
    pub raw_data: [__u8; 200usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_format__bindgen_ty_1"][::std::mem::size_of::<v4l2_format__bindgen_ty_1>() - 200usize];
    ["Alignment of v4l2_format__bindgen_ty_1"][::std::mem::align_of::<v4l2_format__bindgen_ty_1>() - 8usize];
    ["Offset of field: v4l2_format__bindgen_ty_1::pix"]
        [::std::mem::offset_of!(v4l2_format__bindgen_ty_1, pix) - 0usize];
    ["Offset of field: v4l2_format__bindgen_ty_1::pix_mp"]
        [::std::mem::offset_of!(v4l2_format__bindgen_ty_1, pix_mp) - 0usize];
    ["Offset of field: v4l2_format__bindgen_ty_1::win"]
        [::std::mem::offset_of!(v4l2_format__bindgen_ty_1, win) - 0usize];
    ["Offset of field: v4l2_format__bindgen_ty_1::vbi"]
        [::std::mem::offset_of!(v4l2_format__bindgen_ty_1, vbi) - 0usize];
    ["Offset of field: v4l2_format__bindgen_ty_1::sliced"]
        [::std::mem::offset_of!(v4l2_format__bindgen_ty_1, sliced) - 0usize];
    ["Offset of field: v4l2_format__bindgen_ty_1::sdr"]
        [::std::mem::offset_of!(v4l2_format__bindgen_ty_1, sdr) - 0usize];
    ["Offset of field: v4l2_format__bindgen_ty_1::meta"]
        [::std::mem::offset_of!(v4l2_format__bindgen_ty_1, meta) - 0usize];
    ["Offset of field: v4l2_format__bindgen_ty_1::raw_data"]
        [::std::mem::offset_of!(v4l2_format__bindgen_ty_1, raw_data) - 0usize];
};
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_format"][::std::mem::size_of::<v4l2_format>() - 208usize];
    ["Alignment of v4l2_format"][::std::mem::align_of::<v4l2_format>() - 8usize];
    ["Offset of field: v4l2_format::type_"][::std::mem::offset_of!(v4l2_format, type_) - 0usize];
    ["Offset of field: v4l2_format::fmt"][::std::mem::offset_of!(v4l2_format, fmt) - 8usize];
};
#[repr(C)]
#[derive(Copy, Clone)]
pub struct v4l2_streamparm {
    pub type_: __u32,
    pub parm: v4l2_streamparm__bindgen_ty_1,
}
#[repr(C)]
#[derive(Copy, Clone)]
pub union v4l2_streamparm__bindgen_ty_1 {
    pub capture: v4l2_captureparm,
    pub output: v4l2_outputparm,
    pub raw_data: [__u8; 200usize],
}
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_streamparm__bindgen_ty_1"][::std::mem::size_of::<v4l2_streamparm__bindgen_ty_1>() - 200usize];
    ["Alignment of v4l2_streamparm__bindgen_ty_1"][::std::mem::align_of::<v4l2_streamparm__bindgen_ty_1>() - 4usize];
    ["Offset of field: v4l2_streamparm__bindgen_ty_1::capture"]
        [::std::mem::offset_of!(v4l2_streamparm__bindgen_ty_1, capture) - 0usize];
    ["Offset of field: v4l2_streamparm__bindgen_ty_1::output"]
        [::std::mem::offset_of!(v4l2_streamparm__bindgen_ty_1, output) - 0usize];
    ["Offset of field: v4l2_streamparm__bindgen_ty_1::raw_data"]
        [::std::mem::offset_of!(v4l2_streamparm__bindgen_ty_1, raw_data) - 0usize];
};
#[allow(clippy::unnecessary_operation, clippy::identity_op)]
const _: () = {
    ["Size of v4l2_streamparm"][::std::mem::size_of::<v4l2_streamparm>() - 204usize];
    ["Alignment of v4l2_streamparm"][::std::mem::align_of::<v4l2_streamparm>() - 4usize];
    ["Offset of field: v4l2_streamparm::type_"][::std::mem::offset_of!(v4l2_streamparm, type_) - 0usize];
    ["Offset of field: v4l2_streamparm::parm"][::std::mem::offset_of!(v4l2_streamparm, parm) - 4usize];
};
