//! The C and C++ compilers that the tests call.

use std::process::{Command, Output};

/// The folder that holds `mapisync.h`.
pub const HEADER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../src/abi");

/// C or C++.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// C11.
    C,
    /// C++17.
    Cpp,
}

/// The commands of a compiler, for C and for C++.
#[derive(Clone, Copy, Debug)]
pub struct Compiler {
    /// The command for C.
    pub c: &'static str,
    /// The command for C++.
    pub cpp: &'static str,
}

/// GNU's compiler for this machine.
pub const GCC: Compiler = Compiler { c: "gcc", cpp: "g++" };

/// LLVM's compiler for this machine, or with `--target` for any other.
pub const CLANG: Compiler = Compiler { c: "clang-14", cpp: "clang++-14" };

/// GNU's compiler for 64-bit Windows, with mingw's headers.
pub const MINGW_64: Compiler =
    Compiler { c: "x86_64-w64-mingw32-gcc", cpp: "x86_64-w64-mingw32-g++" };

/// GNU's compiler for 32-bit Windows, with mingw's headers.
pub const MINGW_32: Compiler = Compiler { c: "i686-w64-mingw32-gcc", cpp: "i686-w64-mingw32-g++" };

impl Compiler {
    /// Returns the command with the standard of the language and the folder of the header. Every
    /// warning is an error.
    pub fn command(&self, language: Language) -> Command {
        let (name, standard) = match language {
            Language::C => (self.c, "-std=c11"),
            Language::Cpp => (self.cpp, "-std=c++17"),
        };
        let mut command = Command::new(name);
        command.args([standard, "-Wall", "-Wextra", "-Wpedantic", "-Werror"]);
        command.args(["-I", HEADER]);
        command
    }
}

/// Runs a compiler.
///
/// # Panics
///
/// If the compiler is not installed. `.ci/run` installs its Debian package.
pub fn run(command: &mut Command) -> Output {
    let output = command.output();
    output.unwrap_or_else(|error| panic!("{:?} is missing: {error}", command.get_program()))
}

/// Runs a compiler that must succeed, and returns its output.
///
/// # Panics
///
/// If the compiler is not installed or fails. The message has the output of the compiler.
pub fn succeed(command: &mut Command) -> String {
    let output = run(command);
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}:\n{messages}");
    String::from_utf8(output.stdout).expect("UTF-8")
}
