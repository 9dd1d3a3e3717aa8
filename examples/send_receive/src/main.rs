//! Outlook's Send/Receive dialog in the terminal, for a store that synchronizes a real Maildir.
//!
//! This file is the host. It makes a COM object of the store, and from then on uses only the
//! pointer, as Outlook would. `dialog.rs` is the callback to which the store reports.
//! `calls.rs` prints the calls for `--verbose`. `printable.rs` guards everything that is printed.
//! The crate `maildir_store` is the store.

mod calls;
mod dialog;
mod printable;
mod status;

use clap::Parser;
use dialog::{Dialog, Screen, Show, say, say_error};
use maildir_store::maildir::Maildir;
use maildir_store::{SAMPLE, Store};
use mapisync::abi::IMAPISync;
use mapisync::{ComPtr, Error, HRESULT, Result, ResultExt, SyncFlags, SyncHost};
use std::io::{IsTerminal, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// The exit code of a run that has left something out.
const PARTIAL: u8 = 2;

/// The exit code for wrong arguments, as in `sysexits.h`.
const WRONG_USAGE: u8 = 64;

/// The exit code that shells expect of a program that Ctrl-C has ended.
const INTERRUPTED: u8 = 130;

/// Synchronizes a Maildir through the COM interfaces of an Outlook store provider.
///
/// Folders and messages that one side has and the other lacks are copied; nothing is deleted or
/// overwritten. Without arguments, the sample mailbox is synchronized into a temporary folder.
/// Ctrl-C stops the runs. A second Ctrl-C ends the program.
///
/// Exit code: 0 if everything is synchronized, 1 if a run failed, 2 if something was left out, 64
/// for wrong usage, 130 after Ctrl-C.
#[derive(Parser)]
#[command(
    name = "send_receive",
    max_term_width = 100,
    override_usage = "send_receive [SERVER_MAILDIR LOCAL_MAILDIR] [OPTIONS]"
)]
struct Args {
    /// The Maildir to synchronize from
    #[arg(value_name = "SERVER_MAILDIR", requires = "local")]
    server: Option<PathBuf>,

    /// The Maildir to synchronize into; created if it does not exist
    #[arg(value_name = "LOCAL_MAILDIR")]
    local: Option<PathBuf>,

    /// One more pair of Maildirs; each pair is a separate run
    #[arg(long, num_args = 2, value_names = ["SERVER", "LOCAL"])]
    store: Vec<PathBuf>,

    /// Fetch folders and messages (the default)
    #[arg(long)]
    download: bool,

    /// Send folders and messages that only the local Maildir has
    #[arg(long)]
    upload: bool,

    /// Fetch only the headers of messages; a later download completes them
    #[arg(long)]
    headers_only: bool,

    /// The flags of the request: upload-hierarchy, download-hierarchy, upload-contents,
    /// download-contents, outgoing-mail, background, these-folders, global-headers, on-demand
    #[arg(long, value_name = "FLAG,…", value_delimiter = ',', value_parser = flag)]
    flags: Vec<SyncFlags>,

    /// Show the dialog at a readable speed, as the sample does in a terminal
    #[arg(long)]
    slow: bool,

    /// Keep the temporary folder of the sample
    #[arg(long, conflicts_with_all = ["server", "store"])]
    keep: bool,

    /// Print errors only
    #[arg(long, short, conflicts_with = "verbose")]
    quiet: bool,

    /// Print every call across the boundary and the code that it returns
    #[arg(long, short)]
    verbose: bool,
}

impl Args {
    /// Returns the flags of the switches and of `--flags` together.
    fn all_flags(&self) -> SyncFlags {
        let download = SyncFlags::DOWNLOAD_HIERARCHY | SyncFlags::DOWNLOAD_CONTENTS;
        let upload = SyncFlags::UPLOAD_HIERARCHY | SyncFlags::UPLOAD_CONTENTS;
        let headers = SyncFlags::DOWNLOAD_HIERARCHY | SyncFlags::GLOBAL_HEADERS;
        let mut flags: SyncFlags = self.flags.iter().copied().collect();
        for (is_set, switch_flags) in
            [(self.download, download), (self.upload, upload), (self.headers_only, headers)]
        {
            if is_set {
                flags |= switch_flags;
            }
        }
        if flags.is_empty() && self.flags.is_empty() { download } else { flags }
    }
}

