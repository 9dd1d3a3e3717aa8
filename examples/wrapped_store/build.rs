//! A worker still runs the library's code for a moment after it has signaled its event. On Unix the
//! library must therefore stay in memory when it is unloaded. On Windows `mapisync` ensures this
//! itself.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let os = std::env::var("CARGO_CFG_TARGET_OS").unwrap();
    if !matches!(&*os, "windows" | "macos") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
