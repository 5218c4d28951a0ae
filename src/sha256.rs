//! SHA-256 sums as text, the way `sha256sum` prints them.

use sha2::{Digest, Sha256};

/// The sum of `bytes` in lower-case hexadecimal.
pub fn sum(bytes: impl AsRef<[u8]>) -> String {
    hex(Sha256::digest(bytes))
}

/// A finished digest in lower-case hexadecimal.
pub fn hex(digest: impl AsRef<[u8]>) -> String {
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
