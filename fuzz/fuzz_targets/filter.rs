//! The pattern of --filter: nothing panics or takes long, whatever is asked for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stridewise::suite::{Case, Filter, Item};

fuzz_target!(|text: &str| {
    match text.parse::<Filter>() {
        Ok(filter) => {
            let case: Case = "order/sum/f8/1024x1024/C/1,0".parse().unwrap();
            let _ = filter.keeps(&Item::against_baseline(case));
        }
        Err(message) => assert!(!message.contains('\n') && !message.is_empty()),
    }
});
