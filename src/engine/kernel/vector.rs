//! A register of numbers.
//!
//! The compiler turns loops over arrays into vector instructions on some days and not on others; these are the
//! instructions themselves.

/// A register, whose operations are single instructions of one instruction set.
///
/// They must be used only in code that [`Simd::run`](super::simd::Simd::run) runs for that set.
pub trait Vector: Copy {
    /// Numbers in the register.
    const LEN: usize;

    /// The number in every place.
    fn splat(number: f32) -> Self;

    /// The first numbers of a slice.
    ///
    /// # Panics
    /// If the slice has fewer than [`Vector::LEN`].
    fn load(numbers: &[f32]) -> Self;

    /// Writes the first numbers of a slice.
    ///
    /// # Panics
    /// If the slice has fewer than [`Vector::LEN`].
    fn store(self, numbers: &mut [f32]);

    /// `self * by + and`, rounded once.
    fn mul_add(self, by: Self, and: Self) -> Self;

    /// The sum.
    fn plus(self, other: Self) -> Self;

    /// The difference.
    fn minus(self, other: Self) -> Self;
}

/// One implementation: the register's type, its length, and the instructions.
macro_rules! vector {
    ($register:ty, $len:literal, $splat:ident, $load:ident, $store:ident, $plus:ident, $minus:ident, $mul_add:expr) => {
        // SAFETY of every call below: the code runs only on a CPU that has the set, as the trait says, and the slices
        // are long enough for what is read and written.
        #[allow(unused_unsafe, reason = "where every CPU has the set, some of these instructions are safe")]
        impl Vector for $register {
            const LEN: usize = $len;

            #[inline(always)]
            fn splat(number: f32) -> Self {
                // SAFETY: see above.
                unsafe { $splat(number) }
            }

            #[inline(always)]
            fn load(numbers: &[f32]) -> Self {
                let numbers = &numbers[..$len];
                // SAFETY: see above.
                unsafe { $load(numbers.as_ptr()) }
            }

            #[inline(always)]
            fn store(self, numbers: &mut [f32]) {
                let numbers = &mut numbers[..$len];
                // SAFETY: see above.
                unsafe { $store(numbers.as_mut_ptr(), self) }
            }

            #[inline(always)]
            fn mul_add(self, by: Self, and: Self) -> Self {
                // SAFETY: see above.
                unsafe { $mul_add(self, by, and) }
            }

            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                // SAFETY: see above.
                unsafe { $plus(self, other) }
            }

            #[inline(always)]
            fn minus(self, other: Self) -> Self {
                // SAFETY: see above.
                unsafe { $minus(self, other) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::*;

    use super::Vector;

    vector!(
        __m512,
        16,
        _mm512_set1_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps,
        _mm512_add_ps,
        _mm512_sub_ps,
        _mm512_fmadd_ps
    );
    vector!(
        __m256,
        8,
        _mm256_set1_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps,
        _mm256_add_ps,
        _mm256_sub_ps,
        _mm256_fmadd_ps
    );
}

#[cfg(target_arch = "aarch64")]
mod arm {
    use std::arch::aarch64::*;

    use super::Vector;

    vector!(float32x4_t, 4, vdupq_n_f32, vld1q_f32, vst1q_f32, vaddq_f32, vsubq_f32, |a, b, c| vfmaq_f32(c, a, b));
}

#[cfg(target_arch = "aarch64")]
pub use std::arch::aarch64::float32x4_t as Neon;
#[cfg(target_arch = "x86_64")]
pub use std::arch::x86_64::{__m256 as Avx2, __m512 as Avx512};
