//! Any bytes, in any split, through the frame decoder.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| firefly_fuzz::frame_stream(data));
