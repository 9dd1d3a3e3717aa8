//! Checks whether a store provider keeps the rules of COM and of MAPI's documentation:
//!
//! ```console
//! cargo run --example conform --features testing -- path/to/provider.so
//! ```
//!
//! The provider is a library, in any language, that exports `CreateMapiSync` as `mapisync.h` declares
//! it. `mapisync::testing::conformance` describes the rules and the report.
//!
//! The check runs in a child process, which is this program again, so that a provider may crash. The
//! child writes each row to a file. If it ends early, the rule that was being checked is broken, and
//! another child checks the remaining rules.
//!
//! Each run gets a session whose methods fail. A provider that needs a real session starts no run, so
//! its rules are not applicable; `Conformance::session` checks it in a test of its own.

mod arguments;
mod child;
mod parent;
mod session;

use arguments::{Arguments, Parsed, USAGE};
use parent::Checked;
use std::process::ExitCode;

/// The exit code if a rule failed.
const FAILED: u8 = 1;
/// The exit code if there is nothing to check: the arguments are wrong, or there is no provider.
const NO_PROVIDER: u8 = 2;

fn main() -> ExitCode {
    let arguments = match Arguments::parse(std::env::args_os().skip(1)) {
        Ok(Parsed::Check(arguments)) => arguments,
        Ok(Parsed::Help) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => {
            eprintln!("{error}\n\n{USAGE}");
            return ExitCode::from(NO_PROVIDER);
        }
    };
    if let Some(task) = child::Task::of_this_process() {
        task.run(&arguments);
    }
    let Checked { report, crash } = match parent::check(&arguments) {
        Ok(checked) => checked,
        Err(error) => {
            eprintln!("{}: {error}", arguments.library.display());
            return ExitCode::from(NO_PROVIDER);
        }
    };
    if arguments.json {
        let crash = serde_json::json!({ "crash": crash }).to_string();
        // Both are objects, and become one.
        println!("{},{}", crash.trim_end_matches('}'), report.to_json().trim_start_matches('{'));
    } else {
        println!("{report}");
        if let Some(crash) = &crash {
            println!("failed: {crash}");
        }
    }
    if report.passed() && crash.is_none() { ExitCode::SUCCESS } else { ExitCode::from(FAILED) }
}