/// Returns the flag with this name, such as `download-contents`.
fn flag(name: &str) -> Result<SyncFlags, String> {
    SyncFlags::from_name(&name.to_uppercase().replace('-', "_")).ok_or_else(|| {
        let names =
            SyncFlags::all().iter_names().map(|(name, _)| name.to_lowercase().replace('_', "-"));
        format!("the flags are {}", names.collect::<Vec<_>>().join(", "))
    })
}

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return print_usage(&error),
    };
    match run(args) {
        Ok(code) => code,
        Err(error) => {
            say_error!("send_receive: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the help, or an error and the usage.
fn print_usage(message: &clap::Error) -> ExitCode {
    let is_error = message.use_stderr();
    for line in message.render().to_string().lines() {
        if is_error {
            say_error!("{line}");
        } else {
            say!("{line}");
        }
    }
    ExitCode::from(if is_error { WRONG_USAGE } else { 0 })
}

/// Opens the store, and names the argument if that fails.
fn open((server, local): (&Path, &Path), option: &str) -> Result<Store> {
    Maildir::open(server).context(format!("{option}SERVER_MAILDIR"))?;
    Store::open(server, local).context(format!("{option}LOCAL_MAILDIR"))
}

fn run(args: Args) -> Result<ExitCode> {
    let pairs = args.store.chunks_exact(2);
    let mut pairs: Vec<_> = pairs.map(|pair| (&*pair[0], &*pair[1], "--store ")).collect();
    if let (Some(server), Some(local)) = (&args.server, &args.local) {
        pairs.push((server, local, ""));
    }
    let sample = if pairs.is_empty() {
        Some(tempfile::Builder::new().prefix("mapisync-").tempdir()?)
    } else {
        None
    };
    if let Some(local) = &sample {
        if !args.quiet {
            let local = local.path().display();
            say!("Synchronizing the sample mailbox into {local}");
        }
        pairs.push((SAMPLE.as_ref(), local.path(), ""));
    }
    let show = match (args.quiet, args.verbose) {
        (true, _) => Show::Quiet,
        (_, true) => Show::Calls,
        _ => Show::Steps,
    };
    let is_slow = args.slow || (sample.is_some() && stdout().is_terminal());
    let screen = Screen::new(show, is_slow);

    if args.verbose {
        calls::print();
    }

    // After Ctrl-C the dialogs cancel the runs as Outlook does: their next Progress fails.
    let on_interrupt = screen.clone();
    let interrupt = move || {
        if on_interrupt.cancel() {
            std::process::exit(INTERRUPTED.into());
        }
    };
    ctrlc::set_handler(interrupt)
        .map_err(|error| Error::new(HRESULT::E_FAIL, error.to_string()))?;

    // Each store becomes a COM object. Outlook would receive this pointer from the store's
    // QueryInterface.
    let several = pairs.len() > 1;
    let mut stores = vec![];
    for (server, local, option) in pairs {
        let sync = ComPtr::<IMAPISync>::new(open((server, local), option)?);
        let name = local.file_name().filter(|_| several).unwrap_or_default();
        let name = name.to_string_lossy().into_owned();
        stores.push((sync, Arc::new(Dialog::new(&screen, name))));
    }

    // From here on, only COM pointers connect the two sides. Start all runs, then wait for each.
    let flags = args.all_flags();
    let start = |(sync, dialog): (ComPtr<IMAPISync>, Arc<Dialog>)| {
        let host = SyncHost::new(dialog.clone());
        let run = calls::store_span(dialog.name()).in_scope(|| host.start(&sync, flags));
        (run, dialog)
    };
    let runs: Vec<_> = stores.into_iter().map(start).collect();
    let (mut failed, mut partial, mut ended) = (false, false, vec![]);
    for (run, dialog) in runs {
        match run.and_then(|run| run.wait(Duration::MAX)) {
            Ok(status) => ended.push((status, dialog)),
            Err(error) => {
                failed = true;
                screen.error(&format!("send_receive: {error}"));
            }
        }
    }
    if let Some(local) = sample {
        end_sample(local, args.keep || screen.is_canceled(), args.quiet);
    }
    // All bars are gone now, so they do not overwrite the summaries.
    for (status, dialog) in ended {
        dialog.summary(status);
        failed |= status.is_err();
        partial |= status == HRESULT::MAPI_W_PARTIAL_COMPLETION;
    }
    Ok(match (failed, partial) {
        (true, _) if screen.is_canceled() => ExitCode::from(INTERRUPTED),
        (true, _) => ExitCode::FAILURE,
        (false, true) => ExitCode::from(PARTIAL),
        (false, false) => ExitCode::SUCCESS,
    })
}

/// Removes or keeps the temporary folder, and says so.
fn end_sample(local: tempfile::TempDir, keep: bool, quiet: bool) {
    let path = local.path().to_owned();
    let end = if keep {
        let _path = local.keep();
        "is kept"
    } else {
        drop(local);
        "is removed again; --keep keeps it"
    };
    if !quiet {
        say!("{} {end}", path.display());
    }
}
