//! Compiles the foreign libraries for the target of the tests: in C and C++, by every compiler for
//! the target, with and without optimization. The tests can't do it, because they may run under an
//! emulator.
//!
//! For Microsoft's targets the compiler is `cl`, which only hosted CI has.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-changed=foreign");
    println!("cargo:rerun-if-changed=../../src/abi/mapisync.h");
    let target = env::var("TARGET").unwrap();
    let native = target == env::var("HOST").unwrap();
    let folder = PathBuf::from(env::var_os("OUT_DIR").unwrap());

    // The commands for C and C++, and the Debian packages. For other targets, the crate `cc` finds
    // them.
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
    // Clang uses the sanitizer's runtime of the program, which is Rust's. gcc would link another.
    if sanitizer().is_some() {
        compilers.retain(|(c, ..)| *c == Some("clang-14"));
    }
    if is_microsoft() {
        check_header(&folder);
    }
    let windows = usize::from(env::var("CARGO_CFG_WINDOWS").is_ok());
    if windows == 1 && !is_microsoft() {
        fs::write(folder.join("codes.h"), codes(&folder)).unwrap();
    }
    let mut list = String::from("&[\n");
    for (c, cpp, package) in &compilers {
        for (language, compiler) in [("C", c), ("C++", cpp)] {
            for level in [0, 2] {
                let name = format!("{language} by {} -O{level}", compiler.unwrap_or("cc"));
                let library = folder
                    .join(name.replace(' ', "_"))
                    .with_extension("library");
                let source =
                    ["foreign/objects.c", "foreign/objects.cpp"][usize::from(language == "C++")];
                let mut command = command(language, *compiler, level, &folder);
                if let Some(name) = sanitizer() {
                    command.args(["-Xclang", &format!("-fsanitize={name}")]);
                }
                run(linked(&mut command, source, &library, true), package);
                list += &format!(
                    "    Build {{ name: {name:?}, path: {library:?}, cpp: {} }},\n",
                    language == "C++"
                );
            }
        }
    }
    fs::write(folder.join("libraries.rs"), list + "]\n").unwrap();

    // The provider, for the program `conform`.
    let provider = folder.join("provider.library");
    let (_, cpp, package) = compilers[0];
    let mut compile = command("C++", cpp, 2, &folder);
    let source = "foreign/provider.cpp";
    run(linked(&mut compile, source, &provider, true), package);
    println!("cargo:rustc-env=CPP_PROVIDER={}", provider.display());

    // The example unload needs it, as the example provider_dll does.
    if env::var("CARGO_CFG_TARGET_OS").unwrap() == "linux" {
        println!("cargo:rustc-link-arg-examples=-Wl,-z,nodelete");
    }

    // The example in C++.
    println!("cargo:rerun-if-changed=../../examples/cpp_host/main.cpp");
    let host = folder.join(["cpp_host", "cpp_host.exe"][windows]);
    let (_, cpp, package) = compilers[0];
    let mut command = command("C++", cpp, 2, &folder);
    let source = "../../examples/cpp_host/main.cpp";
    run(linked(&mut command, source, &host, false), package);
    println!("cargo:rustc-env=CPP_HOST={}", host.display());

    if windows == 1 && !is_microsoft() {
        wrapped_store(&folder);
    }
}

/// Compiles the host and the inner provider for the example wrapped_store. Only mingw has MAPI's
/// headers.
fn wrapped_store(folder: &Path) {
    let sources = Path::new("../../examples/wrapped_store/cpp");
    println!("cargo:rerun-if-changed={}", sources.display());
    for (source, variable, file, is_library) in [
        ("host.cpp", "WRAPPED_HOST", "wrapped_host.exe", false),
        ("stand_in.cpp", "WRAPPED_STAND_IN", "stand_in.dll", true),
    ] {
        let (source, file) = (sources.join(source), folder.join(file));
        let mut command = command("C++", None, 1, folder);
        let command = linked(&mut command, source.to_str().unwrap(), &file, is_library);
        // Exports are undecorated on 32-bit x86, too.
        run(command.arg("-Wl,--kill-at"), "g++-mingw-w64-…-posix");
        println!("cargo:rustc-env={variable}={}", file.display());
    }
}

/// The sanitizer of Rust's code, which the foreign libraries need as well.
fn sanitizer() -> Option<String> {
    env::var("CARGO_CFG_SANITIZE").ok()
}

/// Whether the compiler is Microsoft's. It lacks MAPI's headers and gcc's options.
fn is_microsoft() -> bool {
    env::var("CARGO_CFG_TARGET_ENV").as_deref() == Ok("msvc")
}

/// Adds the arguments that compile a source to a program or to a shared library.
fn linked<'c>(
    command: &'c mut Command,
    source: &str,
    output: &Path,
    is_library: bool,
) -> &'c mut Command {
    if is_microsoft() {
        command.arg(source).args(is_library.then_some("/LD"));
        command.arg(option("/Fo:", &output.with_extension("obj")));
        command.arg(option("/Fe:", output));
        return command.args(["/link", "uuid.lib"]);
    }
    command.args(is_library.then_some("-shared"));
    command.args([source, "-o"]).arg(output);
    command.args(if env::var("CARGO_CFG_WINDOWS").is_ok() {
        &["-static", "-luuid"][..]
    } else {
        &["-ldl"]
    })
}

/// Returns an option of `cl` with a path, which follows without a space.
fn option(name: &str, path: &Path) -> OsString {
    let mut option = OsString::from(name);
    option.push(path);
    option
}

/// Compiles the header alone by `cl`, with each of its ways to get the types. Every warning of the
/// header is an error, but not one of Microsoft's own headers.
fn check_header(folder: &Path) {
    let strict = "/Zs /W4 /WX /external:anglebrackets /external:W0";
    for (language, extension) in [("C", "c"), ("C++", "cpp")] {
        for define in ["", "#define MAPISYNC_STANDALONE\n"] {
            let source = folder.join("header").with_extension(extension);
            fs::write(&source, format!("{define}#include \"mapisync.h\"\n")).unwrap();
            let mut command = command(language, None, 0, folder);
            run(command.args(strict.split(' ')).arg(source), "");
        }
    }
}

/// Returns a command with all options that the sources need.
fn command(language: &str, compiler: Option<&str>, level: u32, folder: &Path) -> Command {
    let cpp = language == "C++";
    let mut build = cc::Build::new();
    build
        .cargo_metadata(false)
        .cpp(cpp)
        .opt_level(level)
        .debug(true);
    build
        .pic(env::var("CARGO_CFG_WINDOWS").is_err())
        .std(if cpp { "c++17" } else { "c11" });
    build
        .include("../../src/abi")
        .include(folder)
        .define("_GNU_SOURCE", None);
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
    println!("cargo:rerun-if-env-changed=MAPISYNC_FAULT");
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
    plain
}

fn run(command: &mut Command, package: &str) {
    let status = command.status().unwrap_or_else(|error| {
        panic!(
            "{:?}: {error}; install the Debian package {package}",
            command.get_program()
        )
    });
    assert!(status.success(), "{command:?} failed");
}

/// Returns the initializers of a table with every code that `mapicode.h` defines, and every code of
/// the crate that it or `winerror.h` defines. The preprocessor leaves out the others.
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
