//! The newest generation of pairs on disk, so that a run that is resumed need not make it again.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::augment::Square;
use super::pairs::Pairs;
use crate::sha256;

/// The file in a run's folder: a line of JSON, then the clean pictures, then the adversarial ones.
const NAME: &str = "pairs.bin";
/// The longest first line that is read, in bytes.
const MOST_HEADER: u64 = 4096;

/// Where a run keeps its pairs, and how much they may take. The folder's settings determine a generation, so that its
/// number says all about it.
pub struct PairCache {
    file: PathBuf,
    most: usize,
}

/// What the first line says about the pictures.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Header {
    generation: u64,
    pairs: usize,
    /// Side of a picture in pixels.
    side: usize,
    /// Of all pictures.
    sha256: String,
}

impl PairCache {
    /// A cache in a run's folder, of at most `most` bytes.
    pub fn new(folder: &Path, most: usize) -> Self {
        Self { file: folder.join(NAME), most }
    }

    /// The pairs of a generation; `None` if the file is missing, damaged or of another generation.
    pub fn load(&self, generation: u64, count: usize, side: usize) -> Option<Pairs> {
        let read = || -> io::Result<(Header, Vec<u8>)> {
            let mut file = BufReader::new(File::open(&self.file)?);
            let mut line = String::new();
            file.by_ref().take(MOST_HEADER).read_line(&mut line)?;
            let header = serde_json::from_str(&line)?;
            let mut bytes = Vec::new();
            file.take(self.most as u64).read_to_end(&mut bytes)?;
            Ok((header, bytes))
        };
        let (found, bytes) = match read() {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                log::warn!("{}: cannot be read: {error}; its pairs are made again", self.file.display());
                return None;
            }
        };
        let wanted = Header { generation, pairs: count, side, sha256: sha256::sum(&bytes) };
        let square = 3 * side * side;
        if found != wanted || bytes.len() != 2 * count * square {
            // An older generation is what a run finds that was stopped between two.
            if found.generation == generation {
                log::warn!("{}: is damaged; its pairs are made again", self.file.display());
            }
            return None;
        }
        let squares = |bytes: &[u8]| bytes.chunks_exact(square).map(<[u8]>::to_vec).collect::<Vec<Square>>();
        let (clean, adversarial) = bytes.split_at(count * square);
        Some(Pairs { generation, clean: squares(clean), adversarial: squares(adversarial) })
    }

    /// Keeps a generation instead of the one before. A run needs no cache, so that a disk that is full is only a warning.
    pub fn store(&self, pairs: &Pairs, side: usize) {
        let all = || pairs.clean.iter().chain(&pairs.adversarial);
        if all().map(Vec::len).sum::<usize>() > self.most {
            // What is there is of an older generation.
            let _ = fs::remove_file(&self.file);
            return;
        }
        let mut sum = Sha256::new();
        all().for_each(|square| sum.update(square));
        let sha256 = sha256::hex(sum.finalize());
        let header = Header { generation: pairs.generation, pairs: pairs.clean.len(), side, sha256 };
        let written = crate::atomic::write_with(&self.file, |file| {
            let mut file = BufWriter::new(file);
            writeln!(file, "{}", serde_json::json!(header))?;
            all().try_for_each(|square| file.write_all(square))?;
            file.flush()
        });
        if let Err(error) = written {
            log::warn!("{}: cannot be written: {error}; a resumed run makes its pairs again", self.file.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs() -> Pairs {
        let squares = |start: u8| (0..3).map(|i| vec![start + i; 12]).collect();
        Pairs { generation: 4, clean: squares(0), adversarial: squares(100) }
    }

    #[test]
    fn a_generation_comes_back_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let cache = PairCache::new(folder.path(), 72);
        assert!(cache.load(4, 3, 2).is_none(), "there is no file yet");
        cache.store(&pairs(), 2);
        let found = cache.load(4, 3, 2).expect("what was stored");
        assert_eq!((found.generation, found.clean, found.adversarial), (4, pairs().clean, pairs().adversarial));
        assert!(cache.load(5, 3, 2).is_none() && cache.load(4, 2, 2).is_none() && cache.load(4, 3, 1).is_none());

        let file = folder.path().join(NAME);
        let whole = fs::read(&file).unwrap();
        let mut flipped = whole.clone();
        *flipped.last_mut().unwrap() ^= 1;
        for damaged in [flipped, whole[..whole.len() - 1].to_vec(), whole[..9].to_vec(), vec![0xff; 90], Vec::new()] {
            fs::write(&file, damaged).unwrap();
            assert!(cache.load(4, 3, 2).is_none());
        }
        let small = PairCache::new(folder.path(), 71);
        small.store(&pairs(), 2);
        assert!(!file.exists(), "larger than the bound, and what was there is of no use");
    }
}
