//! The journal: a line is whole and flushed before the next case begins, and one process at a time writes it.

use super::BundleError;
use super::check::hex;
use super::model::{Bundle, End, Header, Record};
use super::read::{Partial, bundle_number, bytes_of, parse, regular};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Where a new bundle goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `bundle.jsonl`, which must not be there.
    New,
    /// The next number beside the bundles that are there.
    Append,
}

/// Appends lines to a bundle. While it lives, no other process gets a writer of the same file.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    file: File,
    digest: Sha256,
    lines: u64,
}

impl Writer {
    /// Makes the folder, and in it the file with its header.
    ///
    /// # Errors
    /// A folder that cannot be written, or, for [`Place::New`], one that has a bundle.
    pub fn create(folder: &Path, place: Place, header: Header) -> Result<Self, BundleError> {
        let at = |path: &Path| {
            let path = path.to_owned();
            move |source| BundleError::Io { path, source }
        };
        std::fs::create_dir_all(folder).map_err(at(folder))?;
        let number = match place {
            Place::New => 1,
            Place::Append => {
                // A run beside another on one machine measures the other too.
                super::files(folder).unwrap_or_default().iter().try_for_each(|path| idle(path))?;
                next_number(folder).map_err(at(folder))?
            }
        };
        let name = if number == 1 { "bundle.jsonl".to_owned() } else { format!("bundle-{number}.jsonl") };
        let path = folder.join(name);
        let made = match Self::create_file(&path, header.clone()) {
            Err(BundleError::Io { source, .. }) if source.kind() == std::io::ErrorKind::AlreadyExists => {
                Self::take_over(folder, &path, header)
            }
            made => made,
        }?;
        // The name of the file survives a power cut too. Not every system opens folders; its files are as safe as it makes them.
        if let Ok(folder) = File::open(folder) {
            _ = folder.sync_all();
        }
        Ok(made)
    }

    /// Makes a file, which must not be there, with its header.
    ///
    /// # Errors
    /// If it is there or cannot be written.
    pub fn create_file(path: &Path, header: Header) -> Result<Self, BundleError> {
        let at = |source| BundleError::Io { path: path.to_owned(), source };
        let file = OpenOptions::new().write(true).create_new(true).open(path).map_err(at)?;
        // Whoever has seen the new file before it was locked finds no header in it, and lets go.
        _ = file.lock();
        Self::begin(path, file, header)
    }

    /// A file that is there: begun anew if its run was cut off before its header was whole.
    fn take_over(folder: &Path, path: &Path, header: Header) -> Result<Self, BundleError> {
        let exists = |finished| BundleError::Exists { folder: folder.to_owned(), finished };
        let (file, bytes) = match open(path) {
            // What may not be written is not begun anew either.
            Err(BundleError::Io { .. }) => return Err(exists(super::read(path, Partial::Refused).is_ok())),
            opened => opened?,
        };
        if bytes.contains(&b'\n') || !(bytes.is_empty() || bytes.starts_with(b"{\"kind\":\"bundle\"")) {
            return Err(exists(parse(path, &bytes, Partial::Refused).is_ok()));
        }
        let emptied = file.set_len(0).and_then(|()| (&file).rewind());
        emptied.map_err(|source| BundleError::Io { path: path.to_owned(), source })?;
        Self::begin(path, file, header)
    }

    fn begin(path: &Path, file: File, header: Header) -> Result<Self, BundleError> {
        let mut writer = Self { path: path.to_owned(), file, digest: Sha256::new(), lines: 0 };
        writer.put(&Record::Bundle(header))?;
        writer.sync()?;
        Ok(writer)
    }

