fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let os = std::env::var("CARGO_CFG_TARGET_OS").unwrap();
    if !matches!(&*os, "windows" | "macos") {
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
