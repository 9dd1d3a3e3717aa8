//! Compiles the sources in C and C++ for the target of the tests: the foreign objects by every
//! compiler for the target, with and without optimization. The tests can't do it, because they may
//! run under an emulator.
//!
//! For Microsoft's targets the compiler is `cl`, which only hosted CI has.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-changed=foreign");
    println!("cargo:rerun-if-changed=../../src/abi/mapisync.h");
    println!("cargo:rerun-if-env-changed=MAPISYNC_FAULT");
    let folder = PathBuf::from(env::var_os("OUT_DIR").unwrap());
    if is_microsoft() {
        check_header(&folder);
    }

    // The commands for C and C++. For other targets than the host's, the crate `cc` finds them.
    let is_native = env::var("TARGET") == env::var("HOST") && !is_windows();
    let compilers: &[[Option<&str>; 2]] = match sanitizer() {
        // Clang uses the sanitizer's runtime of the program, which is Rust's. gcc would link another.
        Some(_) => &[[Some("clang-14"), Some("clang++-14")]],
        None if is_native => &[[Some("gcc"), Some("g++")], [Some("clang-14"), Some("clang++-14")]],
        None => &[[None, None]],
    };
    let mut list = String::from("&[\n");
    for &[c, cpp] in compilers {
        for (language, source, compiler) in [("C", "objects.c", c), ("C++", "objects.cpp", cpp)] {
            for level in [0, 2] {
                let name = format!("{language} by {} -O{level}", compiler.unwrap_or("cc"));
                let path = folder.join(name.replace(' ', "_")).with_extension("library");
                let mut command = command(compiler, &format!("foreign/{source}"), level);
                if let Some(name) = sanitizer() {
                    command.args(["-Xclang", &format!("-fsanitize={name}")]);
                }
                link(command, &path, true);
                let cpp = language == "C++";
                list += &format!("    Build {{ name: {name:?}, path: {path:?}, cpp: {cpp} }},\n");
            }
        }
    }
    fs::write(folder.join("libraries.rs"), list + "]\n").unwrap();

    // The programs and libraries that tests start or load, and the variables with their paths.
    let mut sources = vec![
        ("CPP_PROVIDER", "foreign/provider.cpp", true),
        ("CPP_HOST", "../../examples/cpp_host/main.cpp", false),
    ];
    if is_windows() && !is_microsoft() {
        // Only mingw has MAPI's headers.
        let host = "../../examples/wrapped_store/cpp/host.cpp";
        let stand_in = "../../examples/wrapped_store/cpp/stand_in.cpp";
        sources.extend([("WRAPPED_HOST", host, false), ("WRAPPED_STAND_IN", stand_in, true)]);
    }
    for (variable, source, is_library) in sources {
        println!("cargo:rerun-if-changed={source}");
        let path = folder.join(variable).with_extension(if is_library { "dll" } else { "exe" });
        let mut command = command(compilers[0][1], source, 1);
        if variable.starts_with("WRAPPED") {
            command.arg("-Wl,--kill-at"); // exports are undecorated on 32-bit x86, too
        }
        link(command, &path, is_library);
        println!("cargo:rustc-env={variable}={}", path.display());
    }

    // The example unload needs it, as the example provider_dll does.
    if env::var("CARGO_CFG_TARGET_OS").unwrap() == "linux" {
        println!("cargo:rustc-link-arg-examples=-Wl,-z,nodelete");
    }
}

/// The sanitizer of Rust's code, which the foreign libraries need as well.
fn sanitizer() -> Option<String> {
    env::var("CARGO_CFG_SANITIZE").ok()
}

fn is_windows() -> bool {
    env::var("CARGO_CFG_WINDOWS").is_ok()
}

/// Whether the compiler is Microsoft's. It lacks MAPI's headers and gcc's options.
fn is_microsoft() -> bool {
    env::var("CARGO_CFG_TARGET_ENV").as_deref() == Ok("msvc")
}

/// Returns a command that compiles a source, with all options that the sources need.
fn command(compiler: Option<&str>, source: &str, level: u32) -> Command {
    let is_cpp = source.ends_with(".cpp");
    let mut build = cc::Build::new();
    build.cargo_metadata(false).cpp(is_cpp).opt_level(level).debug(true).pic(!is_windows());
    build.std(if is_cpp { "c++17" } else { "c11" }).include("../../src/abi");
    build.define("_GNU_SOURCE", None);
    let flags = if is_microsoft() {
        // The sources are UTF-8. NOMINMAX leaves out two macros of <windows.h>.
        "/utf-8 /EHsc /DNOMINMAX"
    } else {
        "-Wall -Wextra -Wpedantic -Werror -fvisibility=hidden -pthread"
    };
    for flag in flags.split(' ') {
        build.flag(flag);
    }
    if let Some(compiler) = compiler {
        build.compiler(compiler);
    }
    // A deliberate fault, which the sanitizers must report.
    if env::var_os("MAPISYNC_FAULT").is_some() {
        build.define("MAPISYNC_FAULT", None);
    }
    // The crate cc passes Rust's sanitizer to the driver, which would link its own runtime.
    let command = build.get_compiler().to_command();
    let is_ours = |argument: &&OsStr| !argument.as_encoded_bytes().starts_with(b"-fsanitize");
    let mut plain = Command::new(command.get_program());
    plain.args(command.get_args().filter(is_ours));
    // `cl` finds headers and libraries by variables.
    let variables = command.get_envs();
    plain.envs(variables.filter_map(|(name, value)| Some((name, value?))));
    plain.arg(source);
    plain
}

/// Runs a command that also links, to a program or to a shared library.
fn link(mut command: Command, output: &Path, is_library: bool) {
    if is_microsoft() {
        let option = |name: &str, path: &Path| {
            let mut option = OsString::from(name);
            option.push(path); // it follows without a space
            option
        };
        command.args(is_library.then_some("/LD"));
        command.arg(option("/Fo:", &output.with_extension("obj")));
        command.arg(option("/Fe:", output)).args(["/link", "uuid.lib"]);
    } else {
        command.args(is_library.then_some("-shared")).arg("-o").arg(output);
        command.args(if is_windows() { &["-static", "-luuid"][..] } else { &["-ldl"] });
    }
    run(&mut command);
}

fn run(command: &mut Command) {
    let packages = "clang-14, g++, g++-mingw-w64-…-posix, g++-…-linux-gnu or g++-12-multilib";
    let status = command.status().unwrap_or_else(|error| {
        let program = command.get_program();
        panic!("{program:?}: {error}; install its Debian package: {packages}")
    });
    assert!(status.success(), "{command:?} failed");
}

/// Compiles the header alone by `cl`, with each of its ways to get the types. Every warning of the
/// header is an error, but not one of Microsoft's own headers.
fn check_header(folder: &Path) {
    let strict = "/Zs /W4 /WX /external:anglebrackets /external:W0";
    for name in ["header.c", "header.cpp"] {
        for define in ["", "#define MAPISYNC_STANDALONE\n"] {
            let source = folder.join(name);
            fs::write(&source, format!("{define}#include \"mapisync.h\"\n")).unwrap();
            run(command(None, source.to_str().unwrap(), 0).args(strict.split(' ')));
        }
    }
}
