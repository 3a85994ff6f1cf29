//! The journal: a line is whole and flushed before the next case begins.

use super::BundleError;
use super::check::hex;
use super::model::{Bundle, End, Header, Record};
use super::read::{Partial, bundle_number, parse};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
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

/// Appends lines to a bundle.
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
            Place::Append => next_number(folder).map_err(at(folder))?,
        };
        let name = if number == 1 { "bundle.jsonl".to_owned() } else { format!("bundle-{number}.jsonl") };
        let path = folder.join(name);
        match Self::create_file(&path, header) {
            Err(BundleError::Io { source, .. }) if source.kind() == std::io::ErrorKind::AlreadyExists => {
                let finished = super::read(&path, Partial::Refused).is_ok();
                Err(BundleError::Exists { folder: folder.to_owned(), finished })
            }
            made => made,
        }
    }

    /// Makes a file, which must not be there, with its header.
    ///
    /// # Errors
    /// If it is there or cannot be written.
    pub fn create_file(path: &Path, header: Header) -> Result<Self, BundleError> {
        let at = |source| BundleError::Io { path: path.to_owned(), source };
        let file = OpenOptions::new().write(true).create_new(true).open(path).map_err(at)?;
        let mut writer = Self { path: path.to_owned(), file, digest: Sha256::new(), lines: 0 };
        writer.put(&Record::Bundle(header))?;
        Ok(writer)
    }

    /// Goes on with a run that was cut off: a half-written last line is dropped, what is whole is returned.
    ///
    /// # Errors
    /// A bundle that is finished, or damaged in more than its last line.
    pub fn resume(folder: &Path) -> Result<(Self, Bundle), BundleError> {
        let path = super::files(folder)?.pop().unwrap_or_else(|| folder.join("bundle.jsonl"));
        let io = |source| BundleError::Io { path: path.clone(), source };
        let mut bytes = std::fs::read(&path).map_err(io)?;
        let whole = bytes.iter().rposition(|&b| b == b'\n').map_or(0, |newline| newline + 1);
        bytes.truncate(whole);
        let bundle = parse(&path, &bytes, Partial::Allowed)?;
        if bundle.end.is_some() {
            let what = "this run is finished; --append adds a further one".to_owned();
            return Err(BundleError::File { path, what });
        }
        let mut file = OpenOptions::new().write(true).open(&path).map_err(io)?;
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

    /// Adds a line; when this returns, it has left the process.
    ///
    /// # Errors
    /// If it cannot be written; lines before it stay whole.
    pub fn push(&mut self, record: &Record) -> Result<(), BundleError> {
        self.put(record)?;
        self.lines += 1;
        Ok(())
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

fn next_number(folder: &Path) -> std::io::Result<u32> {
    let mut last = 0;
    for entry in std::fs::read_dir(folder)? {
        last = entry?.file_name().to_str().and_then(bundle_number).map_or(last, |number| number.max(last));
    }
    Ok(last + 1)
}
