//! A file that one process holds: locked while it is written, and put back if it is taken away meanwhile.

use super::BundleError;
use super::read::{bytes_of, regular};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// A file under its name, with the lock of this process.
#[derive(Debug)]
pub(super) struct Held {
    path: PathBuf,
    file: File,
}

impl Held {
    /// A new file, which must not be there.
    pub(super) fn create(path: &Path) -> Result<Self, BundleError> {
        let held = Self { path: path.to_owned(), file: new(path).map_err(|source| failed(path, source))? };
        // The name of the file survives a power cut too. Not every system opens folders; there it is as safe as files are.
        if let Some(Ok(folder)) = path.parent().map(File::open) {
            _ = folder.sync_all();
        }
        Ok(held)
    }

    /// A file that no other process holds, and what is in it, read after that was certain.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<u8>), BundleError> {
        regular(path)?;
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(|source| failed(path, source))?;
        free(path, file.try_lock())?;
        let bytes = bytes_of(path, &file)?;
        Ok((Self { path: path.to_owned(), file }, bytes))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Drops what is behind the first `bytes`.
    pub(super) fn cut(&mut self, bytes: u64) -> Result<(), BundleError> {
        let cut = self.file.set_len(bytes).and_then(|()| self.file.seek(SeekFrom::Start(bytes)));
        cut.map(|_| ()).map_err(|source| failed(&self.path, source))
    }

    /// Adds a line in one call, so that it is cut by nothing less than a full disk.
    pub(super) fn add(&mut self, line: &[u8]) -> Result<(), BundleError> {
        self.put_back()?;
        self.file.write_all(line).map_err(|source| failed(&self.path, source))
    }

    /// Waits until what was added is on the disk.
    pub(super) fn sync(&self) -> Result<(), BundleError> {
        self.file.sync_data().map_err(|source| failed(&self.path, source))
    }

    /// If the file was removed, or its folder, what was measured is written anew: it is still there while it is open.
    fn put_back(&mut self) -> Result<(), BundleError> {
        let path = self.path.clone();
        let io = |source| failed(&path, source);
        match is_at(&self.file, &path) {
            Ok(true) => return Ok(()),
            Ok(false) => {
                let what = "was replaced by another file while a run was writing it".to_owned();
                return Err(BundleError::File { path, what });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io(error)),
        }
        let mut bytes = Vec::new();
        self.file.rewind().and_then(|()| self.file.read_to_end(&mut bytes)).map_err(io)?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|source| failed(folder, source))?;
        }
        let mut anew = Self::create(&path)?;
        anew.file.write_all(&bytes).map_err(io)?;
        *self = anew;
        Ok(())
    }
}

fn failed(path: &Path, source: io::Error) -> BundleError {
    BundleError::Io { path: path.to_owned(), source }
}

fn new(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
    // Whoever has seen the new file before it was locked finds no header in it, and lets go. Where there are no locks, see
    // `free`.
    _ = file.lock();
    Ok(file)
}

/// Whether the name still leads to this file.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let (there, ours) = (std::fs::metadata(path)?, file.metadata()?);
    Ok((there.dev(), there.ino()) == (ours.dev(), ours.ino()))
}

/// Elsewhere a file that is open keeps its name.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "as on Unix")]
fn is_at(_: &File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

/// Whether nobody writes a file, now.
pub(super) fn idle(path: &Path) -> Result<(), BundleError> {
    let file = File::open(path).map_err(|source| failed(path, source))?;
    free(path, file.try_lock_shared())
}

/// Only a lock of somebody else is refused. Some file systems, of clusters most of all, have no locks: there a run is worth
/// more than what two of them might do to each other.
fn free(path: &Path, locked: Result<(), TryLockError>) -> Result<(), BundleError> {
    match locked {
        Err(TryLockError::WouldBlock) => Err(BundleError::Busy { path: path.to_owned() }),
        Err(TryLockError::Error(_)) | Ok(()) => Ok(()),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_was_removed_is_put_back_and_a_file_of_others_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("below/bundle.jsonl");
        fs::create_dir(folder.path().join("below")).unwrap();
        let mut held = Held::create(&path).unwrap();
        held.add(b"one\n").unwrap();
        fs::remove_dir_all(folder.path().join("below")).unwrap();
        held.add(b"two\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one\ntwo\n");
        assert!(matches!(Held::open(&path), Err(BundleError::Busy { .. })), "what was put back is held too");
        fs::remove_file(&path).unwrap();
        fs::write(&path, "other").unwrap();
        let error = held.add(b"three\n").unwrap_err().to_string();
        assert!(error.contains("was replaced by another file"), "{error}");
        assert_eq!(fs::read(&path).unwrap(), b"other");
    }
}
