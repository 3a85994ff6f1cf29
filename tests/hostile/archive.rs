//! Archives that would do harm where they were unpacked: complete ones, as other tools write them.

use flate2::{Compression, Crc, write::GzEncoder};
use std::io::Write;

/// A gibibyte of spaces: members of a mebibyte after each other are one file of gzip's.
pub(crate) fn gzip_of_a_gibibyte() -> Vec<u8> {
    let mut member = GzEncoder::new(Vec::new(), Compression::best());
    member.write_all(&vec![b' '; 1 << 20]).unwrap();
    member.finish().unwrap().repeat(1024)
}

/// Four gibibytes of spaces, in blocks that repeat one byte: 32 bytes of it become a mebibyte.
pub(crate) fn zstd_of_four_gibibytes() -> Vec<u8> {
    const BLOCK: u32 = 128 << 10;
    let blocks = (4_u64 << 30) / u64::from(BLOCK);
    // No size of what is in it, a window of 128 KiB.
    let mut bytes = b"\x28\xb5\x2f\xfd\x00\x38".to_vec();
    for block in 1..=blocks {
        // Size, kind 1 (one byte repeated), last.
        let header = BLOCK << 3 | 1 << 1 | u32::from(block == blocks);
        bytes.extend_from_slice(&header.to_le_bytes()[..3]);
        bytes.push(b' ');
    }
    bytes
}

/// Stored files of these names.
pub(crate) fn zip(names: &[&str]) -> Vec<u8> {
    const DATA: &[u8] = b"evil\n";
    let mut crc = Crc::new();
    crc.update(DATA);
    let (crc, size) = (crc.sum().to_le_bytes(), 5_u32.to_le_bytes());
    let (mut files, mut directory) = (Vec::new(), Vec::new());
    for name in names {
        let length = u16::try_from(name.len()).unwrap().to_le_bytes();
        // Version 2.0, no flags, stored, midnight of 1 January 1980.
        let about = [&b"\x14\0\0\0\0\0\0\0\x21\0"[..], &crc, &size, &size, &length, b"\0\0"].concat();
        let at = u32::try_from(files.len()).unwrap().to_le_bytes();
        files.extend([b"PK\x03\x04", &about[..], name.as_bytes(), DATA].concat());
        directory.extend([b"PK\x01\x02\x14\x03", &about[..], &[0; 10], &at, name.as_bytes()].concat());
    }
    let count = u16::try_from(names.len()).unwrap().to_le_bytes();
    let [long, at] = [directory.len(), files.len()].map(|bytes| u32::try_from(bytes).unwrap().to_le_bytes());
    let end = [&b"PK\x05\x06\0\0\0\0"[..], &count, &count, &long, &at, b"\0\0"].concat();
    [files, directory, end].concat()
}

/// A link out of the folder, and a file below it.
pub(crate) fn tar_through_a_link() -> Vec<u8> {
    let entry = |name: &str, kind: u8, target: &str, data: &[u8]| {
        let mut header = vec![0_u8; 512];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, name.as_bytes());
        put(100, b"0000644\x000000000\x000000000\0");
        put(124, format!("{:011o}\0", data.len()).as_bytes());
        put(136, b"00000000000\0        ");
        put(156, &[kind]);
        put(157, target.as_bytes());
        put(257, b"ustar\x0000");
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        header.extend_from_slice(data);
        header.resize(header.len().next_multiple_of(512), 0);
        header
    };
    [entry("link", b'2', "/tmp", b""), entry("link/evil", b'0', "", b"evil\n"), vec![0; 1024]].concat()
}
