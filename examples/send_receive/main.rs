//! Outlook's Send/Receive dialog in the terminal, around a store that synchronises a real Maildir.
//!
//! This file is the host: it makes a COM object of the store, as an Outlook would get it, and from there on knows
//! nothing but the pointer. `dialog.rs` is the callback that the store reports to; `../maildir_store` is the store.

mod dialog;
#[path = "../maildir_store/mod.rs"]
mod maildir_store;

use clap::Parser;
use dialog::Dialog;
use maildir_store::Store;
use mapisync::abi::IMAPISync;
use mapisync::{ComPtr, Error, HRESULT, Result, SyncFlags, SyncHost};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// The mailbox that ships with the crate.
const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/mailbox");

/// What a shell expects of a program that Ctrl-C has ended.
const INTERRUPTED: u8 = 130;

/// Synchronises a Maildir through the COM interfaces of an Outlook store provider.
///
/// Folders and messages that SERVER_MAILDIR has and LOCAL_MAILDIR lacks are
/// copied; nothing is deleted or overwritten. Without arguments, the sample
/// mailbox is synchronised into a temporary folder. Ctrl-C stops the run, a
/// second one the program.
///
/// Exit code: 0 if the run succeeded, 1 if it failed, 2 for wrong usage, 130
/// after Ctrl-C.
#[derive(Parser)]
#[command(
    name = "send_receive",
    verbatim_doc_comment,
    override_usage = "send_receive [SERVER_MAILDIR LOCAL_MAILDIR] [--flags FLAG,…] [--quiet]"
)]
struct Args {
    /// The Maildir to synchronise from
    #[arg(value_name = "SERVER_MAILDIR", requires = "local")]
    server: Option<PathBuf>,

    /// The Maildir to synchronise into; made if it isn't there
    #[arg(value_name = "LOCAL_MAILDIR")]
    local: Option<PathBuf>,

    /// What to synchronise: the names of SyncFlags in lower case
    #[arg(
        long,
        value_name = "FLAG,…",
        value_delimiter = ',',
        value_parser = flag,
        default_value = "download-hierarchy,download-contents"
    )]
    flags: Vec<SyncFlags>,

    /// Print errors only
    #[arg(long, short)]
    quiet: bool,
}

/// `download-contents` as the flag that it names.
fn flag(name: &str) -> Result<SyncFlags, String> {
    SyncFlags::from_name(&name.to_uppercase().replace('-', "_")).ok_or_else(|| {
        let names = SyncFlags::all()
            .iter_names()
            .map(|(name, _)| name.to_lowercase().replace('_', "-"));
        format!("the flags are {}", names.collect::<Vec<_>>().join(", "))
    })
}

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("send_receive: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<ExitCode> {
    let (server, local) = match (args.server, args.local) {
        (Some(server), Some(local)) => (server, local),
        _ => {
            let local = tempfile::Builder::new()
                .prefix("mapisync-")
                .tempdir()?
                .keep();
            if !args.quiet {
                println!("Synchronising the sample mailbox into {}", local.display());
            }
            (Path::new(SAMPLE).into(), local)
        }
    };
    let dialog = Arc::new(Dialog::new(args.quiet));

    // Ctrl-C asks the dialog to cancel, which it does the way Outlook does: by its answer to the next Progress.
    let on_interrupt = dialog.clone();
    let interrupt = move || {
        if on_interrupt.cancel() {
            std::process::exit(INTERRUPTED.into());
        }
    };
    ctrlc::set_handler(interrupt)
        .map_err(|error| Error::new(HRESULT::E_FAIL, error.to_string()))?;

    // The store becomes a COM object. Outlook would get this pointer from the store's QueryInterface.
    let sync = ComPtr::<IMAPISync>::new(Store::open(&server, &local)?);

    // From here on there are only COM pointers between the two sides.
    let run = SyncHost::new(dialog.clone()).start(&sync, args.flags.into_iter().collect())?;
    let status = run.wait(Duration::MAX)?;
    dialog.summary(status);
    Ok(match status {
        HRESULT::MAPI_E_USER_CANCEL if dialog.is_cancelled() => ExitCode::from(INTERRUPTED),
        status if status.is_err() => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    })
}
