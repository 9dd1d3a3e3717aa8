//! The entry point of the target `entry` for libFuzzer. `src/entry` implements the target.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| mapisync_fuzz::entry(data));

/// Runs the files in the arguments, without `cargo fuzz`.
#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    mapisync_fuzz::run_files(mapisync_fuzz::entry)
}
