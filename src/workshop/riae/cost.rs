//! The cost of purifying an image, counted in multiply-accumulates (MACs) of matrix products and convolutions.

use super::config::{DecoderKind, FinalConv, Masking, RiaeConfig};

impl RiaeConfig {
    /// The cost of purifying one image of `side` pixels in GFLOP (10^9 multiplications and additions). It counts the
    /// matrix products and convolutions of [`super::Riae::forward`]; the exported graph has the same.
    pub fn gflop(&self, side: usize) -> f64 {
        2e-9 * (self.encoder_macs(side) + self.decoder_macs(side) + self.output_macs(side)) as f64
    }

    /// Patch embedding, encoder, fusion, and the layers that lead to the decoder's width.
    fn encoder_macs(&self, side: usize) -> usize {
        let (g, n, d, e) = (self.groups, self.group_len(side), self.encoder.width, self.decoder.width);
        let head = usize::from(self.decoder.head_token);
        let tokens = g * (n + head);
        let blocks = self.encoder.depth * (12 * tokens * d * d + 2 * g * (n + head).pow(2) * d);
        let fusion = self.encoder.taps.len() * tokens * d * d;
        let runs = if self.masking.noises_image() { 2 } else { 1 };
        runs * (self.patch_len() * g * n * d + blocks + fusion + g * n * d * e) + head * g * (g - 1) * d * e
    }

    /// The decoder's blocks. The passes of a `self` decoder share some work; a `cross` decoder has one pass.
    fn decoder_macs(&self, side: usize) -> usize {
        let (g, n, e, depth) = (self.groups, self.group_len(side), self.decoder.width, self.decoder.depth);
        let head = usize::from(self.decoder.head_token);
        let all = g * n;
        if self.decoder.kind == DecoderKind::CrossAttention {
            let own = if self.decoder.own_group_attention { 4 * all * e * e + 2 * all * n * e } else { 0 };
            return depth * ((2 * (all + head * g) + 10 * all) * e * e + 2 * all * (all - n + head) * e + own);
        }
        let tokens = all + head;
        // In a block: queries, keys and values; then scores, weighted sums, projection and MLP.
        let qkv = |queries: usize| (queries + 2 * tokens) * e * e;
        let rest = |queries: usize| 9 * queries * e * e + 2 * queries * tokens * e;
        let stand_ins = if self.masking == Masking::Mask { 0 } else { all };
        let first_qkv = 3 * (all + head * g + stand_ins) * e * e;
        let blocks = (0..depth).map(|block| {
            let queries = if block + 1 == depth { n } else { tokens };
            if block == 0 { first_qkv + g * rest(queries) } else { g * (qkv(queries) + rest(queries)) }
        });
        blocks.sum()
    }

    /// Prediction of pixels and the final convolution.
    fn output_macs(&self, side: usize) -> usize {
        let conv = match self.final_conv {
            FinalConv::Conv3x3 => 81,
            FinalConv::Conv1x1 => 9,
            FinalConv::None => 0,
        };
        self.patch_len() * self.groups * self.group_len(side) * self.decoder.width + conv * side * side
    }
}
