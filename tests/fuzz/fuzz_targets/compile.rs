//! Any text: nothing panics, every rejection says where and why, what is accepted can be derived.
//!
//! ```text
//! cd tests && mkdir -p fuzz/corpus
//! cargo +nightly fuzz run compile fuzz/corpus models/found models/pass models/fail -- -dict=fuzz/snn.dict -timeout=5
//! ```
//! A text that fails goes into `models/found`, where a plain test replays it.

#![no_main]

#[path = "../../src/robust.rs"]
mod robust;

libfuzzer_sys::fuzz_target!(|text: &str| {
    robust::holds(text);
});
