//! The program, run as a user runs it: arguments, output, exit codes, Ctrl-C.

#![cfg(not(miri))] // Miri cannot start a program

mod arguments;
mod calls;
#[cfg(unix)]
mod interrupts;
mod program;
mod results;
#[cfg(unix)]
mod surroundings;
#[cfg(target_os = "linux")]
mod terminal;
