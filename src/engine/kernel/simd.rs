//! One function compiled for several instruction sets, of which the CPU's best one runs.

#[cfg(target_arch = "aarch64")]
use super::vector::Neon;
use super::vector::Vector;
#[cfg(target_arch = "x86_64")]
use super::vector::{Avx2, Avx512};

/// The instruction sets that the kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Simd {
    /// AVX-512: vectors of 16 numbers, 32 registers.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// AVX2 with fused multiply-add: vectors of 8 numbers, 16 registers.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// NEON: vectors of 4 numbers, 32 registers. Every aarch64 has it.
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Simd {
    /// The sets of this CPU, the best one first; none if it has no fused multiply-add.
    pub fn of_this_cpu() -> impl Iterator<Item = Self> {
        #[cfg(target_arch = "x86_64")]
        let sets = {
            let fma = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let avx512 = fma && is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl");
            [avx512.then_some(Self::Avx512), fma.then_some(Self::Avx2)]
        };
        #[cfg(target_arch = "aarch64")]
        let sets = [Some(Self::Neon)];
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        let sets: [Option<Self>; 0] = [];
        sets.into_iter().flatten()
    }

    /// Whether plain products of ours beat the engine's. For NEON the engine's are written by hand, and need fewer
    /// instructions.
    pub fn has_fast_products(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 | Self::Avx2 => true,
            #[cfg(target_arch = "aarch64")]
            Self::Neon => false,
        }
    }

    /// Columns of the right side that a product takes at once.
    pub fn columns(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => 32,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => 16,
            #[cfg(target_arch = "aarch64")]
            Self::Neon => 8,
        }
    }

    /// Runs `work` compiled for this set. Everything that `work` calls must be inlined into it.
    pub fn run<W: Work>(self, work: W) {
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx512f,avx512vl,avx2,fma")]
            fn avx512<W: Work>(work: W) {
                work.run::<Avx512, 8, 2>();
            }
            #[target_feature(enable = "avx2,fma")]
            fn avx2<W: Work>(work: W) {
                work.run::<Avx2, 4, 2>();
            }
            match self {
                // SAFETY: only `of_this_cpu` makes this, after it has seen that the CPU has the instructions.
                Self::Avx512 => unsafe { avx512(work) },
                // SAFETY: as above.
                Self::Avx2 => unsafe { avx2(work) },
            }
        }
        #[cfg(target_arch = "aarch64")]
        work.run::<Neon, 8, 2>();
    }
}

/// Something to be compiled for every set. `run` must be `#[inline(always)]`.
pub trait Work {
    /// Does it with registers `V`, of which products hold the sums of `M` rows and `C` registers of columns at once.
    fn run<V: Vector, const M: usize, const C: usize>(self);
}

/// Runs `work` compiled for the best set of this CPU. Everything that it calls must be inlined into it.
#[cfg(feature = "training")]
pub fn vectorised(work: impl FnOnce()) {
    struct Once<W>(W);
    impl<W: FnOnce()> Work for Once<W> {
        #[inline(always)]
        fn run<V: Vector, const M: usize, const C: usize>(self) {
            (self.0)();
        }
    }
    match Simd::of_this_cpu().next() {
        Some(simd) => simd.run(Once(work)),
        None => work(),
    }
}
