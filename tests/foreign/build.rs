//! Compiles the witnesses for the target that the tests are built for: C and C++, by every compiler that compiles for it,
//! without optimisation and with it. They are built here and not by the tests, since these may run under an emulator.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-changed=witness");
    println!("cargo:rerun-if-changed=../../src/abi/mapisync.h");
    let target = env::var("TARGET").unwrap();
    let native = target == env::var("HOST").unwrap();
    let folder = PathBuf::from(env::var_os("OUT_DIR").unwrap());

    // C, C++, and where they are to be had; for other targets, what the crate `cc` finds.
    let mut compilers = vec![(
        None,
        None,
        "g++-mingw-w64-…-posix, g++-…-linux-gnu or g++-12-multilib",
    )];
    if native && !target.contains("windows") {
        compilers = vec![
            (Some("gcc"), Some("g++"), "g++"),
            (Some("clang-14"), Some("clang++-14"), "clang-14"),
        ];
    }
    if env::var("CARGO_CFG_WINDOWS").is_ok() {
        fs::write(folder.join("codes.h"), codes(&folder)).unwrap();
    }
    let mut list = String::from("&[\n");
    for (c, cpp, package) in compilers {
        for (language, compiler) in [("C", c), ("C++", cpp)] {
            for level in [0, 2] {
                let name = format!("{language} by {} -O{level}", compiler.unwrap_or("cc"));
                let library = folder
                    .join(name.replace(' ', "_"))
                    .with_extension("witness");
                compile(language, compiler, package, level, &library);
                list += &format!(
                    "    Build {{ name: {name:?}, path: {library:?}, cpp: {} }},\n",
                    language == "C++"
                );
            }
        }
    }
    fs::write(folder.join("witnesses.rs"), list + "]\n").unwrap();
}

fn compile(language: &str, compiler: Option<&str>, package: &str, level: u32, library: &Path) {
    let windows = env::var("CARGO_CFG_WINDOWS").is_ok();
    let mut build = cc::Build::new();
    build
        .cargo_metadata(false)
        .cpp(language == "C++")
        .opt_level(level)
        .debug(true)
        .pic(!windows);
    build
        .std(if language == "C++" { "c++17" } else { "c11" })
        .include("../../src/abi")
        .include(library.parent().unwrap())
        .define("_GNU_SOURCE", None);
    for flag in [
        "-Wall",
        "-Wextra",
        "-Wpedantic",
        "-Werror",
        "-fvisibility=hidden",
        "-pthread",
    ] {
        build.flag(flag);
    }
    if let Some(compiler) = compiler {
        build.compiler(compiler);
    }
    let mut command = build.get_compiler().to_command();
    let source = if language == "C++" {
        "witness/witness.cpp"
    } else {
        "witness/witness.c"
    };
    command.args(["-shared", source, "-o"]).arg(library);
    if windows {
        command.args(["-static", "-luuid"]);
    }
    let status = command.status().unwrap_or_else(|error| {
        panic!(
            "{:?}: {error}; install the Debian package {package}",
            command.get_program()
        )
    });
    assert!(status.success(), "{command:?} failed");
}

/// The initialisers of a table with every code that `mapicode.h` defines, and every one of the crate's that it or
/// `winerror.h` does. The preprocessor leaves out what there is not.
fn codes(folder: &Path) -> String {
    println!("cargo:rerun-if-changed=../../src/abi/codes.rs");
    let mut build = cc::Build::new();
    let mut command: Command = build.cargo_metadata(false).get_compiler().to_command();
    let source = folder.join("mapicode.c");
    fs::write(&source, "#include <windows.h>\n#include <mapicode.h>\n").unwrap();
    let macros = command.args(["-E", "-dM"]).arg(source).output().unwrap();
    assert!(macros.status.success(), "{command:?} failed");
    let macros = String::from_utf8(macros.stdout).unwrap();
    let theirs = macros
        .lines()
        .filter_map(|line| line.strip_prefix("#define ")?.split(' ').next())
        .filter(|name| {
            (name.starts_with("MAPI_E_") || name.starts_with("MAPI_W_")) && !name.contains('(')
        });
    let ours = fs::read_to_string("../../src/abi/codes.rs").unwrap();
    let ours = ours
        .lines()
        .filter_map(|line| line.split_once(" = 0x")?.0.rsplit(' ').next());
    let mut names: Vec<_> = theirs.chain(ours).collect();
    names.sort_unstable();
    names.dedup();
    let entry =
        |name: &&str| format!("#ifdef {name}\n{{\"{name}\", (HRESULT)({name})}},\n#endif\n");
    names.iter().map(entry).collect()
}
