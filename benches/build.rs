//! Compiles the C++ by `g++ -O2`. The crate cc adds position-independent code and a section for each
//! function, as rustc does.

fn main() {
    println!("cargo:rerun-if-changed=cpp");
    println!("cargo:rerun-if-changed=../src/abi/mapisync.h");
    cc::Build::new()
        .cpp(true)
        .compiler("g++")
        .std("c++17")
        .opt_level(2)
        .debug(false)
        .include("../src/abi")
        .flags(["-Wall", "-Wextra", "-Wno-non-virtual-dtor"])
        .warnings_into_errors(true)
        .files(["cpp/objects.cpp", "cpp/callers.cpp"])
        .compile("mapisync_peers");
}
