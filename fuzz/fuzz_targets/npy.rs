//! The header of a .npy file: nothing panics, what is accepted lies in the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stridewise::layout::NpyHeader;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(header) = NpyHeader::parse(bytes, bytes.len() as u64) {
        assert!(header.data_offset + header.data_bytes <= bytes.len() as u64);
        assert_eq!(header.layout().unwrap().buffer_bytes(), header.data_bytes);
    }
});
