//! The entry point of the target `entry` for libFuzzer. `tests/model` has the model.

#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|data: &[u8]| test_model::entry(data));

/// Runs the files in the arguments, without `cargo fuzz`.
#[cfg(not(fuzzing))]
fn main() -> std::io::Result<()> {
    test_model::run_files(test_model::entry)
}
