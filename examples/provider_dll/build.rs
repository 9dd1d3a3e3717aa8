//! On Unix a worker that has signalled its event still runs the library's code for a moment, so the library must not go
//! when it is unloaded then. (On Windows the crate sees to that itself.)

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let os = std::env::var("CARGO_CFG_TARGET_OS").unwrap();
    if !matches!(&*os, "windows" | "macos") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
