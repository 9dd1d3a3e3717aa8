use std::{path::Path, process::Command};

#[test]
fn shows_the_progress_of_the_provider_library() {
    let host = env!("CARGO_BIN_EXE_my_host");
    let library = Path::new(host).with_file_name(libloading::library_filename("my_store"));
    let output = Command::new(host).arg(library).output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert_eq!(shown, "Receiving 0 of 2\nReceiving 1 of 2\nReceiving 2 of 2\nS_OK (0x00000000)\n");
}
