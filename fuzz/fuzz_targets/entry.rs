//! libFuzzer's half of the target `entry`; what it does is in `src/entry`.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| mapisync_fuzz::entry(data));

/// Without `cargo fuzz`: runs the files that are named.
#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    mapisync_fuzz::run_files(mapisync_fuzz::entry)
}