    /// Goes on with a run that was cut off: a half-written last line is dropped, what is whole is returned.
    ///
    /// # Errors
    /// A bundle that is finished, that another process is writing, or that is damaged in more than its last line.
    pub fn resume(folder: &Path) -> Result<(Self, Bundle), BundleError> {
        let path = super::files(folder)?.pop().unwrap_or_else(|| folder.join("bundle.jsonl"));
        let io = |source| BundleError::Io { path: path.clone(), source };
        let (mut file, mut bytes) = open(&path)?;
        let whole = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |newline| newline + 1);
        bytes.truncate(whole);
        if bytes.is_empty() {
            let what = "was cut off before its header; begin it again with the command that it was".to_owned();
            return Err(BundleError::File { path, what });
        }
        let bundle = parse(&path, &bytes, Partial::Allowed)?;
        if bundle.end.is_some() {
            let what = "this run is finished; --append adds a further one".to_owned();
            return Err(BundleError::File { path, what });
        }
        file.set_len(whole as u64).map_err(io)?;
        file.seek(SeekFrom::End(0)).map_err(io)?;
        let lines = bytes.iter().filter(|&&b| b == b'\n').count() as u64 - 1;
        let digest = Sha256::new_with_prefix(&bytes);
        Ok((Self { path, file, digest, lines }, bundle))
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line; when this returns, it has left the process and outlives it.
    ///
    /// # Errors
    /// If it cannot be written; lines before it stay whole.
    pub fn push(&mut self, record: &Record) -> Result<(), BundleError> {
        self.put(record)?;
        self.lines += 1;
        Ok(())
    }

    /// Waits until what was added is on the disk, where it outlives a power cut.
    ///
    /// A solid-state disk takes some 4 ms for it, a hard disk 20 ms. `run` asks for it after each item, which takes 200 ms
    /// at least, and between samples, so it costs at most 2 % of the time and no sample sees it.
    ///
    /// # Errors
    /// If it could not be kept, also where that shows only now: a full disk on the network.
    pub fn sync(&self) -> Result<(), BundleError> {
        self.file.sync_data().map_err(|source| BundleError::Io { path: self.path.clone(), source })
    }

    /// Adds the last line.
    ///
    /// # Errors
    /// As [`Writer::push`].
    pub fn finish(mut self, noise: Value) -> Result<PathBuf, BundleError> {
        let sha256 = hex(&self.digest.clone().finalize());
        self.put(&Record::End(End { lines: self.lines, noise, sha256 }))?;
        self.file.sync_all().map_err(|source| BundleError::Io { path: self.path.clone(), source })?;
        Ok(self.path)
    }

    fn put(&mut self, record: &Record) -> Result<(), BundleError> {
        let io = |source| BundleError::Io { path: self.path.clone(), source };
        let line = record.line().map_err(|error| io(error.into()))?;
        // One call, so that a line is cut by nothing less than a full disk.
        self.file.write_all(line.as_bytes()).map_err(io)?;
        self.digest.update(line.as_bytes());
        Ok(())
    }
}

/// A file that no other process is writing, and what is in it, read after that was certain.
fn open(path: &Path) -> Result<(File, Vec<u8>), BundleError> {
    regular(path)?;
    let opened = OpenOptions::new().read(true).write(true).open(path);
    let file = opened.map_err(|source| BundleError::Io { path: path.to_owned(), source })?;
    free(path, file.try_lock())?;
    let bytes = bytes_of(path, &file)?;
    Ok((file, bytes))
}

/// Whether nobody writes a file, now.
fn idle(path: &Path) -> Result<(), BundleError> {
    let file = File::open(path).map_err(|source| BundleError::Io { path: path.to_owned(), source })?;
    free(path, file.try_lock_shared())
}

/// Only a lock of somebody else is refused. Some systems of files, of clusters most of all, have no locks: there a run is
/// worth more than what two of them might do to each other.
fn free(path: &Path, locked: Result<(), TryLockError>) -> Result<(), BundleError> {
    match locked {
        Err(TryLockError::WouldBlock) => Err(BundleError::Busy { path: path.to_owned() }),
        Err(TryLockError::Error(_)) | Ok(()) => Ok(()),
    }
}

fn next_number(folder: &Path) -> std::io::Result<u32> {
    let mut last = 0;
    for entry in std::fs::read_dir(folder)? {
        last = entry?.file_name().to_str().and_then(bundle_number).map_or(last, |number| number.max(last));
    }
    Ok(last + 1)
}
