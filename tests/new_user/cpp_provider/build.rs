fn main() {
    let out_dir = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
    std::fs::write(out_dir.join("mapisync.h"), mapisync::abi::C_HEADER).unwrap();
    println!("cargo::rerun-if-changed=provider.cpp");
    cc::Build::new()
        .cpp(true)
        .std("c++17")
        .include(out_dir)
        .file("provider.cpp")
        .compile("provider");
}
