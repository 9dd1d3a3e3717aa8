//! Outlook's Send/Receive dialog in the terminal, around a store that synchronises a real Maildir.
//!
//! This file is the host: it makes a COM object of the store, as an Outlook would get it, and from there on knows
//! nothing but the pointer. `dialog.rs` is the callback that the store reports to; `../maildir_store` is the store.

mod dialog;
#[path = "../maildir_store/mod.rs"]
mod maildir_store;

use clap::Parser;
use dialog::{Dialog, Screen, Show, say};
use maildir_store::Store;
use mapisync::abi::IMAPISync;
use mapisync::{ComPtr, Error, HRESULT, Result, SyncFlags, SyncHost};
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// The mailbox that ships with the crate.
const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/mailbox");

/// What a shell expects of a program that Ctrl-C has ended.
const INTERRUPTED: u8 = 130;

/// Synchronises a Maildir through the COM interfaces of an Outlook store provider.
///
/// Folders and messages that one side has and the other lacks are copied;
/// nothing is deleted or overwritten. Without arguments, the sample mailbox is
/// synchronised into a temporary folder. Ctrl-C stops the runs, a second one
/// the program.
///
/// Exit code: 0 if every run succeeded, 1 if one failed, 2 for wrong usage, 130
/// after Ctrl-C.
#[derive(Parser)]
#[command(
    name = "send_receive",
    verbatim_doc_comment,
    override_usage = "send_receive [SERVER_MAILDIR LOCAL_MAILDIR] [OPTIONS]"
)]
struct Args {
    /// The Maildir to synchronise from
    #[arg(value_name = "SERVER_MAILDIR", requires = "local")]
    server: Option<PathBuf>,

    /// The Maildir to synchronise into; made if it isn't there
    #[arg(value_name = "LOCAL_MAILDIR")]
    local: Option<PathBuf>,

    /// One more pair of Maildirs; each runs by itself
    #[arg(long, num_args = 2, value_names = ["SERVER", "LOCAL"])]
    store: Vec<PathBuf>,

    /// Fetch folders and messages (what is done if nothing else is asked for)
    #[arg(long)]
    download: bool,

    /// Send folders and messages that only the local Maildir has
    #[arg(long)]
    upload: bool,

    /// Fetch only the headers of messages; a later download completes them
    #[arg(long)]
    headers_only: bool,

    /// What to synchronise: upload-hierarchy, download-hierarchy,
    /// upload-contents, download-contents, outgoing-mail, background,
    /// these-folders, global-headers, on-demand
    #[arg(long, value_name = "FLAG,…", value_delimiter = ',', value_parser = flag)]
    flags: Vec<SyncFlags>,

    /// Print errors only
    #[arg(long, short, conflicts_with = "verbose")]
    quiet: bool,

    /// Print every call across the boundary, with its answer
    #[arg(long, short)]
    verbose: bool,
}

impl Args {
    /// The flags that the switches and `--flags` make together.
    fn all_flags(&self) -> SyncFlags {
        let download = SyncFlags::DOWNLOAD_HIERARCHY | SyncFlags::DOWNLOAD_CONTENTS;
        let upload = SyncFlags::UPLOAD_HIERARCHY | SyncFlags::UPLOAD_CONTENTS;
        let headers = SyncFlags::DOWNLOAD_HIERARCHY | SyncFlags::GLOBAL_HEADERS;
        let mut flags: SyncFlags = self.flags.iter().copied().collect();
        for (switch, means) in [
            (self.download, download),
            (self.upload, upload),
            (self.headers_only, headers),
        ] {
            if switch {
                flags |= means;
            }
        }
        if flags.is_empty() && self.flags.is_empty() {
            download
        } else {
            flags
        }
    }
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
    let mut pairs: Vec<_> = args
        .store
        .chunks_exact(2)
        .map(|pair| (pair[0].clone(), pair[1].clone()))
        .collect();
    pairs.extend(args.server.clone().zip(args.local.clone()));
    let mut sample = None;
    if pairs.is_empty() {
        let local = tempfile::Builder::new().prefix("mapisync-").tempdir()?;
        if !args.quiet {
            say!(
                "Synchronising the sample mailbox into {}",
                local.path().display()
            );
        }
        pairs.push((SAMPLE.into(), local.path().into()));
        sample = Some(local);
    }
    let screen = Screen::new(match (args.quiet, args.verbose) {
        (true, _) => Show::Quiet,
        (_, true) => Show::Calls,
        _ => Show::Steps,
    });

    // Ctrl-C asks the dialogs to cancel, which they do the way Outlook does: by their answer to the next Progress.
    let on_interrupt = screen.clone();
    let interrupt = move || {
        if on_interrupt.cancel() {
            std::process::exit(INTERRUPTED.into());
        }
    };
    ctrlc::set_handler(interrupt)
        .map_err(|error| Error::new(HRESULT::E_FAIL, error.to_string()))?;

    // Each store becomes a COM object. Outlook would get this pointer from the store's QueryInterface.
    let several = pairs.len() > 1;
    let mut stores = vec![];
    for (server, local) in pairs {
        let sync = ComPtr::<IMAPISync>::new(Store::open(&server, &local)?);
        let name = local.file_name().filter(|_| several).unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        stores.push((sync, Arc::new(Dialog::new(&screen, name))));
    }

    // From here on there are only COM pointers between the two sides. All runs start, then each is waited for.
    let flags = args.all_flags();
    let start = |(sync, dialog): (ComPtr<IMAPISync>, Arc<Dialog>)| {
        let run = SyncHost::new(dialog.clone()).start(&sync, flags);
        let answer = run.as_ref().map_or_else(Error::hresult, |_| HRESULT::S_OK);
        screen.call("SynchronizeInBackground", (flags,), answer);
        (run, dialog)
    };
    let runs: Vec<_> = stores.into_iter().map(start).collect();
    let (mut failed, mut ended) = (false, vec![]);
    for (run, dialog) in runs {
        match run.and_then(|run| run.wait(Duration::MAX)) {
            Ok(status) => ended.push((status, dialog)),
            Err(error) => {
                failed = true;
                screen.error(&format!("send_receive: {error}"));
            }
        }
    }
    if !ended.is_empty() {
        sample.map(tempfile::TempDir::keep); // for the user to look at
    }
    // When all bars are gone.
    for (status, dialog) in ended {
        dialog.summary(status);
        failed |= status.is_err();
    }
    Ok(match (failed, screen.is_canceled()) {
        (true, true) => ExitCode::from(INTERRUPTED),
        (true, false) => ExitCode::FAILURE,
        (false, _) => ExitCode::SUCCESS,
    })
}
