//! The journal: a line is whole and flushed before the next case begins, and one process at a time writes it.

use super::BundleError;
use super::check::hex;
use super::held::{Held, idle};
use super::model::{Bundle, End, Header, Record};
use super::read::{Partial, bundle_number, parse};
use super::remark::Unknown;
use serde_json::Value;
use sha2::{Digest, Sha256};
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
    held: Held,
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
        match Held::create(&path) {
            Err(BundleError::Io { source, .. }) if source.kind() == std::io::ErrorKind::AlreadyExists => {
                Self::take_over(folder, &path, header)
            }
            held => Self::begin(held?, header, &[]),
        }
    }

    /// Makes a file, which must not be there, with its header; `unknown` are fields of a newer version that it keeps.
    ///
    /// # Errors
    /// If it is there or cannot be written.
    pub fn create_file(path: &Path, header: Header, unknown: &[Unknown]) -> Result<Self, BundleError> {
        Self::begin(Held::create(path)?, header, unknown)
    }

    /// A file that is there: begun anew if its run was cut off before its header was whole.
    fn take_over(folder: &Path, path: &Path, header: Header) -> Result<Self, BundleError> {
        let exists = |finished| BundleError::Exists { folder: folder.to_owned(), finished };
        let (mut held, bytes) = match Held::open(path) {
            // What may not be written is not begun anew either.
            Err(BundleError::Io { .. }) => return Err(exists(super::read(path, Partial::Refused).is_ok())),
            opened => opened?,
        };
        if bytes.contains(&b'\n') || !(bytes.is_empty() || bytes.starts_with(b"{\"kind\":\"bundle\"")) {
            return Err(exists(parse(path, &bytes, Partial::Refused).is_ok()));
        }
        held.cut(0)?;
        Self::begin(held, header, &[])
    }

    fn begin(held: Held, header: Header, unknown: &[Unknown]) -> Result<Self, BundleError> {
        let mut writer = Self { held, digest: Sha256::new(), lines: 0 };
        writer.put(&Record::Bundle(header), unknown)?;
        writer.sync()?;
        Ok(writer)
    }

    /// Goes on with a run that was cut off: a half-written last line is dropped, what is whole is returned.
    ///
    /// # Errors
    /// A bundle that is finished, that another process is writing, or that is damaged in more than its last line.
    pub fn resume(folder: &Path) -> Result<(Self, Bundle), BundleError> {
        let path = super::files(folder)?.pop().unwrap_or_else(|| folder.join("bundle.jsonl"));
        let (mut held, mut bytes) = Held::open(&path)?;
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
        held.cut(whole as u64)?;
        let lines = bytes.iter().filter(|&&b| b == b'\n').count() as u64 - 1;
        let digest = Sha256::new_with_prefix(&bytes);
        Ok((Self { held, digest, lines }, bundle))
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.held.path()
    }

    /// Adds a line; when this returns, it has left the process and outlives it. If the file was removed meanwhile, all that
    /// was added is written anew.
    ///
    /// # Errors
    /// If it cannot be written; lines before it stay whole. If another file has taken its name.
    pub fn push(&mut self, record: &Record) -> Result<(), BundleError> {
        self.push_with(record, &[])
    }

    /// As [`Writer::push`], with fields of a newer version that the line keeps.
    ///
    /// # Errors
    /// As [`Writer::push`].
    pub fn push_with(&mut self, record: &Record, unknown: &[Unknown]) -> Result<(), BundleError> {
        self.put(record, unknown)?;
        self.lines += 1;
        Ok(())
    }

    /// Waits until what was added is on the disk, where it outlives a power cut.
    ///
    /// A virtual solid-state disk took 4 ms for it. `run` asks for it after each item, which takes 200 ms as a rule, and
    /// between samples: some 2 % of the time, and no sample sees it.
    ///
    /// # Errors
    /// If it could not be kept, also where that shows only now: a full disk on the network.
    pub fn sync(&self) -> Result<(), BundleError> {
        self.held.sync()
    }

    /// Adds the last line.
    ///
    /// # Errors
    /// As [`Writer::push`].
    pub fn finish(self, noise: Value) -> Result<PathBuf, BundleError> {
        self.finish_with(noise, &[])
    }

    /// As [`Writer::finish`], with fields of a newer version that the last line keeps.
    ///
    /// # Errors
    /// As [`Writer::push`].
    pub fn finish_with(mut self, noise: Value, unknown: &[Unknown]) -> Result<PathBuf, BundleError> {
        let sha256 = hex(&self.digest.clone().finalize());
        self.put(&Record::End(End { lines: self.lines, noise, sha256 }), unknown)?;
        self.held.sync()?;
        Ok(self.held.path().to_owned())
    }

    fn put(&mut self, record: &Record, unknown: &[Unknown]) -> Result<(), BundleError> {
        let line = record
            .line_with(unknown)
            .map_err(|error| BundleError::Io { path: self.path().to_owned(), source: error.into() })?;
        self.held.add(line.as_bytes())?;
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
