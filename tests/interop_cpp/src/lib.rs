//! COM objects in C and C++, which the tests combine with Rust's, and the compilers whose layouts
//! the tests compare with the crate's. `build.rs` compiles the sources in `foreign/`.

mod compilers;
mod foreign;
mod published;

pub use compilers::{CLANG, Compiler, GCC, HEADER, Language, MINGW_32, MINGW_64, run, succeed};
pub use foreign::{BUILDS, Build, ForeignLibrary, MakeInner};
pub use published::{assertions, classes, constant, in_header, table};
